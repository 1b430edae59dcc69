"""Indicators that others have listed, and their use on the messages of a dump.

A list may hold a million indicators, so it keeps a hash of 64 bits for each, sorted. That a value
has the hash of another that is listed happens once in some ten million million look-ups.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scamdetect.dumps.batches import Dump
from scamdetect.dumps.marked import MarkedRows, marked
from scamdetect.dumps.rows import Rows
from scamdetect.dumps.sieve import FOLD, MOST_READ, Sieve, host_of
from scamdetect.dumps.tally import RejectLimit, Tally, reject_limit
from scamdetect.errors import InputError
from scamdetect.frames.columns import INDICATORS_COLUMN
from scamdetect.labels import Decision
from scamdetect.prediction import LISTED, Prediction
from scamdetect.text.indicators import IndicatorType, indicators_of
from scamdetect.text.link_disguises import spelt_out
from scamdetect.text.link_finder import find_links
from scamdetect.text.normalise import fold

MOST_FEEDS = 64  # one bit of a mask each
# A list that fits more than a hundredth of all messages holds something that everybody writes.
FIRST_ROWS = 100_000
_MIN_ROWS = 1_000  # two of the first fifty say nothing
_MOST_SHOWN = 20  # indicators of one message
_OF_LINKS = frozenset((IndicatorType.DOMAIN, IndicatorType.LINK))

Patterns = Mapping[str, tuple[tuple[re.Pattern[str], str, int], ...]]


class Found(NamedTuple):
    """What of a list a message has: ``type:value`` of each, and the feeds as a mask."""

    names: tuple[str, ...]
    feeds: int


@dataclass(frozen=True, eq=False)
class Listed:
    """Indicators of some feeds.

    ``keys`` are the sorted hashes of types and values, uint64 (n,), ``masks`` the feeds that list
    each, one bit a feed in the order of ``feeds``. ``patterns`` are, by host, links with parts that
    vary. ``types`` are what is looked for, ``sieve`` tells which a message may have. ``region``
    (ISO 3166) is where a phone number without a country code is from. ``digest`` identifies all.
    """

    keys: NDArray[np.uint64]
    masks: NDArray[np.uint64]
    feeds: tuple[str, ...]
    types: frozenset[IndicatorType]
    digest: str
    sieve: Sieve
    region: str | None = None
    patterns: Patterns = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of indicators."""
        return len(self.keys) + sum(map(len, self.patterns.values()))

    def found(self, texts: Sequence[object]) -> list[Found | None]:
        """Return what of the list each message has, None where it has nothing."""
        names: list[str] = []
        keys: list[bytes] = []
        ends: list[int] = []
        varying: dict[int, list[tuple[str, int]]] = {}
        for place, text in enumerate(texts):
            if isinstance(text, str) and text:
                for kind, value in self._candidates(text):
                    names.append(f"{kind}:{value}")
                    keys.append(_digest(kind, value))
                    if kind is IndicatorType.LINK and self.patterns:
                        varying.setdefault(place, []).extend(self._fitting(value))
            ends.append(len(names))
        hits = self._hits(np.frombuffer(b"".join(keys), "<u8"))
        found: list[Found | None] = []
        start = 0
        for place, end in enumerate(ends):
            pairs = [(names[n], hits[n]) for n in range(start, end) if hits[n]]
            pairs += varying.get(place, ())
            found.append(_found(pairs) if pairs else None)
            start = end
        return found

    def apply(
        self, predictions: Sequence[Prediction], texts: Sequence[object]
    ) -> tuple[list[Prediction], list[Found | None]]:
        """Return the predictions, of which those with a listed indicator are to review at least.

        The ``reason`` of one that would pass says so before what it said else; scores, verdict and
        kinds stay. What was found of each message comes with them.
        """
        found = self.found(texts)
        pairs = zip(predictions, found, strict=True)
        return [one if has is None else _reviewed(one) for one, has in pairs], found

    def _candidates(self, text: str) -> Iterator[tuple[IndicatorType, str]]:
        """Yield what may be listed: the indicators in a message, the names above its hosts."""
        types = self.sieve.types_in(text)
        if types & _OF_LINKS:
            for link in find_links(spelt_out(fold(text[:MOST_READ], FOLD))):
                for name in names_above(link.host):
                    yield IndicatorType.DOMAIN, name
                if link.is_link:
                    yield IndicatorType.LINK, link.value
        if others := types - _OF_LINKS:
            for one in indicators_of(text, others, self.region):
                yield one.type, one.value

    def _fitting(self, link: str) -> Iterator[tuple[str, int]]:
        for pattern, name, mask in self.patterns.get(host_of(link), ()):
            if pattern.fullmatch(_compared(IndicatorType.LINK, link)):
                yield f"{IndicatorType.LINK}:{name}", mask

    def _hits(self, keys: NDArray[np.uint64]) -> list[int]:
        """Return the masks of the keys, 0 for one that is not listed."""
        if not len(self.keys) or not len(keys):
            return [0] * len(keys)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        masks: list[int] = np.where(self.keys[places] == keys, self.masks[places], 0).tolist()
        return masks


