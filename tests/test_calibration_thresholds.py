"""Thresholds, intervals and decision bands."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.calibration.statistics import clopper_pearson, wilson
from scamdetect.calibration.thresholds import Thresholds, threshold_at_fpr
from scamdetect.errors import InputError
from scamdetect.labels import Decision

scores = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=200)


@given(scores, st.floats(0, 1))
def test_threshold_is_the_lowest_one(legit: list[float], fpr: float) -> None:
    threshold = threshold_at_fpr(legit, fpr)
    below = [score for score in legit if score < threshold]
    if below:
        assert np.mean(np.asarray(legit) >= max(below)) > fpr


@given(scores, st.floats(0, 1))
def test_threshold_holds_for_the_decimals_that_predictions_carry(
    legit: list[float], fpr: float
) -> None:
    threshold = threshold_at_fpr(legit, fpr)
    carried = [float(str(np.float32(score))) for score in legit]
    assert np.mean(np.asarray(carried) >= threshold) <= fpr * (1 + 1e-9)


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.integers(1, 4)), min_size=1, max_size=60))
def test_an_integer_weight_equals_repeated_rows(rows: list[tuple[float, int]]) -> None:
    values, weights = zip(*rows, strict=True)
    repeated = np.repeat(values, weights)
    assert threshold_at_fpr(values, 0.25, weights) == threshold_at_fpr(repeated, 0.25)


@pytest.mark.parametrize(
    ("successes", "trials", "lower", "upper"),
    [  # scipy.stats.beta.ppf
        (0, 10, 0.0, 0.3084971),
        (5, 10, 0.1870860, 0.8129140),
        (10, 10, 0.6915029, 1.0),
        (3, 1000, 0.0006190999, 0.008742023),
        (0, 0, 0.0, 1.0),
    ],
)
def test_clopper_pearson(successes: int, trials: int, lower: float, upper: float) -> None:
    assert clopper_pearson(successes, trials) == pytest.approx((lower, upper), rel=1e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_contain_the_share(counts: tuple[int, int]) -> None:
    share = counts[0] / counts[1]
    for lower, upper in (clopper_pearson(*counts), wilson(*counts)):
        assert 0 <= lower <= share <= upper <= 1


@pytest.mark.parametrize(
    "arguments", [([], 0.1), ([math.nan], 0.1), ([0.5], 1.5), ([0.5], 0.1, [0.0])]
)
def test_unusable_scores_are_refused(arguments: tuple[list[float], float]) -> None:
    with pytest.raises(InputError):
        threshold_at_fpr(*arguments)


def test_decision_bands_include_their_thresholds() -> None:
    bands = Thresholds(flag=0.9, review=0.6)
    decisions = [bands.decide(p) for p in (0.9, 0.89, 0.6, 0.59)]
    assert decisions == [Decision.FLAG, Decision.REVIEW, Decision.REVIEW, Decision.PASS]
