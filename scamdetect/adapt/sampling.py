"""Choose messages that are unlike each other and unlike those chosen before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from scamdetect.adapt.pool import Candidate
from scamdetect.text.near_duplicates import AlikeIndex, Sketch, sketch

# Signatures tell similarity to about an eighth; within one step the nearer candidate goes first.
_STEPS = 8
_CLOSEST = 2  # times as many candidates as are wanted may be chosen from


class Chosen:
    """What was chosen so far, over all languages; near-duplicates of it are never chosen."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._index = AlikeIndex()
        for key in keys:
            self._index.add(sketch(key))

    def choose(self, candidates: Sequence[Candidate], n: int) -> list[Candidate]:
        """Return at most ``n`` candidates, given nearest first, and hold them for chosen.

        Of near-duplicates the nearest stays. Of the nearest then, twice as many as wanted, the
        one least like any taken before is taken, the nearest of equals (farthest-first
        traversal, Gonzalez 1985).
        """
        kept = self._distinct(candidates, max(_CLOSEST * n, n + 10))
        taken: list[int] = []
        nearest = np.zeros(len(kept), np.int64)  # by the steps of likeness to what was taken
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
