"""A uniform sample of a stream."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.adapt.sampling import UniformSample


def drawn(size: int, batches: list[int], seed: int = 0) -> UniformSample[int]:
    sample: UniformSample[int] = UniformSample(size, seed)
    first = 0
    for count in batches:
        sample.add(count, lambda place, first=first: first + place)
        first += count
    return sample


@given(st.integers(0, 30), st.lists(st.integers(0, 40), max_size=6))
def test_inclusion_probabilities_sum_to_the_size(size: int, batches: list[int]) -> None:
    sample = drawn(size, batches)
    kept = sample.items()
    assert len(kept) == min(size, sum(batches)) and kept == sorted(set(kept))
    assert sample.inclusion * sample.seen == pytest.approx(len(kept))


@given(st.lists(st.integers(0, 40), max_size=6))
def test_batches_do_not_change_the_sample(batches: list[int]) -> None:
    assert drawn(7, batches).items() == drawn(7, [sum(batches)]).items()


def test_every_item_is_as_likely_as_any_other() -> None:
    counts = np.zeros(20)
    for seed in range(2000):
        counts[drawn(5, [13, 7], seed).items()] += 1
    assert np.abs(counts / 2000 - 0.25).max() < 0.05
