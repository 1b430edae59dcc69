"""What disguises cost, from scores alone."""

from __future__ import annotations

import numpy as np
import pytest

from scamdetect.evaluation.evasion import ALL, Disguised, Message, disguise, evasion_results

SCAM, HONEST = "invest 100 coins at pay.example now", "lunch tomorrow near the old bridge"


def _messages() -> list[Message]:
    scams = [Message(SCAM, f"s{n}", True, "Latn") for n in range(4)]
    return scams + [Message(HONEST, f"h{n}", False, "Latn") for n in range(4)]


def test_disguises_leave_out_what_they_do_not_change() -> None:
    found = {(d.evasion, d.strength): d for d in disguise(_messages(), ["light", "heavy"])}
    assert found["other_chinese", "heavy"].places == ()
    assert set(found["link_tricks", "heavy"].places) == {0, 1, 2, 3}
    assert found["spaced", "heavy"].places == tuple(range(8))
    assert all(text not in (SCAM, HONEST) for d in found.values() for text in d.texts)
    again = disguise(_messages(), ["light", "heavy"])
    assert again == list(found.values())


def test_recall_kept_and_flags_gained() -> None:
    one = Disguised("spaced", "medium", (0, 1, 2, 3, 4, 5, 6, 7), ("x",) * 8)
    two = Disguised("dotted", "medium", (0, 4), ("y",) * 2)
    clean = np.array([0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.9])
    after = np.array([0.9, 0.9, 0.1, 0.1, 0.9, 0.1, 0.1, 0.9, 0.1, 0.9])
    spaced, dotted, pooled = evasion_results(_messages(), [one, two], clean, after, {"flag": 0.5})
    assert (spaced.n_scam, spaced.n_legit, dotted.n_scam) == (4, 4, 1)
    assert spaced.kept["flag"].value == pytest.approx(2 / 3)
    assert [rate.value for rate in spaced.rates["flag"].fpr] == [0.25, 0.5]
    assert spaced.rates["flag"].legit_by_group == {"Latn": (4, 1, 2)}
    assert dotted.kept["flag"].value == 0.0
    assert (pooled.evasion, pooled.strength, pooled.n_scam) == (ALL, "medium", 5)
    assert pooled.kept["flag"].value == pytest.approx(2 / 4)


def test_without_a_flagged_scam_nothing_can_be_kept() -> None:
    one = Disguised("spaced", "light", (0,), ("x",))
    (found, _) = evasion_results(_messages(), [one], np.zeros(8), np.ones(1), {"flag": 0.5})
    assert found.kept["flag"] is None and found.auc == (None, None)
