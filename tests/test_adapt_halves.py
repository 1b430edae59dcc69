"""Thresholds chosen on one half of the messages and measured on the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect.adapt.halves import Half, measure, move, needed, split
from scamdetect.adapt.own_rows import OwnRows
from scamdetect.calibration.statistics import clopper_pearson
from scamdetect.calibration.thresholds import Thresholds
from scamdetect.errors import InputError
from scamdetect.labels import Verdict

pytestmark = pytest.mark.slow

BEFORE = Thresholds(0.9, 0.6)


def own(legit: list[float], scam: list[float], groups: list[int] | None = None) -> OwnRows:
    n = len(legit) + len(scam)
    verdicts = np.array([Verdict.LEGIT] * len(legit) + [Verdict.SCAM] * len(scam), object)
    scores = np.array([*legit, *scam], np.float64)
    return OwnRows(scores, verdicts, np.array(groups or range(n), np.int64), 0, 0, 0, 0)


def drawn(n: int, scams: int, seed: int = 0) -> OwnRows:
    random = np.random.default_rng(seed)
    legit = random.beta(0.5, 8, n).astype(np.float32).astype(float)
    return own(legit.tolist(), random.beta(6, 2, scams).astype(np.float32).tolist())


def over(half: Half, threshold: float) -> float:
    return float(half.legit_weights[half.legit >= threshold].sum() / half.legit_weights.sum())


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.floats(0, 0.9375, width=32), min_size=60, max_size=120),
    st.lists(st.floats(0, 1, width=32), max_size=20),
    st.lists(st.integers(0, 200), min_size=140, max_size=140),
    st.sampled_from([0.1, 0.2, 0.3]),
    st.integers(0, 5),
)
def test_the_threshold_keeps_the_rate_on_the_half_that_chose_it(
    legit: list[float], scam: list[float], groups: list[int], fpr: float, seed: int
) -> None:
    rows = own(legit, scam, groups[: len(legit) + len(scam)])
    try:
        moved, points = move(rows, {"flag": fpr, "review": 0.4}, BEFORE, seed)
    except InputError as problem:
        assert "needs" in str(problem)
        return
    choosing, measuring = split(rows, seed)
    for one in moved:
        assert over(choosing, one.after.threshold) <= one.fpr + 1e-9
        assert one.after == measure(measuring, one.after.threshold)
    assert moved[0].after.threshold >= moved[1].after.threshold > 0
    assert {one.fpr for one in moved} <= {point.fpr for point in points}


@given(st.lists(st.integers(0, 9), min_size=2, max_size=60), st.integers(0, 9))
def test_a_group_is_in_one_half_alone_and_weighs_one(groups: list[int], seed: int) -> None:
    halves = split(own([0.1] * len(groups), [], groups), seed)
    one, other = (set(half.legit_groups.tolist()) for half in halves)
    assert not one & other and one | other == set(groups)
    assert abs(len(one) - len(other)) <= 1
    for half in halves:
        assert half.legit_weights.sum() == pytest.approx(len(set(half.legit_groups.tolist())))


def test_figures_are_those_of_the_measuring_half() -> None:
    rows = drawn(4000, 300)
    (flag, review), points = move(rows, {"flag": 0.01, "review": 0.03}, BEFORE, 0)
    assert flag.after.legit == pytest.approx(2000) and flag.after.scam == pytest.approx(150)
    low, high = flag.after.fpr_interval
    assert low < flag.after.fpr < high and low < 0.01 < high
    assert flag.before.threshold == 0.9 and review.before.threshold == 0.6
    assert flag.before.recall is not None and flag.after.recall is not None
    assert flag.after.recall > flag.before.recall
    assert [point.fpr for point in points] == [
        0.001,
        0.002,
        0.005,
        0.01,
        0.02,
        0.03,
        0.05,
        0.1,
        0.2,
    ]
    assert next(p for p in points if p.fpr == 0.01).threshold == flag.after.threshold


def test_copies_are_no_evidence() -> None:
    copied = own([0.1] * 4000, [0.9], [*([7] * 4000), 8])
    with pytest.raises(InputError, match=r"4,000 honest rows .* 1 distinct .* 200,"):
        move(copied, {"flag": 0.01, "review": 0.03}, BEFORE, 0)


def test_too_few_honest_messages_are_refused_with_how_many_are_needed() -> None:
    least, well = needed(0.01)
    with pytest.raises(InputError, match=f"200, and {well:,} for"):
        move(drawn(198, 50), {"flag": 0.01, "review": 0.03}, BEFORE, 0)
    move(drawn(200, 50), {"flag": 0.01, "review": 0.03}, BEFORE, 0)
    assert least == 200


@pytest.mark.parametrize("fpr", [0.5, 0.05, 0.01, 0.001])
def test_as_many_as_are_needed_bound_the_rate_and_one_fewer_do_not(fpr: float) -> None:
    half = needed(fpr)[1] // 2
    assert clopper_pearson(fpr * half, half)[1] < 2 * fpr
    assert fpr * (half - 1) < 1 or clopper_pearson(fpr * (half - 1), half - 1)[1] >= 2 * fpr


def test_without_scams_there_is_no_recall() -> None:
    (flag, _), _ = move(drawn(400, 0), {"flag": 0.01, "review": 0.03}, BEFORE, 0)
    assert flag.after.recall is None and flag.after.scam == 0


def test_honest_messages_at_the_highest_score_are_refused() -> None:
    with pytest.raises(InputError, match="rate of .*--fpr"):
        move(own([1.0] * 300, [1.0]), {"flag": 0.01, "review": 0.03}, BEFORE, 0)
