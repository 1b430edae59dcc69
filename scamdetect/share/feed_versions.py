"""Collect the entries of feeds, keep the last version of each, and build the look-up list.

Each entry takes about 40 bytes, so that ten million fit into memory.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scamdetect.dumps.listed import Listed, Patterns, listed_key, pattern_of
from scamdetect.dumps.sieve import Sieve, has_odd_host, host_of, part_hash
from scamdetect.errors import InputError
from scamdetect.share.listing import Listing
from scamdetect.text.indicators import IndicatorType

MOST_INDICATORS = 10_000_000
_MOST_REASONS = 100  # a feed can contain any number of types


@dataclass
class FeedReport:
    """The result for one feed: how many indicators are used, and what was left out.

    ``reasons`` has, by reason, the number and the first place.
    """

    name: str
    taken: int = 0
    reasons: dict[str, tuple[int, str]] = field(default_factory=dict)

    def leave_out(self, reason: str, place: str, count: int = 1) -> None:
        """Count an indicator that is not used."""
        if reason not in self.reasons and len(self.reasons) >= _MOST_REASONS:
            reason = "for other reasons"
        before, first = self.reasons.get(reason, (0, place))
        self.reasons[reason] = before + count, first

    def lines(self) -> list[str]:
        """Return the lines of the report."""
        left = [
            f"{self.name}: {count:,} left out, the first at {place}: {reason}"
            for reason, (count, place) in self.reasons.items()
        ]
        return [f"{self.name}: {self.taken:,} indicators are used", *left]


class Versions:
    """All entries that were read; the last version of each id is used."""

    def __init__(self) -> None:
        self._ids = array("Q")
        self._changed = array("d")
        self._objects = array("Q")
        self._keys = array("Q")
        self._parts = array("Q")
        self._feeds = array("B")
        self._reasons = array("H")
        self._codes: dict[str, int] = {"": 0}
        self._first: dict[tuple[int, int], str] = {}  # place by feed and reason
        self._varying: dict[int, Listing] = {}
        self._odd: list[int] = []
        self._types: set[IndicatorType] = set()
        self._last_place: tuple[int, str] | None = None

    def add(self, one: Listing, feed: int, reason: str | None) -> None:
        """Add an entry; with a reason it is not used. Raises InputError if there are too many."""
        number = len(self._ids)
        if number >= MOST_INDICATORS:
            raise InputError(
                f"{one.source}: more than {MOST_INDICATORS:,} indicators in all feeds; pass fewer"
            )
        code = self._codes.setdefault(reason or "", len(self._codes))
        self._first.setdefault((feed, code), one.place)
        if one.type is IndicatorType.LINK and "*" in one.value.split("/")[3:]:
            self._varying[number] = one
        if has_odd_host(one.type, one.value):
            self._odd.append(number)
        if (feed, one.place) != self._last_place:
            self._last_place = feed, one.place
            self._objects.append((self._objects[-1] + 1) if self._objects else 0)
        else:
            self._objects.append(self._objects[-1])
        self._types.add(one.type)
        self._ids.append(_hash(one.id or f"{feed}\x00{one.type}\x00{one.value}"))
        self._changed.append(one.changed.timestamp() if one.changed else 0.0)
        self._keys.append(listed_key(one.type, one.value))
        self._parts.append(part_hash(one.type, one.value))
        self._feeds.append(feed)
        self._reasons.append(code)

    def listed(self, reports: Sequence[FeedReport], region: str | None) -> Listed:
        """Return the list of valid entries, and count the others in the reports of the feeds."""
        codes, feeds = np.asarray(self._reasons), np.asarray(self._feeds)
        last = self._last()
        self._report(reports, last, codes, feeds)
        good = last & (codes == 0)
        bits = np.left_shift(np.uint64(1), feeds.astype(np.uint64))
        patterns = self._patterns(good, bits)
        plain = good.copy()
        plain[list(self._varying)] = False
        keys, masks = _joined(np.asarray(self._keys, np.uint64)[plain], bits[plain])
        names = tuple(report.name for report in reports)
        shown = [(host, [one[1:] for one in some]) for host, some in sorted(patterns.items())]
        digest = hashlib.sha256(keys.tobytes() + masks.tobytes())
        digest.update(repr((sorted(self._types), region, names, shown)).encode())
        return Listed(
            keys=keys,
            masks=masks,
            feeds=names,
            types=frozenset(self._types),
            digest=digest.hexdigest(),
            sieve=Sieve(
                self._types,
                np.asarray(self._parts, np.uint64)[good],
                odd=bool(good[self._odd].any()),
            ),
            region=region,
            patterns=patterns,
        )

    def _last(self) -> NDArray[np.bool_]:
        """Return which entries are the last version of their id, and which ids have several."""
        ids, objects = np.asarray(self._ids, np.uint64), np.asarray(self._objects, np.uint64)
        order = np.lexsort((objects, np.asarray(self._changed), ids))
        if not len(order):
            return np.empty(0, bool)
        ends = np.flatnonzero(np.append(ids[order][1:] != ids[order][:-1], True))
        newest = np.repeat(objects[order][ends], np.diff(ends, prepend=-1))
        last = np.empty(len(ids), bool)
        last[order] = objects[order] == newest
        return last

    def _report(
        self,
        reports: Sequence[FeedReport],
        last: NDArray[np.bool_],
        codes: NDArray[np.uint16],
        feeds: NDArray[np.uint8],
    ) -> None:
        reasons = {code: reason for reason, code in self._codes.items()}
        for feed, report in enumerate(reports):
            counts = np.bincount(codes[last & (feeds == feed)], minlength=len(reasons))
            report.taken = int(counts[0])
            for code in np.flatnonzero(counts[1:]).tolist():
                place = self._first[feed, code + 1]
                report.leave_out(reasons[code + 1], place, int(counts[code + 1]))
            if older := int(np.count_nonzero(~last & (feeds == feed))):
                report.leave_out("an earlier version of another", "several places", older)

    def _patterns(self, good: NDArray[np.bool_], bits: NDArray[np.uint64]) -> Patterns:
        found = defaultdict(list)
        for number, one in self._varying.items():
            if good[number]:
                pattern = pattern_of(one.value), one.value, int(bits[number])
                found[host_of(one.value)].append(pattern)
        return {host: tuple(patterns) for host, patterns in found.items()}


def _joined(
    keys: NDArray[np.uint64], bits: NDArray[np.uint64]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the keys in order without duplicates, and the feeds of each."""
    unique, places = np.unique(keys, return_inverse=True)
    masks = np.zeros(len(unique), np.uint64)
    np.bitwise_or.at(masks, places, bits)
    return unique, masks


def _hash(name: str) -> int:
    raw = name.encode("utf-8", "backslashreplace")
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")
