"""Find short texts that are near-duplicates of each other.

MinHash with banding (Broder 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets",
chapter 3) proposes pairs, the Jaccard index of their character shingles decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5
ALIKE = 0.7  # the Jaccard index from which two texts are near-duplicates

_PERMUTATIONS = 64
# Of 4 rows: two texts with a Jaccard index of 0.7 meet with probability 0.99, of 0.4 with 0.34.
_BANDS = 16
_MOST_MET = 64  # of a band, so that many that are nearly alike cost no square of their number
_MARGIN = 0.2  # more than three standard errors of the index that a signature estimates
_RANDOM = np.random.Generator(np.random.PCG64(7))
_FACTORS = _RANDOM.integers(1 << 63, size=(_PERMUTATIONS, 1), dtype=np.uint64) * 2 + 1
_TERMS = _RANDOM.integers(1 << 63, size=(_PERMUTATIONS, 1), dtype=np.uint64)
_POWERS = np.uint64(0x9E3779B97F4A7C15) ** np.arange(SHINGLE, dtype=np.uint64)


class Sketch(NamedTuple):
    """The shingles of a text, sorted uint64 (n,), n at least 1, and its signature, uint32 (64,)."""

    shingles: NDArray[np.uint64]
    signature: NDArray[np.uint32]


class AlikeIndex:
    """Texts, numbered as they are added, among which near-duplicates of others are found."""

    def __init__(self) -> None:
        self._shingles: list[NDArray[np.uint64]] = []
        self._signatures = np.empty((64, _PERMUTATIONS), np.uint32)
        self._met: defaultdict[bytes, list[int]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._shingles)

    def add(self, one: Sketch) -> None:
        """Add a text."""
        number = len(self)
        if number == len(self._signatures):
            self._signatures = np.concatenate([self._signatures, np.empty_like(self._signatures)])
        self._signatures[number] = one.signature
        self._shingles.append(one.shingles)
        for band in _bands(one.signature):
            met = self._met[band]
            if len(met) < _MOST_MET:
                met.append(number)

    def nearest(self, one: Sketch) -> int | None:
        """Return the number of the most alike text, the first of equals, None below ALIKE."""
        met = (self._met.get(band, ()) for band in _bands(one.signature))
        numbers = np.unique(np.fromiter((n for some in met for n in some), np.int64))
        likely = (self._signatures[numbers] == one.signature).mean(axis=1) >= ALIKE - _MARGIN
        indices = [(_jaccard(one, self._shingles[n]), -n) for n in numbers[likely].tolist()]
        index, number = max(indices, default=(0.0, 0))
        return -number if index >= ALIKE else None


def sketch(text: str) -> Sketch:
    """Return the sketch of a text; what is to count as alike must be masked and levelled before."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    if len(points) < SHINGLE:
        points = np.pad(points, (0, SHINGLE - len(points)))
    windows = np.lib.stride_tricks.sliding_window_view(points, SHINGLE)
    shingles = np.unique((windows * _POWERS).sum(axis=1, dtype=np.uint64))
    hashes = (shingles * _FACTORS + _TERMS) >> np.uint64(32)
    return Sketch(shingles, hashes.min(axis=1).astype(np.uint32))


def alike_groups(texts: Iterable[str]) -> list[list[int]]:
    """Return groups of places: the first of each, its leader, and later ones alike to it."""
    index = AlikeIndex()
    groups: list[list[int]] = []
    for place, text in enumerate(texts):
        one = sketch(text)
        leader = index.nearest(one)
        if leader is None:
            index.add(one)
            groups.append([place])
        else:
            groups[leader].append(place)
    return groups


def _jaccard(one: Sketch, shingles: NDArray[np.uint64]) -> float:
    """Return the Jaccard index of a text and one with these shingles."""
    common = len(np.intersect1d(one.shingles, shingles, assume_unique=True))
    return common / (len(one.shingles) + len(shingles) - common)


def _bands(signature: NDArray[np.uint32]) -> list[bytes]:
    """Return the bands of a signature, each with its number."""
    rows = signature.reshape(_BANDS, -1)
    return [bytes((number,)) + row.tobytes() for number, row in enumerate(rows)]
