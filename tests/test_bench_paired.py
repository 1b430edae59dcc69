from __future__ import annotations

import pytest
from bench_rows import rows, target

from scamdetect.bench.figures.changes import differences, mcnemar


def test_mcnemar_is_exact() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(10, 0) == pytest.approx(2 / 2**10)
    assert mcnemar(3, 3) == 1.0


def compared(first, second, third=None):
    records = rows(100, 200)
    targets = {"a": target(records, first), "b": target(records, second)}
    if third is not None:
        targets["c"] = target(records, third)
    return differences("s", targets, dict.fromkeys(targets, 0.5))


def test_a_better_detector_is_told_from_a_worse_one() -> None:
    good = [0.9] * 100 + [0.1] * 200
    bad = [0.9] * 60 + [0.05] * 40 + [0.1] * 200
    (found,) = compared(good, bad)
    assert (found.first_alone, found.second_alone) == (40, 0)
    assert found.p < 1e-6
    assert found.recall_at.value == pytest.approx(0.4)
    assert 0 < found.recall_at.low <= found.recall_at.high


def test_equal_detectors_are_not_told_apart() -> None:
    same = [0.9] * 100 + [0.1] * 200
    (found,) = compared(same, same)
    assert found.p == 1.0
    assert (found.recall_at.low, found.recall_at.value, found.recall_at.high) == (0, 0, 0)


def test_many_comparisons_are_corrected() -> None:
    good = [0.9] * 100 + [0.1] * 200
    worse = [0.9] * 93 + [0.05] * 7 + [0.1] * 200
    (alone,) = compared(good, worse)
    among = {(one.first, one.second): one.p for one in compared(good, worse, good)}
    assert among["a", "b"] == pytest.approx(3 * alone.p)


def test_copies_of_one_message_count_once() -> None:
    records = [one | {"group": "one"} if one["verdict"] == "scam" else one for one in rows(20, 200)]
    targets = {
        "a": target(records, [0.9] * 20 + [0.1] * 200),
        "b": target(records, [0.1] * 220),
    }
    (found,) = differences("s", targets, {"a": 0.5, "b": 0.5})
    assert (found.first_alone, found.second_alone) == (1, 0)


def test_a_detector_without_a_threshold_is_compared_with_none() -> None:
    records = rows(5, 5)
    targets = {name: target(records, [0.5] * 10) for name in "ab"}
    assert differences("s", targets, {"a": 0.5, "b": None}) == []
