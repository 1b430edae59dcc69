"""Logits, curves and calibrated probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.calibration.probabilities import (
    Curve,
    scam_logits,
    sigmoid,
    softmax,
    verdict_probabilities,
)
from scamdetect.errors import InputError

CURVE = Curve(((-3.0, -5.0), (0.0, -1.0), (2.0, 2.5)))
logits = st.lists(st.floats(-12, 12), min_size=3, max_size=3)


@given(st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3), st.floats(0.1, 10))
def test_softmax_is_a_distribution_in_the_order_of_the_logits(
    logits: list[float], temperature: float
) -> None:
    row = softmax([logits], temperature)[0]
    assert row.dtype == np.float32
    assert row.sum() == pytest.approx(1, abs=1e-6)
    assert row[int(np.argmax(logits))] == row.max()


def test_sigmoid_survives_extreme_logits() -> None:
    assert sigmoid([-1e6, 0.0, 1e6]).tolist() == [0.0, 0.5, 1.0]
    assert sigmoid([2.0], temperature=2.0)[0] == pytest.approx(1 / (1 + math.exp(-1)))


@given(st.floats(-20, 20), st.floats(1e-3, 10))
def test_a_curve_never_changes_an_order(logit: float, step: float) -> None:
    assert CURVE(logit) < CURVE(logit + step)


def test_a_curve_is_linear_between_knots_and_goes_on_with_slope_one() -> None:
    assert CURVE([-4.0, -3.0, -1.5, 2.0, 3.0]).tolist() == [-6.0, -5.0, -3.0, 2.5, 3.5]
    assert Curve()([-7.0, 0.1]).tolist() == [-7.0, 0.1]


@pytest.mark.parametrize("second", [(0.0, 1.0), (1.0, 0.0), (math.nan, 1.0), (1.0, math.inf)])
def test_a_curve_that_does_not_rise_is_refused(second: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="increase in both columns"):
        Curve(((0.0, 0.0), second))


@given(logits)
def test_calibration_moves_the_scam_and_keeps_the_ratio_of_the_others(row: list[float]) -> None:
    plain = softmax([row])[0].astype(float)
    moved = verdict_probabilities([row], 1.0, CURVE, [(2.0, -0.5)])[0].astype(float)
    assert moved.sum() == pytest.approx(1, abs=1e-6)
    expected = CURVE(scam_logits([row])) / 2.0 - 0.5
    assert moved[2] == pytest.approx(1 / (1 + math.exp(-expected[0])), rel=1e-4)
    assert moved[0] * plain[1] == pytest.approx(moved[1] * plain[0], rel=1e-4, abs=1e-12)
