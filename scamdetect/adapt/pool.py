"""The messages nearest to a threshold, no two with the same masked text, in bounded memory."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scamdetect.text.masking import beginning, template_key


class Candidate(NamedTuple):
    """A row of the dump, how far its logit is from the threshold, and its masked text."""

    distance: float
    row: int
    key: str


class Pool:
    """At most ``size`` candidates, the nearest; of equal masked texts the nearest, then first."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: dict[str, tuple[float, int, str]] = {}  # by masked text, with its beginning
        # Farthest first. What a nearer copy replaced stays in it, to be passed over at the top.
        self._heap: list[tuple[float, int, str]] = []
        # Copies of a campaign would else take all places. Most are alike to the letter, which is
        # seen without masking them.
        self._texts: set[str] = set()

    def add(
        self,
        distances: NDArray[np.float64],
        rows: NDArray[np.int64],
        text: Callable[[int], str],
    ) -> None:
        """Take the near ones of some rows (n,); ``text`` reads the one at a place."""
        if not self.size:
            return
        for place in np.flatnonzero(distances < self._reach()).tolist():
            distance, row = float(distances[place]), int(rows[place])
            if distance >= self._reach():
                continue
            start = beginning(text(place))
            if start in self._texts:
                continue
            key = template_key(start)
            known = self._kept.pop(key, None)
            if known is not None and known[0] <= distance:
                self._kept[key] = known
                continue
            if known is None and len(self._kept) >= self.size:
                known = self._kept.pop(heapq.heappop(self._heap)[2])
            if known is not None:
                self._texts.discard(known[2])
            self._kept[key] = (distance, row, start)
            self._texts.add(start)
            heapq.heappush(self._heap, (-distance, -row, key))
            self._pass_over()

    def candidates(self) -> list[Candidate]:
        """Return the candidates, nearest first."""
        return sorted(Candidate(far, row, key) for key, (far, row, _) in self._kept.items())

    def _reach(self) -> float:
        """Return the distance that a candidate must stay under."""
        return np.inf if len(self._kept) < self.size else -self._heap[0][0]

    def _pass_over(self) -> None:
        if len(self._heap) > 2 * self.size:
            self._heap = [(-far, -row, key) for key, (far, row, _) in self._kept.items()]
            heapq.heapify(self._heap)
        while self._stale(self._heap[0]):
            heapq.heappop(self._heap)

    def _stale(self, entry: tuple[float, int, str]) -> bool:
        known = self._kept.get(entry[2])
        return known is None or (-known[0], -known[1]) != entry[:2]
