"""Match the messages of a dump against indicators from feeds.

A list can contain a million indicators, so only a sorted 64-bit hash of each is kept. A value
shares the hash of another listed one about once in ten million million look-ups.
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
from scamdetect.text.link_finder import find_links, split_link
from scamdetect.text.normalise import fold

MOST_FEEDS = 64  # one bit of a mask per feed
# A feed that matches more than a hundredth of all messages contains something common.
FIRST_ROWS = 100_000
_MIN_ROWS = 1_000  # two of the first fifty are no evidence
_MOST_SHOWN = 20  # indicators per message
_OF_LINKS = frozenset((IndicatorType.DOMAIN, IndicatorType.LINK))

Patterns = Mapping[str, tuple[tuple[re.Pattern[str], str, int], ...]]


class Found(NamedTuple):
    """The listed indicators of a message: ``type:value`` each, and the feeds as a mask."""

    names: tuple[str, ...]
    feeds: int


@dataclass(frozen=True, eq=False)
class Listed:
    """The indicators of some feeds.

    ``keys`` are the sorted hashes of types and values, uint64 (n,), ``masks`` the feeds that list
    each, one bit per feed in the order of ``feeds``. ``patterns`` are links with varying parts, by
    host. ``types`` are the types to look for; ``sieve`` selects those a message may contain.
    ``region`` (ISO 3166) is the country of phone numbers without a country code. ``digest``
    identifies the whole list.
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
        """Return the listed indicators of each message, or None."""
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
        """Return the predictions; those with a listed indicator go at least to review.

        The ``reason`` of one that would have passed starts with it; scores, verdict and kinds are
        unchanged. Also returned are the indicators found in each message.
        """
        found = self.found(texts)
        pairs = zip(predictions, found, strict=True)
        return [one if has is None else _reviewed(one) for one, has in pairs], found

    def _candidates(self, text: str) -> Iterator[tuple[IndicatorType, str]]:
        """Yield the indicators in a message and the parent domains of its hosts."""
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
        """Return the masks of the keys, 0 for unlisted ones."""
        if not len(self.keys) or not len(keys):
            return [0] * len(keys)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        masks: list[int] = np.where(self.keys[places] == keys, self.masks[places], 0).tolist()
        return masks


def listed_key(kind: IndicatorType, value: str) -> int:
    """Return the hash of an indicator, 64 bits."""
    return int.from_bytes(_digest(kind, value), "little")


def pattern_of(link: str) -> re.Pattern[str]:
    """Return the pattern for links with varying parts."""
    parts = _compared(IndicatorType.LINK, link).split("*")
    return re.compile("[^/]+".join(map(re.escape, parts)))


def names_above(host: str) -> Iterator[str]:
    """Yield the host and its parent domains of at least two labels."""
    while "." in host:
        yield host
        host = host.partition(".")[2]


def found_text(found: Found | None) -> str | None:
    """Return the content of the column: ``type:value``, separated by blanks."""
    return None if found is None else " ".join(found.names[:_MOST_SHOWN])


@dataclass(frozen=True)
class Looking:
    """The list applied to the batches of a job, and the limit for each feed."""

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
        """Return the rows with the column of indicators, the new predictions, and the counts."""
        decided, found = self.listed.apply(predictions, texts)
        values = [found_text(has) for has in found]
        return (
            MarkedRows(rows, INDICATORS_COLUMN, values),
            decided,
            _counted(self.listed.feeds, found, FIRST_ROWS - before.rows),
        )

    def check(self, tally: Tally, *, ended: bool) -> None:
        """Raise InputError if a feed matches more of the first 100,000 messages than allowed.

        A percentage is one of 100,000 messages until the source has ``ended``, then of the actual
        number, if it is at least 1,000.
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
                    f"{self.source}: {number:,} of the first {rows:,} messages contain an "
                    f"indicator of {feed}, so it probably lists something that honest messages "
                    f"contain; remove that from the feed, or allow more than {self.limit.given} "
                    f"with --max-listed (then see the column {INDICATORS_COLUMN})"
                )


def limit_of(given: str | int) -> RejectLimit:
    """Return the most messages that a feed may match; raise InputError for an invalid number."""
    return reject_limit(given, "max_listed (--max-listed)", "messages")


def with_indicators(dump: Dump) -> Dump:
    """Return the dump with the column of indicators in its rows."""
    return marked(dump, INDICATORS_COLUMN)


def _counted(feeds: Sequence[str], found: Sequence[Found | None], first_rows: int) -> Tally:
    """Return how many rows of a batch have an indicator; the first rows are also counted apart."""
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
    """Return the compared form of a value: people type the same link with different schemes."""
    if kind is not IndicatorType.LINK:
        return value
    return split_link(value)[1].removeprefix("www.")


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
