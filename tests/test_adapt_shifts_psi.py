"""The population stability index."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.adapt.shifts import Level, contributions, psi, worst

COUNTS = st.lists(st.integers(0, 5000), min_size=1, max_size=8).filter(any)


@given(COUNTS)
def test_equal_samples_have_no_shift(counts: list[int]) -> None:
    found = psi(counts, counts)
    assert found.value == pytest.approx(0) and found.level is Level.NONE


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=8))
def test_the_index_is_never_negative_and_the_same_both_ways(pairs: list[tuple[int, int]]) -> None:
    r, c = zip(*pairs, strict=True)
    assert (contributions(r, c) >= 0).all()
    assert contributions(r, c).sum() == pytest.approx(contributions(c, r).sum())


def test_the_index_is_that_of_the_formula() -> None:
    r, c = np.array([900.5, 100.5]) / 1001, np.array([600.5, 400.5]) / 1001
    expected = sum((b - a) * math.log(b / a) for a, b in zip(r, c, strict=True))
    found = psi([900, 100], [600, 400])
    assert found.value == pytest.approx(expected)
    assert found.low < expected < found.high and found.level is Level.ALERT


def test_an_empty_bin_counts_and_is_not_infinite() -> None:
    found = psi([1000, 0], [800, 200])
    assert found.level is Level.ALERT and math.isfinite(found.high)


def test_few_messages_raise_no_alert_by_chance() -> None:
    few = psi([3, 3, 3, 1], [1, 4, 2, 3])
    assert few.value > 0.25 and few.chance > few.value and few.level is Level.NONE
    many = psi([3000, 3000, 3000, 1000], [1000, 4000, 2000, 3000])
    assert many.level is Level.ALERT


@pytest.mark.parametrize("side", [([], []), ([0, 0], [3, 4])])
def test_nothing_to_compare_is_no_shift(side: tuple[list[int], list[int]]) -> None:
    assert psi(*side).level is Level.NONE


def test_the_most_pressing_level_wins() -> None:
    assert worst([Level.NONE, Level.ALERT, Level.WATCH]) is Level.ALERT
    assert worst([Level.UNKNOWN, Level.WATCH]) is Level.WATCH
    assert worst([Level.UNKNOWN]) is Level.NONE
