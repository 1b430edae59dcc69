"""Fine counts and the tenths that a reference makes of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.adapt.shifts import LENGTHS, PROBABILITIES, FineCounts

VALUES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60)


def counts(values: object, edges: np.ndarray = PROBABILITIES) -> FineCounts:
    made = FineCounts(edges)
    made.add(values)  # type: ignore[arg-type]
    return made


@given(VALUES, VALUES)
def test_every_number_is_in_one_bin(reference: list[float], current: list[float]) -> None:
    cuts = counts(reference).cuts()
    assert cuts == sorted(set(cuts))
    for values in (reference, current):
        assert sum(counts(values).by_cuts(cuts)) == len(values)


def test_bins_are_tenths_of_the_reference() -> None:
    values = np.random.default_rng(0).beta(0.5, 20, 20_000)
    reference = counts(values)
    shares = np.array(reference.by_cuts(reference.cuts())) / 20_000
    assert len(shares) == 10 and np.abs(shares - 0.1).max() < 0.01


def test_a_shift_to_either_side_of_one_shared_score_is_seen() -> None:
    shared = counts([0.01] * 100)
    cuts = shared.cuts()
    assert [counts([value]).by_cuts(cuts).index(1) for value in (0.001, 0.01, 0.5)] == [0, 1, 2]


def test_lengths_of_no_and_very_many_characters_count() -> None:
    assert counts([0, 1, 160, 5e7], LENGTHS).counts.sum() == 4
