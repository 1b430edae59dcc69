"""What disguises cost, from scores alone."""

from __future__ import annotations

import numpy as np
import pytest

from scamdetect.calibration.statistics import Estimate
from scamdetect.evaluate.evasion import (
    ALL,
    Disguised,
    EvasionResult,
    Message,
    Rates,
    disguise,
    evasion_results,
    script,
)
from scamdetect.evaluate.sections import evasion_bar

pytestmark = pytest.mark.slow

SCAM, HONEST = "invest 100 coins at pay.example now", "lunch tomorrow near the old bridge"


def _messages(times: int = 1) -> list[Message]:
    scams = [Message(SCAM, f"s{n}", True, "Latn") for n in range(4 * times)]
    return scams + [Message(HONEST, f"h{n}", False, "Latn") for n in range(4 * times)]


def test_disguises_leave_out_what_they_do_not_change() -> None:
    found = {(d.evasion, d.strength): d for d in disguise(_messages(), ["light", "heavy"])}
    assert found["other_chinese", "heavy"].places == ()
    assert set(found["link_tricks", "heavy"].places) == {0, 1, 2, 3}
    assert found["spaced", "heavy"].places == tuple(range(8))
    assert all(text not in (SCAM, HONEST) for d in found.values() for text in d.texts)
    again = disguise(_messages(), ["light", "heavy"])
    assert again == list(found.values())


def test_recall_kept_and_flags_gained() -> None:
    one = Disguised("spaced", "medium", tuple(range(80)), ("x",) * 80)
    two = Disguised("dotted", "medium", (*range(20), 40), ("y",) * 21)
    clean = np.array([0.9] * 30 + [0.1] * 40 + [0.9] * 10)
    spaced_scores = [0.9] * 20 + [0.1] * 20 + [0.9] * 10 + [0.1] * 20 + [0.9] * 10
    after = np.array(spaced_scores + [0.1] * 20 + [0.9])
    spaced, dotted, pooled = evasion_results(_messages(10), [one, two], clean, after, {"flag": 0.5})
    assert (spaced.n_scam, spaced.n_legit, dotted.n_scam) == (40, 40, 20)
    assert spaced.kept["flag"].value == pytest.approx(20 / 30)
    assert [rate.value for rate in spaced.rates["flag"].fpr] == [0.25, 0.5]
    assert spaced.rates["flag"].legit_by_group == {"Latn": (40, 10, 20)}
    assert dotted.kept["flag"].value == 0.0
    assert (pooled.evasion, pooled.strength, pooled.n_scam) == (ALL, "medium", 60)
    assert pooled.kept["flag"].value == pytest.approx(20 / 50)
    # Those flagged clean, each once: nobody else can be lost.
    assert [found.kept["flag"].n for found in (spaced, dotted, pooled)] == [30, 20, 30]


def test_with_few_flagged_scams_nothing_says_what_is_kept() -> None:
    one = Disguised("spaced", "light", tuple(range(40)), ("x",) * 40)
    clean = np.array([0.9] * 19 + [0.1] * 61)
    (found, _) = evasion_results(_messages(10), [one], clean, np.ones(40), {"flag": 0.5})
    assert found.kept["flag"] is None and found.auc == (None, None)


@pytest.mark.parametrize(
    ("text", "name"),
    [("привет, Bob", "CYRILLIC"), ("hello", "LATIN"), ("你好", "CJK"), ("5 + 5", "-"), ("", "-")],
)
def test_a_text_has_the_script_of_most_letters(text: str, name: str) -> None:
    assert script(text) == name


def _result(
    evasion: str, strength: str, kept: float | None, honest: tuple[float, float] | None
) -> EvasionResult:
    def estimate(value: float) -> Estimate:
        return Estimate(value, 0.0, 1.0, 100)

    fpr = (estimate(honest[0]), estimate(honest[1])) if honest else (None, None)
    left = None if kept is None else estimate(kept)
    rates = {"flag": Rates((None, None), fpr, {})}
    return EvasionResult(evasion, strength, 100, 100, (None, None), rates, {"flag": left})


@pytest.mark.parametrize(
    ("evasion", "strength", "kept", "honest", "said"),
    [
        (ALL, "medium", 0.95, (0.01, 0.015), "recall met, honest texts met"),
        (ALL, "light", 0.95, (0.01, 0.01), "recall missed, honest texts met"),
        (ALL, "light", None, (0.01, 0.02), "recall not measured, honest texts missed"),
        (ALL, "light", 0.99, None, "recall met"),
        (ALL, "heavy", 0.10, (0.01, 0.90), "-"),
        ("spaced", "medium", 0.10, (0.01, 0.02), "honest texts missed"),
        ("spaced", "medium", 0.10, (0.01, 0.00), "honest texts met"),
        ("spaced", "medium", 0.10, None, "-"),
    ],
)
def test_bars_on_disguises(
    evasion: str,
    strength: str,
    kept: float | None,
    honest: tuple[float, float] | None,
    said: str,
) -> None:
    assert evasion_bar(_result(evasion, strength, kept, honest)) == said
