"""Pass 2 of campaigns: merge near-duplicate templates, in bounded memory.

Equal templates get one number. Two templates are candidates if four consecutive ones of their 64
MinHash values agree in their low bytes (banding; a value of 8 bits: Li and König, "b-Bit Minwise
Hashing", WWW 2010). If enough values of a candidate pair agree, the Jaccard index of the shingles
decides, as in ``text.near_duplicates``. Near-duplicates are merged (union-find); single templates
that were sent once are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.frames.arrow import number_array, numbers, one_array
from scamdetect.scored.templates import PARTS, part_cuts, read_parts
from scamdetect.system.files import OWNER, create
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
Progress = Callable[[float], None]

NONE = -1
_LIKELY = round((ALIKE - 0.1) * PERMUTATIONS)  # nearly two standard errors below
_MOST_ROUNDS = 64  # of a band, so that many similar templates do not take quadratic time
_TOGETHER = 1 << 18  # templates whose keys of a band are compared together
_EXACT = 100_000  # pairs whose texts are in memory together
_TEXTS = 1 << 15
_PLACE = (1 << 32) - 1  # of a record, the half that is not the segment


class Space:
    """All templates of some segments, numbered from 0 in the order of their hashes, in files."""

    def __init__(self, segments: Sequence[Path], folder: Path) -> None:
        self.segments = tuple(segments)
        self.folder = folder
        self.size = 0
        self.has_earlier = False
        self._starts = [0]  # of the parts

    def fill(self, progress: Progress) -> None:
        """Write the templates with their numbers; raise OSError."""
        with ExitStack() as files:
            names = ("hashes", "messages", "homes")
            hashes, messages, homes = (
                files.enter_context(create(self._path(name), OWNER)) for name in names
            )
            bands = [files.enter_context(create(self._band(band), OWNER)) for band in range(BANDS)]
            for part in range(PARTS):
                found = _joined_part(self.segments, part)
                hashes.write(found.hashes.tobytes())
                messages.write(found.messages.astype(np.int32).tobytes())
                homes.write(found.homes.tobytes())
                self.has_earlier |= not found.messages.all()
                for some in found.templates:
                    low = signatures(list(map(key_of, some))).astype(np.uint8)
                    for band, column in enumerate(low.view(np.uint32).T):
                        bands[band].write(column.tobytes())
                self.size += len(found.hashes)
                self._starts.append(self.size)
                progress((part + 1) / PARTS)

    def messages(self, start: int, end: int) -> NDArray[np.int32]:
        """Return the number of messages of some templates, 0 for those of an earlier dump."""
        return self._read("messages", np.dtype(np.int32), start, end)

    def mapped_messages(self) -> NDArray[np.int32]:
        """Return ``messages`` of all templates, mapped from the file."""
        return _mapped(self._path("messages"), np.dtype(np.int32))

    def hashes(self, sorted_numbers: Ints) -> NDArray[np.uint64]:
        """Return the hashes of templates."""
        return self._taken("hashes", np.dtype(np.uint64), sorted_numbers)

    def hashes_of(self, numbers: Ints) -> NDArray[np.uint64]:
        """Return the hashes of templates in any order."""
        order = np.argsort(numbers)
        found = np.empty(len(numbers), np.uint64)
        found[order] = self.hashes(numbers[order])
        return found

    def numbers(self, hashes: NDArray[np.uint64]) -> Ints:
        """Return the numbers of sorted hashes, all of which exist."""
        cuts = part_cuts(hashes)
        found = np.empty(len(hashes), np.int64)
        for part in np.flatnonzero(np.diff(cuts)).tolist():
            here = slice(cuts[part], cuts[part + 1])
            start, end = self._starts[part], self._starts[part + 1]
            known = self._read("hashes", np.dtype(np.uint64), start, end)
            found[here] = start + np.searchsorted(known, hashes[here])
        return found

    def templates(
        self, sorted_numbers: Ints, form: Callable[[str], str] = lambda text: text
    ) -> list[str]:
        """Return the texts of some templates, each in this form."""
        homes = self._taken("homes", np.dtype(np.int64), sorted_numbers)
        parts = np.searchsorted(self._starts, sorted_numbers, "right") - 1
        found: list[str] = [""] * len(homes)
        order = np.argsort(homes >> 32, kind="stable")  # which keeps the parts in their order
        for places in np.split(order, _starts(homes[order] >> 32)[1:]) if len(order) else ():
            here = parts[places]
            batches = read_parts(
                self.segments[homes[places[0]] >> 32], np.unique(here).tolist(), ["template"]
            )
            for some, batch in zip(np.split(places, _starts(here)[1:]), batches, strict=True):
                texts = batch.column(0).take(number_array(homes[some] & _PLACE))
                for place, text in zip(some.tolist(), texts.to_pylist(), strict=True):
                    found[place] = form(text)
        return found

    def keys_of_band(self, band: int, start: int, end: int) -> NDArray[np.uint32]:
        """Return the four low bytes of each of some templates in a band."""
        return self._read(self._band(band).name, np.dtype(np.uint32), start, end)

    def agreements(self, one: Ints, other: Ints) -> NDArray[np.uint8]:
        """Return how many of 64 values the two templates of each pair share."""
        found = np.zeros(len(one), np.uint8)
        for band in range(BANDS):
            column = _mapped(self._band(band), np.dtype(np.uint32))
            differing = np.asarray(column[one] ^ column[other])
            same = differing.view(np.uint8).reshape(-1, 4) == 0
            found += same.sum(axis=1, dtype=np.uint8)
        return found

    def remove(self) -> None:
        """Remove the files; raise OSError."""
        for name in ("hashes", "messages", "homes"):
            self._path(name).unlink()
        self.remove_bands()

    def remove_bands(self) -> None:
        """Remove the files that only ``agreements`` and ``keys_of_band`` read; raise OSError."""
        for band in range(BANDS):
            self._band(band).unlink(missing_ok=True)

    def _taken(self, name: str, kind: np.dtype, sorted_numbers: Ints) -> NDArray:  # type: ignore[type-arg]
        """Return values of sorted numbers, read slice by slice."""
        found = np.empty(len(sorted_numbers), kind)
        cuts = np.searchsorted(sorted_numbers, self._starts)
        for part in np.flatnonzero(np.diff(cuts)).tolist():
            start, end = self._starts[part], self._starts[part + 1]
            here = slice(cuts[part], cuts[part + 1])
            found[here] = self._read(name, kind, start, end)[sorted_numbers[here] - start]
        return found

    def _read(self, name: str, kind: np.dtype, start: int, end: int) -> NDArray:  # type: ignore[type-arg]
        path = self._path(name) if "." not in name else self.folder / name
        return np.fromfile(path, kind, end - start, offset=start * kind.itemsize)

    def _band(self, band: int) -> Path:
        return self._path(f"band-{band:02}")

    def _path(self, name: str) -> Path:
        return self.folder / f"space-{name}.bin"


@dataclass(frozen=True)
class _Part:
    """The templates of a part in the order of their hashes; texts are read in batches."""

    hashes: NDArray[np.uint64]
    messages: Ints
    homes: Ints  # the first segment with the template, and its place in the part there
    templates: Iterator[list[str]]


def _joined_part(segments: Sequence[Path], part: int) -> _Part:
    names = ("hash", "messages", "template")
    batches = [batch for path in segments for batch in read_parts(path, [part], names)]
    table = pa.Table.from_batches(batches)
    hashes = numbers(one_array(table["hash"])).view(np.uint64)
    order = np.argsort(hashes, kind="stable")
    starts = _starts(hashes[order])
    firsts = order[starts]
    sizes = np.array([batch.num_rows for batch in batches], np.int64)
    before = np.repeat(np.cumsum(sizes) - sizes, sizes)
    homes = np.repeat(np.arange(len(batches)), sizes) << 32 | (np.arange(len(hashes)) - before)
    messages = numbers(one_array(table["messages"]))[order]
    texts = table["template"]

    def templates() -> Iterator[list[str]]:
        for start in range(0, len(firsts), _TEXTS):
            yield texts.take(number_array(firsts[start : start + _TEXTS])).to_pylist()

    sums = np.add.reduceat(messages, starts) if len(starts) else messages
    return _Part(hashes[firsts], sums, homes[firsts], templates())


class Union:
    """The merged sets of numbers below ``size``."""

    def __init__(self, size: int) -> None:
        self.parents = np.arange(size, dtype=np.int32)
        self._view = memoryview(self.parents.data)  # fast for one number at a time

    def roots(self, of: Ints) -> Ints:
        """Return the representative of the set of each number."""
        found = self.parents[of]
        while not np.array_equal(above := self.parents[found], found):
            found = above
        return found.astype(np.int64)

    def root(self, of: int) -> int:
        """Return the representative of the set of a number."""
        parents = self._view
        while (above := parents[of]) != of:
            parents[of] = parents[above]
            of = above
        return of

    def unite(self, one: int, other: int) -> None:
        """Merge the set of ``other`` into that of ``one``, whose root remains."""
        self._view[self.root(other)] = self.root(one)


def unite_alike(space: Space, progress: Progress) -> Union:
    """Return which templates of a space are near-duplicates, directly or through others.

    A template of an earlier dump joins a near-duplicate, but merges nothing.
    """
    union = Union(space.size)
    for band in range(BANDS):
        waiting: list[tuple[Ints, Ints]] = []
        for members, keys in _slices(space, band):
            waiting += _likely(space, union, members, keys)
            if sum(len(others) for others, _ in waiting) >= _EXACT:
                _confirm(space, union, waiting)
                waiting = []
        _confirm(space, union, waiting)
        progress((band + 1) / BANDS)
    return union


def _slices(space: Space, band: int) -> Iterator[tuple[Ints, NDArray[np.uint32]]]:
    """Yield templates with their keys in a band, grouped by key, those of these dumps first."""
    count = max(1, -(-space.size // _TOGETHER))
    for number in range(count):
        ours, earlier, keys, earlier_keys = [], [], [], []
        for start in range(0, space.size, _TOGETHER):
            end = min(start + _TOGETHER, space.size)
            found = space.keys_of_band(band, start, end)
            here = np.flatnonzero((found.astype(np.uint64) * count) >> np.uint64(32) == number)
            is_ours = space.messages(start, end)[here] > 0
            ours.append(here[is_ours] + start)
            keys.append(found[here[is_ours]])
            earlier.append(here[~is_ours] + start)
            earlier_keys.append(found[here[~is_ours]])
        if not ours:
            return
        members, key = np.concatenate([*ours, *earlier]), np.concatenate([*keys, *earlier_keys])
        order = np.argsort(key, kind="stable")
        yield members[order], key[order]


def _likely(
    space: Space, union: Union, members: Ints, keys: NDArray[np.uint32]
) -> list[tuple[Ints, Ints]]:
    """Return pairs of templates, and those to join, that agree often enough.

    The first template of a key leads; those unlike it are compared with the next.
    """
    found = []
    for _ in range(_MOST_ROUNDS):
        starts = _starts(keys)
        sizes = np.diff(starts, append=len(keys))
        leaders = np.repeat(members[starts], sizes)
        kept = np.repeat(sizes > 1, sizes)
        kept[starts] = False
        members, keys, leaders = members[kept], keys[kept], leaders[kept]
        # Joined templates are done. Nothing joins a template of an earlier dump, which comes last.
        kept = union.roots(members) != union.roots(leaders)
        earlier = _is_earlier(space, members)
        kept &= ~(earlier & (union.parents[members] != members)) & ~_is_earlier(space, leaders)
        members, keys, leaders = members[kept], keys[kept], leaders[kept]
        if not len(members):
            break
        likely = space.agreements(members, leaders) >= _LIKELY
        found.append((members[likely], leaders[likely]))
        members, keys = members[~likely], keys[~likely]
    return found


def _is_earlier(space: Space, members: Ints) -> NDArray[np.bool_]:
    """Return which templates have no message in the current dumps."""
    if not space.has_earlier:
        return np.zeros(len(members), bool)
    found: NDArray[np.bool_] = np.asarray(space.mapped_messages()[members] == 0)
    return found


def _confirm(space: Space, union: Union, pairs: Sequence[tuple[Ints, Ints]]) -> None:
    """Merge the pairs whose shingles are similar, unless they are merged already."""
    if not pairs:
        return
    others = np.concatenate([one for one, _ in pairs])
    leaders = np.concatenate([one for _, one in pairs])
    order = np.lexsort((others, leaders))
    for start in range(0, len(order), _EXACT):
        some = order[start : start + _EXACT]
        needed = np.unique(np.concatenate([others[some], leaders[some]]))
        keys = space.templates(needed, key_of)
        places = (np.searchsorted(needed, side[some]).tolist() for side in (others, leaders))
        last, own = NONE, shingles("")
        for other, leader in zip(*places, strict=True):
            one, two = int(needed[leader]), int(needed[other])
            if union.root(one) == union.root(two):
                continue
            if leader != last:
                last, own = leader, shingles(keys[leader])
            if jaccard(own, shingles(keys[other])) >= ALIKE:
                union.unite(one, two)


@dataclass(frozen=True)
class Found:
    """The campaigns among the templates of a space.

    ``labels`` (templates,) int32 is the number of each template's campaign, NONE if it has no
    campaign. ``leaders`` are the most frequent template of each campaign, of equal ones the one
    with the lowest hash, and ``templates`` its number of templates in the current dumps.
    """

    labels: NDArray[np.int32]
    leaders: Ints
    templates: Ints


def found_campaigns(space: Space, union: Union, at_least: int) -> Found:
    """Return the campaigns of at least so many messages; this consumes the union."""
    labels = union.parents
    sums = np.zeros(space.size, np.int32)
    for start, end in _blocks(space.size):
        roots = union.roots(np.arange(start, end))
        np.add.at(sums, roots, space.messages(start, end))
        labels[start:end] = roots  # this changes no root
    count = 0
    for start, end in _blocks(space.size):
        is_one = sums[start:end] >= at_least
        sums[start:end] = NONE
        some = int(np.count_nonzero(is_one))
        sums[start:end][is_one] = np.arange(count, count + some)
        count += some
    leaders, templates = np.full(count, NONE, np.int64), np.zeros(count, np.int64)
    most = np.zeros(count, np.int32)
    for start, end in _blocks(space.size):
        labels[start:end] = here = sums[labels[start:end]]
        messages = space.messages(start, end)
        places = np.flatnonzero((here != NONE) & (messages > 0))
        np.add.at(templates, here[places], 1)
        order = places[np.lexsort((places, -messages[places], here[places]))]
        firsts = order[_starts(here[order])]
        better = firsts[messages[firsts] > most[here[firsts]]]
        most[here[better]], leaders[here[better]] = messages[better], better + start
    return Found(labels, leaders, templates)


def _blocks(size: int) -> Iterator[tuple[int, int]]:
    for start in range(0, size, _TOGETHER):
        yield start, min(start + _TOGETHER, size)


def _starts(values: NDArray) -> Ints:  # type: ignore[type-arg]
    """Return where each run of equal values starts."""
    changes = np.ones(len(values), bool)
    changes[1:] = values[1:] != values[:-1]
    return np.flatnonzero(changes)


def _mapped(path: Path, kind: np.dtype) -> NDArray:  # type: ignore[type-arg]
    """Return the values of a file, mapped into memory."""
    return np.memmap(path, kind, "r") if path.stat().st_size else np.empty(0, kind)