def listed_key(kind: IndicatorType, value: str) -> int:
    """Return the hash of an indicator, 64 bits."""
    return int.from_bytes(_digest(kind, value), "little")


def pattern_of(link: str) -> re.Pattern[str]:
    """Return what fits the links that a link with varying parts stands for."""
    parts = _compared(IndicatorType.LINK, link).split("*")
    return re.compile("[^/]+".join(map(re.escape, parts)))


def names_above(host: str) -> Iterator[str]:
    """Yield the host and the names above it that have at least two labels."""
    while "." in host:
        yield host
        host = host.partition(".")[2]


def found_text(found: Found | None) -> str | None:
    """Return what the column holds: ``type:value``, several separated by blanks."""
    return None if found is None else " ".join(found.names[:_MOST_SHOWN])


@dataclass(frozen=True)
class Looking:
    """A list at work on the batches of a job, and the limit that none of its feeds may exceed."""

    listed: Listed
    limit: RejectLimit
    source: str

    def at(
        self,
        rows: Rows,
        texts: Sequence[object],
        predictions: Sequence[Prediction],
        before: Tally,
    ) -> tuple[Rows, list[Prediction], Tally]:
        """Return the rows with the column of indicators, what is decided now, and what to count."""
        decided, found = self.listed.apply(predictions, texts)
        values = [found_text(has) for has in found]
        return (
            MarkedRows(rows, INDICATORS_COLUMN, values),
            decided,
            _counted(self.listed.feeds, found, FIRST_ROWS - before.rows),
        )

    def check(self, tally: Tally, *, ended: bool) -> None:
        """Raise InputError if a feed fits more of the first 100,000 messages than the limit allows.

        A percentage is one of 100,000 messages until the source has ``ended``, then of those that
        there are, if they are at least 1,000.
        """
        rows = min(tally.rows, FIRST_ROWS)
        share_of = rows if ended else FIRST_ROWS
        most: int | Decimal = self.limit.count or 0
        if self.limit.percent is not None:
            if share_of < _MIN_ROWS:
                return
            most = self.limit.percent * share_of / 100
        for feed, number in tally.feeds_first.most_common(1):
            if number > most:
                raise InputError(
                    f"{self.source}: {number:,} of the first {rows:,} messages have an indicator "
                    f"of {feed}, so it seems to list what honest messages have; take that out of "
                    f"it, or allow more than {self.limit.given} with --max-listed (the column "
                    f"{INDICATORS_COLUMN} then shows it)"
                )


def limit_of(given: str | int) -> RejectLimit:
    """Return the most messages that a feed may fit; raise InputError on what says no number."""
    return reject_limit(given, "max_listed (--max-listed)", "messages")


def with_indicators(dump: Dump) -> Dump:
    """Return the dump as one whose rows have the column of indicators."""
    return marked(dump, INDICATORS_COLUMN)


def _counted(feeds: Sequence[str], found: Sequence[Found | None], first_rows: int) -> Tally:
    """Return how many rows of a batch have an indicator; its first rows also count as such."""
    by_feed: Counter[str] = Counter()
    first: Counter[str] = Counter()
    for place, has in enumerate(found):
        if has is not None:
            names = [name for n, name in enumerate(feeds) if has.feeds >> n & 1]
            by_feed.update(names)
            if place < first_rows:
                first.update(names)
    number = sum(has is not None for has in found)
    return Tally(listed=number, feeds=by_feed, feeds_first=first)


def _compared(kind: IndicatorType, value: str) -> str:
    """Return what counts of a value: nobody types a link with the same scheme every time."""
    if kind is not IndicatorType.LINK:
        return value
    return value.rpartition("://")[2].removeprefix("www.")


def _digest(kind: IndicatorType, value: str) -> bytes:
    name = f"{kind}\x00{_compared(kind, value)}".encode("utf-8", "backslashreplace")
    return hashlib.blake2b(name, digest_size=8).digest()


def _found(pairs: Iterable[tuple[str, int]]) -> Found:
    names: dict[str, None] = {}
    feeds = 0
    for name, mask in pairs:
        names[name] = None
        feeds |= mask
    return Found(tuple(names), feeds)


def _reviewed(prediction: Prediction) -> Prediction:
    if prediction.decision is not Decision.PASS:
        return prediction
    reason = LISTED if prediction.reason is None else f"{LISTED}; {prediction.reason}"
    return replace(prediction, decision=Decision.REVIEW, reason=reason)
