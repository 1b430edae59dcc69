"""Group near-duplicate templates, millions at a time.

Two templates are candidates if four consecutive ones of their 64 MinHash values agree in their low
bytes (banding; a value of 8 bits: Li and König, "b-Bit Minwise Hashing", WWW 2010). If enough
values of a candidate pair agree, the Jaccard index of the shingles decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scamdetect.text.masking import key_of
from scamdetect.text.near_duplicates import (
    ALIKE,
    BANDS,
    PERMUTATIONS,
    jaccard,
    shingles,
    signatures,
)

Ints = NDArray[np.int64]

_LIKELY = round((ALIKE - 0.1) * PERMUTATIONS)  # nearly two standard errors below
_MOST_ROUNDS = 64  # of a band, so that many similar templates do not take quadratic time
_COMPARED, _CONFIRMED = 1 << 16, 100_000  # pairs whose signatures, and texts, are in memory


def similar_groups(
    templates: Iterable[Sequence[str]],
    messages: Ints,
    texts: Callable[[Ints], Sequence[str]],
    folder: Path,
) -> Ints:
    """Return a number for each template, equal for near-duplicates, directly or through others.

    ``templates`` come in batches, and again by sorted numbers from ``texts``. A template without
    ``messages`` of its own joins one near-duplicate but merges nothing. Signatures are kept in a
    file in the folder.
    """
    parents = np.arange(len(messages))
    if not len(messages):
        return parents
    bands = np.memmap(folder / "signatures", np.uint32, "w+", shape=(BANDS, len(messages)))
    start = 0
    for batch in templates:
        low = signatures(list(map(key_of, batch))).astype(np.uint8)
        bands[:, start : start + len(batch)] = low.view(np.uint32).T
        start += len(batch)
    earlier = messages == 0
    for band in range(BANDS):
        pairs = [np.empty((2, 0), np.int64), *_candidates(bands, band, parents, earlier)]
        joined = np.concatenate(pairs, axis=1)
        for start in range(0, joined.shape[1], _CONFIRMED):
            _join(parents, joined[:, start : start + _CONFIRMED], earlier, texts)
    return _roots(parents, parents)


def _roots(parents: Ints, numbers: Ints) -> Ints:
    """Return the representative of the set of each number."""
    roots = parents[numbers]
    while not np.array_equal(above := parents[roots], roots):
        roots = above
    return roots


def _candidates(
    bands: NDArray[Any], band: int, parents: Ints, earlier: NDArray[np.bool_]
) -> Iterator[Ints]:
    """Yield pairs of templates, (2, n), that agree in a band and often enough in all.

    The first template of a key leads; those unlike it are compared with the next.
    """
    members = np.lexsort((earlier, bands[band]))
    for _ in range(_MOST_ROUNDS):
        keys = bands[band, members]
        starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
        leaders = np.repeat(members[starts], np.diff(starts, append=len(keys)))
        # Joined templates are done. Nothing joins a template of an earlier dump, which comes last.
        kept = (_roots(parents, members) != _roots(parents, leaders)) & ~earlier[leaders]
        kept &= ~(earlier[members] & (parents[members] != members))
        members, leaders = members[kept], leaders[kept]
        likely = np.zeros(len(members), bool)
        for start in range(0, len(members), _COMPARED):
            part = slice(start, start + _COMPARED)
            one, other = (
                np.ascontiguousarray(bands[:, side[part]].T).view(np.uint8)
                for side in (members, leaders)
            )
            likely[part] = (one == other).sum(axis=1) >= _LIKELY
        yield np.stack([leaders[likely], members[likely]])
        members = members[~likely]
        if not len(members):
            return


def _join(
    parents: Ints,
    pairs: Ints,
    earlier: NDArray[np.bool_],
    texts: Callable[[Ints], Sequence[str]],
) -> None:
    """Merge the sets of the pairs whose shingles are similar."""
    pairs = pairs[:, _roots(parents, pairs[0]) != _roots(parents, pairs[1])]
    needed = np.unique(pairs)
    keys = dict(zip(needed.tolist(), map(key_of, texts(needed)), strict=True))
    known = lru_cache(maxsize=1024)(shingles)
    alike = [jaccard(known(keys[a]), known(keys[b])) >= ALIKE for a, b in pairs.T.tolist()]
    leaders, members = pairs[:, np.array(alike, bool)]
    single = earlier[members]
    parents[members[single]] = leaders[single]
    while True:
        roots = np.sort(_roots(parents, np.stack([leaders, members])[:, ~single]), axis=0)
        low, high = roots[:, roots[0] != roots[1]]
        if not len(low):
            return
        parents[high] = low  # of several for one set the last is kept; the next round has the rest
