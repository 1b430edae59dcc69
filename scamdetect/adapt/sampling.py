"""Select messages in bounded memory: at random, near a threshold, by language, diverse."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import floor, sqrt
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from scamdetect.text.masking import beginning, template_key
from scamdetect.text.near_duplicates import AlikeIndex, Sketch, sketch


class Candidate(NamedTuple):
    """A row of the dump, the distance of its logit from the threshold, and its masked text."""

    distance: float
    row: int
    key: str


class Pool:
    """At most ``size`` candidates, the nearest; of equal masked texts the nearest, then first."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: dict[str, tuple[float, int, str]] = {}  # by masked text, with its start
        # Farthest first. Entries replaced by a nearer copy remain, and are skipped at the top.
        self._heap: list[tuple[float, int, str]] = []
        # Otherwise copies of a campaign would take all places. Most are exact copies, which needs
        # no masking.
        self._texts: set[str] = set()

    def add(
        self,
        distances: NDArray[np.float64],
        rows: NDArray[np.int64],
        text: Callable[[int], str],
    ) -> None:
        """Add the near ones of some rows (n,); ``text`` reads the one at an index."""
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
        """Return the distance below which candidates are accepted."""
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


# Signatures estimate similarity to about an eighth; within one step the nearer candidate is first.
_STEPS = 8
_CLOSEST = 2  # candidates per wanted message


class Chosen:
    """The messages chosen so far, in all languages; near-duplicates of them are never chosen."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._index = AlikeIndex()
        for key in keys:
            self._index.add(sketch(key))

    def choose(self, candidates: Sequence[Candidate], n: int) -> list[Candidate]:
        """Return at most ``n`` candidates, given nearest first, and add them to the chosen ones.

        Of near-duplicates the nearest is kept. Then, of twice as many nearest ones as wanted, the
        one least similar to all chosen before is taken repeatedly, the nearest of equals
        (farthest-first traversal, Gonzalez 1985).
        """
        kept = self._distinct(candidates, max(_CLOSEST * n, n + 10))
        taken: list[int] = []
        nearest = np.zeros(len(kept), np.int64)  # by the steps of similarity to the chosen ones
        signatures = np.array([one.signature for _, one in kept])
        while len(taken) < min(n, len(kept)):
            place = int(nearest.argmin())
            taken.append(place)
            like = (signatures == signatures[place]).mean(axis=1)
            nearest = np.maximum(nearest, (like * _STEPS).astype(np.int64))
            nearest[taken] = _STEPS + 1
        for place in taken:
            self._index.add(kept[place][1])
        return [kept[place][0] for place in taken]

    def _distinct(
        self, candidates: Sequence[Candidate], most: int
    ) -> list[tuple[Candidate, Sketch]]:
        own = AlikeIndex()
        kept: list[tuple[Candidate, Sketch]] = []
        for candidate in candidates:
            one = sketch(candidate.key)
            if self._index.nearest(one) is None and own.nearest(one) is None:
                own.add(one)
                kept.append((candidate, one))
            if len(kept) == most:
                break
        return kept


def quotas(counts: Mapping[str, int], n: int) -> dict[str, int]:
    """Return how many of ``n`` messages each language gets, at most as many as it has.

    Quotas are proportional to the square root of the counts (a power allocation; M. D. Bankier, The
    American Statistician 42(3), 1988): a compromise between shares, which leave nothing to rare
    languages, and equal numbers, which leave too little to frequent ones. Each gets one if ``n``
    suffices.
    """
    left = {name: count for name, count in counts.items() if count > 0}
    given = dict.fromkeys(left, 0)
    if len(left) <= n:
        given = dict.fromkeys(left, 1)
    while (rest := min(n, sum(left.values())) - sum(given.values())) > 0:
        open_ = [name for name in sorted(left) if given[name] < left[name]]
        whole = sum(sqrt(left[name]) for name in open_)
        wanted = {name: rest * sqrt(left[name]) / whole for name in open_}
        for name in open_:
            given[name] += min(floor(wanted[name]), left[name] - given[name])
        rest = min(n, sum(left.values())) - sum(given.values())
        ranked = sorted(open_, key=lambda name: (floor(wanted[name]) - wanted[name], name))
        for name in [name for name in ranked if given[name] < left[name]][:rest]:
            given[name] += 1
    return given


T = TypeVar("T")


class UniformSample(Generic[T]):
    """A uniform sample of a stream: each subset of its size is equally likely.

    Every item gets a random number and those with the lowest are kept, so the sample depends on the
    seed and the order of the stream, not on its batches. ``seen`` is the length of the stream so
    far; each item is in the sample with the probability ``inclusion``.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self.seen = 0
        self._random = np.random.Generator(np.random.PCG64(seed))
        self._heap: list[tuple[float, int, T]] = []  # by the negated number, highest first

    @property
    def inclusion(self) -> float:
        """Return the probability of an item to be in the sample."""
        return min(1.0, self.size / self.seen) if self.seen else 1.0

    def add(self, count: int, item: Callable[[int], T]) -> None:
        """Add the next ``count`` items; ``item`` creates the one at an index, if it is kept."""
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
