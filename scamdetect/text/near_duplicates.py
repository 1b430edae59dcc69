"""Find short texts that are near-duplicates of each other.

MinHash with banding (Broder 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets",
chapter 3) proposes pairs, the Jaccard index of their character shingles decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5
ALIKE = 0.7  # texts with at least this Jaccard index are near-duplicates

PERMUTATIONS = 64
# With 4 rows, two texts with a Jaccard index of 0.7 meet with probability 0.99, of 0.4 with 0.34.
BANDS = 16
_MOST_MET = 64  # of a band, so that many similar texts do not take quadratic time
_MARGIN = 0.2  # more than three standard errors of the index estimated by a signature
_TOGETHER = 1 << 16  # shingles whose hashes fit into a core's cache
_RANDOM = np.random.Generator(np.random.PCG64(7))
_FACTORS = _RANDOM.integers(1 << 63, size=(PERMUTATIONS, 1), dtype=np.uint64) * 2 + 1
_TERMS = _RANDOM.integers(1 << 63, size=(PERMUTATIONS, 1), dtype=np.uint64)
_HIGH = np.uint64(32)  # the better half of a hash
_POWERS = np.uint64(0x9E3779B97F4A7C15) ** np.arange(SHINGLE, dtype=np.uint64)


class Sketch(NamedTuple):
    """The shingles of a text, sorted uint64 (n,), n at least 1, and its signature, uint32 (64,)."""

    shingles: NDArray[np.uint64]
    signature: NDArray[np.uint32]


class AlikeIndex:
    """Texts, numbered in the order added, to search for near-duplicates."""

    def __init__(self) -> None:
        self._shingles: list[NDArray[np.uint64]] = []
        self._signatures = np.empty((64, PERMUTATIONS), np.uint32)
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
        """Return the number of the most similar text, the first of equals, None below ALIKE."""
        met = (self._met.get(band, ()) for band in _bands(one.signature))
        numbers = np.unique(np.fromiter((n for some in met for n in some), np.int64))
        likely = (self._signatures[numbers] == one.signature).mean(axis=1) >= ALIKE - _MARGIN
        indices = [(jaccard(one.shingles, self._shingles[n]), -n) for n in numbers[likely].tolist()]
        index, number = max(indices, default=(0.0, 0))
        return -number if index >= ALIKE else None


def sketch(text: str) -> Sketch:
    """Return the sketch of a text that was masked and levelled before."""
    found = shingles(text)
    hashes = (found * _FACTORS + _TERMS) >> _HIGH
    return Sketch(found, hashes.min(axis=1).astype(np.uint32))


def signatures(texts: Sequence[str]) -> NDArray[np.uint32]:
    """Return the signatures of texts, uint32 (n, 64), as in their sketches but faster."""
    padded = [_padded(text) for text in texts]
    ends = np.cumsum([len(text) - SHINGLE + 1 for text in padded])
    found = np.empty((len(texts), PERMUTATIONS), np.uint32)
    first = 0
    while first < len(texts):
        before = ends[first - 1] if first else 0
        after = max(first + 1, int(np.searchsorted(ends, before + _TOGETHER, "right")))
        found[first:after] = _minima(padded[first:after])
        first = after
    return found


def _minima(padded: Sequence[str]) -> NDArray[np.uint32]:
    """Return the signatures of some texts of at least one shingle each."""
    lengths = np.array([len(text) for text in padded])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    windows = _in_order("".join(padded))
    hashes = np.empty_like(windows)
    # Shingles across the border of two texts belong to neither.
    across = (starts[1:, None] - np.arange(1, SHINGLE)).ravel()
    found = np.empty((len(padded), PERMUTATIONS), np.uint32)
    for number in range(PERMUTATIONS):
        np.multiply(windows, _FACTORS[number], out=hashes)
        np.add(hashes, _TERMS[number], out=hashes)
        hashes[across] = np.iinfo(np.uint64).max
        found[:, number] = np.minimum.reduceat(hashes, starts) >> _HIGH
    return found


def _padded(text: str) -> str:
    return text.ljust(SHINGLE, "\0")


def _in_order(text: str) -> NDArray[np.uint64]:
    """Return a number for each shingle of a padded text, in order, (n,)."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    count = len(points) - SHINGLE + 1
    found: NDArray[np.uint64] = points[:count] * _POWERS[0]
    for place in range(1, SHINGLE):
        found += points[place : place + count] * _POWERS[place]
    return found


def shingles(text: str) -> NDArray[np.uint64]:
    """Return the shingles of a text, sorted uint64 (n,), n at least 1."""
    found = np.sort(_in_order(_padded(text)))
    distinct: NDArray[np.uint64] = found[np.append(True, found[1:] != found[:-1])]
    return distinct


def jaccard(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    """Return the Jaccard index of the shingles of two texts, 0 to 1."""
    places = np.minimum(np.searchsorted(one, other), len(one) - 1)
    common = int(np.count_nonzero(one[places] == other))
    return common / (len(one) + len(other) - common)


def alike_groups(texts: Iterable[str]) -> list[list[int]]:
    """Return groups of indices: the first text of each, its leader, and later similar ones."""
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


def _bands(signature: NDArray[np.uint32]) -> list[bytes]:
    """Return the bands of a signature, each with its number."""
    rows = signature.reshape(BANDS, -1)
    return [bytes((number,)) + row.tobytes() for number, row in enumerate(rows)]
