"""The figures against known answers, and what must hold for any scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import strategies as st

from scamdetect.calibration.statistics import (
    auc,
    auc_estimate,
    clopper_pearson,
    effective_size,
    mean_by_group,
    ratio_by_group,
    recall,
    recall_at_fpr,
    recall_at_fpr_estimate,
    recall_change,
)

ranked = st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=2, max_size=60)
LEGIT = [0.1] * 98 + [0.7, 0.9]


@pytest.mark.parametrize(
    ("fpr", "expected"),
    [(0.0, 1 / 4), (0.009, 1 / 4), (0.01, 3 / 4), (0.02, 3 / 4), (0.999, 3 / 4)],
)
def test_recall_at_fpr_known_answers(fpr: float, expected: float) -> None:
    scores = [*LEGIT, 0.05, 0.8, 0.85, 0.95]
    truth = [False] * 100 + [True] * 4
    assert recall_at_fpr(scores, truth, fpr) == pytest.approx(expected)


def test_unscored_rows_are_never_flagged() -> None:
    nan = float("nan")
    assert recall_at_fpr([0.1, 0.2, nan, 0.9], [False, False, True, True], 0.0) == 0.5
    assert auc([0.1, nan], [False, True]) == 0.0


def test_auc_known_answer() -> None:
    # Pairs: 0.4 over 0.1 yes, over 0.4 half, over 0.8 no; 0.9 over all three.
    assert auc([0.1, 0.4, 0.8, 0.4, 0.9], [0, 0, 0, 1, 1]) == pytest.approx(4.5 / 6)


def test_without_one_side_there_is_no_figure() -> None:
    assert math.isnan(recall_at_fpr([0.5, 0.6], [True, True], 0.01))
    assert recall_at_fpr_estimate([0.5, 0.6], [True, True], 0.01, [0, 1]) is None
    assert auc_estimate([0.5, 0.6], [False, False], [0, 1]) is None
    assert recall(np.array([], dtype=bool)) is None


def test_perfect_recall_on_few_rows_is_not_certain() -> None:
    estimate = recall_at_fpr_estimate([0.1] * 20 + [0.9] * 10, [False] * 20 + [True] * 10, 0.01,
                                      range(30))  # fmt: skip
    assert estimate is not None
    assert (estimate.value, estimate.high, estimate.n) == (1.0, 1.0, 10)
    assert estimate.low == pytest.approx(0.7225, abs=1e-4)


def test_copies_in_one_group_do_not_narrow_the_interval() -> None:
    generator = np.random.default_rng(1)
    truth = np.repeat([True, False], 30)
    scores = generator.normal(truth * 1.0, 1.0)
    groups = np.arange(60)
    single = auc_estimate(scores, truth, groups)
    copied = auc_estimate(np.tile(scores, 20), np.tile(truth, 20), np.tile(groups, 20))
    naive = auc_estimate(np.tile(scores, 20), np.tile(truth, 20), np.arange(1200))
    assert single is not None and copied is not None and naive is not None
    assert copied.high - copied.low == pytest.approx(single.high - single.low)
    assert naive.high - naive.low < (copied.high - copied.low) / 2


def test_a_change_of_recall_is_paired() -> None:
    truth = np.arange(100) < 50
    old, new = np.where(truth, 0.4, 0.5), np.where(truth, 0.9, 0.1)
    found = recall_change(old, new, truth, 0.01, np.arange(100))
    assert found is not None and (found.value, found.low, found.high, found.n) == (
        1.0,
        1.0,
        1.0,
        50,
    )
    same = recall_change(new, new, truth, 0.01, np.arange(100))
    assert same is not None and (same.low, same.high) == (0.0, 0.0)
    assert recall_change(old, new, np.zeros(100, bool), 0.01, np.arange(100)) is None


def test_the_effective_size_counts_groups_once() -> None:
    assert effective_size([2.0] * 7) == pytest.approx(7)
    assert effective_size([1.0, 0.0]) == pytest.approx(1)
    assert effective_size([1.0] * 6, [0, 0, 0, 1, 1, 1]) == pytest.approx(2)
    assert effective_size([]) == 0.0


def test_a_mean_by_group_is_weighted_and_needs_rows() -> None:
    found = mean_by_group([1.0, 0.0, 0.0], [0, 1, 2], weights=[2.0, 1.0, 1.0])
    assert found is not None
    assert (found.value, found.n) == (0.5, 3) and found.low < 0.5 < found.high
    copies = mean_by_group([1.0, 0.0] * 50, [0, 1] * 50)
    assert copies is not None and (copies.low, copies.high) == (0.0, 1.0)
    assert mean_by_group([], []) is None


def test_a_ratio_by_group_is_of_what_held_before() -> None:
    before, after = np.arange(40) < 20, np.arange(40) < 15
    found = ratio_by_group(before, after, np.arange(40), 20)
    assert found is not None and (found.value, found.n) == (0.75, 20)
    assert ratio_by_group(~before & before, after, np.arange(40), 0) is None


def test_a_failure_of_next_to_no_weight_leaves_the_interval_open() -> None:
    # What floats leave of a weighted share of 1, whose upper end no float under 1 reaches.
    lower, upper = clopper_pearson(5, 5 + 1e-15)
    assert upper == 1.0
    assert lower == pytest.approx(clopper_pearson(5, 5)[0])
