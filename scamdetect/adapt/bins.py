"""Counts of a number in fine bins, of which a reference makes ten of about equal size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LOGITS = np.linspace(-12, 12, 2401)
PROBABILITIES: NDArray[np.float64] = 1 / (1 + np.exp(-_LOGITS))
LENGTHS: NDArray[np.float64] = np.unique(np.round(np.geomspace(1, 1e6, 700)))
_TENTHS = np.arange(1, 10) / 10


class FineCounts:
    """How many numbers fell between the edges: from one edge on and below the next.

    The edges are fixed, so that a dump is read once and its size costs no memory.
    """

    def __init__(self, edges: NDArray[np.float64]) -> None:
        self.edges = edges
        self.counts: NDArray[np.int64] = np.zeros(len(edges) + 1, np.int64)

    def add(self, values: ArrayLike) -> None:
        """Count some numbers, none of them NaN."""
        places = np.searchsorted(self.edges, np.asarray(values, np.float64), "right")
        self.counts += np.bincount(places, minlength=len(self.counts))

    def cuts(self) -> list[int]:
        """Return the places of the edges that part these numbers into tenths.

        A fine bin that holds a tenth or more by itself, such as a score that many messages share,
        is cut off on both sides, so that a shift to either is seen.
        """
        total = int(self.counts.sum())
        ends = np.searchsorted(np.cumsum(self.counts), _TENTHS * total)
        found = set(ends.tolist())
        found |= {end - 1 for end in ends.tolist() if self.counts[end] * 10 >= total}
        return sorted(cut for cut in found if 0 <= cut < len(self.edges))

    def by_cuts(self, cuts: Sequence[int]) -> list[int]:
        """Return the counts of the bins between these edges, one more than there are cuts."""
        parts = np.split(self.counts, [cut + 1 for cut in cuts])
        return [int(part.sum()) for part in parts]
