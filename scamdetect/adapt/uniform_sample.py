"""A uniform sample of a stream, drawn in one pass and bounded memory."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")


class UniformSample(Generic[T]):
    """So many items of a stream, each subset of that size as likely as any other.

    Every item gets a random number and those with the lowest stay, so that the sample depends on
    the seed and the order of the stream, not on how it is cut into batches. ``seen`` is the length
    of the stream so far; each item is in the sample with the probability ``inclusion``.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self.seen = 0
        self._random = np.random.Generator(np.random.PCG64(seed))
        self._heap: list[tuple[float, int, T]] = []  # by the number turned round, highest first

    @property
    def inclusion(self) -> float:
        """Return the probability with which an item of the stream is in the sample."""
        return min(1.0, self.size / self.seen) if self.seen else 1.0

    def add(self, count: int, item: Callable[[int], T]) -> None:
        """Take the next ``count`` items; ``item`` makes the one at a place, if it is kept."""
        numbers = self._random.random(count)
        full = len(self._heap) >= self.size
        worst = -self._heap[0][0] if full and self._heap else 1.0
        for place in np.flatnonzero(numbers < worst).tolist() if self.size else ():
            number = float(numbers[place])
            if len(self._heap) < self.size:
                heapq.heappush(self._heap, (-number, self.seen + place, item(place)))
            elif number < -self._heap[0][0]:
                heapq.heapreplace(self._heap, (-number, self.seen + place, item(place)))
        self.seen += count

    def items(self) -> list[T]:
        """Return the sample in the order of the stream."""
        return [item for _, _, item in sorted(self._heap, key=lambda entry: entry[1])]
