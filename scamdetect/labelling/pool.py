"""The messages nearest to a threshold, no two with the same masked text, in bounded memory."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scamdetect.campaigns import beginning, template_key


class Candidate(NamedTuple):
    """A row of the dump, how far its logit is from the threshold, and its masked text."""

    distance: float
    row: int
    key: str


class Pool:
    """At most ``size`` candidates, the nearest; of equal masked texts the first that was met."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._heap: list[tuple[float, int, str, str]] = []
        # Copies of a campaign would else take all places. Most are alike to the letter, which is
        # seen without masking them.
        self._texts: set[str] = set()
        self._keys: set[str] = set()

    def add(
        self,
        distances: NDArray[np.float64],
        rows: NDArray[np.int64],
        text: Callable[[int], str],
    ) -> None:
        """Take the near ones of some rows (n,); ``text`` reads the one at a place."""
        if len(self._heap) >= self.size:
            places = np.flatnonzero(distances < -self._heap[0][0])
        else:
            places = np.arange(len(distances))
        for place in places.tolist():
            distance, row = float(distances[place]), int(rows[place])
            full = len(self._heap) >= self.size
            if full and (not self._heap or distance >= -self._heap[0][0]):
                continue
            start = beginning(text(place))
            if start in self._texts or (key := template_key(start)) in self._keys:
                continue
            if full:
                _, _, old_key, old_start = heapq.heappop(self._heap)
                self._keys.discard(old_key)
                self._texts.discard(old_start)
            heapq.heappush(self._heap, (-distance, -row, key, start))
            self._keys.add(key)
            self._texts.add(start)

    def candidates(self) -> list[Candidate]:
        """Return the candidates, nearest first."""
        return sorted(Candidate(-far, -row, key) for far, row, key, _ in self._heap)
