from __future__ import annotations

import pytest
from bench_rows import row, target

from scamdetect.bench.figures.changes import ALL, kept_figures
from scamdetect.calibration.statistics import wilson

pytestmark = pytest.mark.slow


def suite_of(change_scores):
    """Return 30 scams scored 0.9 and 30 honest rows scored 0.1, and copies with these scores."""
    clean = [row(f"s{n}", "scam") for n in range(30)] + [row(f"l{n}", "legit") for n in range(30)]
    records, scores = list(clean), [0.9] * 30 + [0.1] * 30
    for (change, strength), changed in change_scores.items():
        for one, score in zip(clean, changed, strict=True):
            records.append(
                one
                | {"id": f"{one['id']}/{change}/{strength}", "clean_id": one["id"]}
                | {"change": change, "strength": strength}
            )
            scores.append(score)
    return {(one.change, one.strength): one for one in kept_figures(target(records, scores), 0.5)}


def test_recall_kept_and_honest_rows_flipped() -> None:
    found = suite_of({("leet", "light"): [0.9] * 24 + [0.2] * 6 + [0.1] * 27 + [0.8] * 3})
    leet = found["leet", "light"]
    assert leet.kept.value == pytest.approx(0.8)
    assert leet.kept.low < 0.8 < leet.kept.high
    assert [one.value for one in leet.recall] == [1.0, pytest.approx(0.8)]
    assert leet.honest_flipped == 3
    assert [one.value for one in leet.fpr] == [0.0, pytest.approx(0.1)]


def test_all_kept_of_few_is_not_certain() -> None:
    kept = suite_of({("leet", "light"): [0.9] * 30 + [0.1] * 30})["leet", "light"].kept
    assert kept.value == kept.high == 1.0
    assert kept.low == pytest.approx(wilson(30, 30)[0])


def test_changes_of_a_strength_are_pooled() -> None:
    whole, lost = [0.9] * 30 + [0.1] * 30, [0.1] * 60
    found = suite_of({("leet", "light"): whole, ("dotted", "light"): lost, ("leet", "heavy"): lost})
    assert found[ALL, "light"].kept.value == pytest.approx(0.5)
    assert found[ALL, "heavy"].kept.value == 0.0


def test_too_few_flagged_scams_say_nothing() -> None:
    records = [row("s", "scam"), row("s/x", "scam", clean_id="s", change="x")]
    (one, pooled) = kept_figures(target(records, [0.9, 0.9]), 0.5)
    assert one.kept is None
    assert (one.strength, pooled.change) == ("", ALL)
