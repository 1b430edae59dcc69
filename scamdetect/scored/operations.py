"""Join campaigns into operations: those that share a distinctive link, wallet or handle.

Campaigns are joined by a full value that no warning list contains and that few campaigns have: a
shortener, a chat host or a bank's number joins nothing. Each join has its reason. The caller passes
the functions that find the values in a message and check which are blocked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.frames.arrow import encodable, numbers, one_array, plain_array
from scamdetect.scored.campaign_rows import id_array, id_hashes
from scamdetect.scored.job import Stop, check_stop
from scamdetect.scored.source import Opened
from scamdetect.scored.templates import template_id
from scamdetect.scored.work import divide, read_streams
from scamdetect.system.files import OWNER, writing

JOINING = ("link", "wallet", "handle")  # the types of values that join
MOST_CAMPAIGNS = 20  # that have a value; one that more have is in general use

_PENDING = 200_000  # pairs of a value and a campaign that are in memory
_BUCKET_PAIRS = 200_000
_SCHEMA = pa.schema([("value", pa.string()), ("campaign", pa.binary(8))])


class Value(NamedTuple):
    """A value in a message, in its normal form, and its type, such as ``link``."""

    type: str
    value: str


@dataclass(frozen=True)
class Indicators:
    """Functions to find the values in a message, and to check them against warning lists."""

    indicators_of: Callable[[str], Iterable[Value]]
    blocked: Callable[[Value], bool]


@dataclass(frozen=True)
class Operation:
    """The operation of a campaign, named by its lowest campaign, and what joins the campaign."""

    id: str
    reasons: tuple[str, ...]


def found_operations(
    labelled: Iterable[tuple[str, int]], indicators: Indicators, folder: Path
) -> dict[str, Operation]:
    """Return the operations by the ids of their campaigns; a single campaign is not one.

    ``labelled`` are messages with the hashes of their campaigns. The folder is used for temporary
    files. Memory grows only with the shared values. Raises OSError.
    """
    segments = _save_pairs(labelled, indicators, folder)
    count = max(1, -(-len(segments) * _PENDING // _BUCKET_PAIRS))
    buckets = [folder / f"shared-{number:06}.arrow" for number in range(count)]
    divide(segments, list(buckets))
    union: dict[int, int] = {}
    reasons: defaultdict[int, set[str]] = defaultdict(set)
    for bucket in buckets:
        for text, campaigns in _shared(bucket):
            type_, _, value = text.partition(":")
            if indicators.blocked(Value(type_, value)):
                continue
            for campaign in campaigns:
                reasons[campaign].add(text)
                _unite(union, campaigns[0], campaign)
        bucket.unlink(missing_ok=True)
    for segment in segments:
        segment.unlink()
    return {
        template_id(campaign): Operation(template_id(_root(union, campaign)), tuple(sorted(found)))
        for campaign, found in reasons.items()
    }


def labelled_texts(
    dumps: Sequence[tuple[Opened | None, int]], segments: Sequence[Path], stop: Stop | None = None
) -> Iterator[tuple[str, int]]:
    """Yield the messages of campaigns with the campaigns' hashes, for dumps with texts.

    ``dumps`` are passed with their rows; ``segments`` hold the rows of campaigns in the order of
    dumps. Raises JobInterrupted if ``stop``, which is called before each batch, returns True.
    """
    labels = _Labels(segments)
    start = 0
    for opened, rows in dumps:
        done = start
        for batch in () if opened is None else opened.batches():
            check_stop(stop)
            texts = opened.texts(batch) if opened is not None else ()
            for row, campaign in labels.between(done, done + len(batch)):
                text = texts[row - done]
                if isinstance(text, str):
                    yield text, campaign
            done += len(batch)
        start += rows


class _Labels:
    """The campaigns of rows, read together with them."""

    def __init__(self, segments: Sequence[Path]) -> None:
        self._batches = (batch for path in segments for batch in read_streams(path))
        self._rows = np.empty(0, np.int64)
        self._campaigns: NDArray[np.uint64] = np.empty(0, np.uint64)

    def between(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the rows from ``start`` to before ``end`` that are in a campaign, with it."""
        while not len(self._rows) or self._rows[-1] < end:
            batch = next(self._batches, None)
            if batch is None:
                break
            table = pa.Table.from_batches([batch])
            self._rows = np.append(self._rows, numbers(one_array(table["row"])))
            self._campaigns = np.append(self._campaigns, id_hashes(table["campaign"]))
        first, last = np.searchsorted(self._rows, [start, end])
        yield from zip(
            self._rows[first:last].tolist(), self._campaigns[first:last].tolist(), strict=True
        )
        self._rows, self._campaigns = self._rows[last:], self._campaigns[last:]


def _save_pairs(
    labelled: Iterable[tuple[str, int]], indicators: Indicators, folder: Path
) -> list[Path]:
    """Write which campaign has which value, each pair once per segment."""
    segments: list[Path] = []
    pairs: set[tuple[str, int]] = set()

    def save() -> None:
        path = folder / f"pairs-{len(segments):06}.arrow"
        rows = sorted(pairs)
        columns = [
            plain_array([text for text, _ in rows], pa.string()),
            id_array(np.array([campaign for _, campaign in rows], np.uint64)),
        ]
        with writing(path, OWNER) as file, pa.ipc.new_stream(file, _SCHEMA) as out:
            out.write_batch(pa.RecordBatch.from_arrays(columns, schema=_SCHEMA))
        segments.append(path)
        pairs.clear()

    for text, campaign in labelled:
        for type_, value in indicators.indicators_of(text):
            if type_ in JOINING:
                pairs.add((encodable(f"{type_}:{value}"), campaign))
        if len(pairs) >= _PENDING:
            save()
    if pairs:
        save()
    return segments


def _shared(bucket: Path) -> Iterator[tuple[str, list[int]]]:
    """Yield the values of a bucket that some campaigns share, and these campaigns."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for batch in read_streams(bucket):
        table = pa.Table.from_batches([batch])
        pairs = zip(table["value"].to_pylist(), id_hashes(table["campaign"]).tolist(), strict=True)
        for text, campaign in pairs:
            found[text].add(campaign)
    for text, campaigns in sorted(found.items()):
        if 2 <= len(campaigns) <= MOST_CAMPAIGNS:
            yield text, sorted(campaigns)


def _root(union: Mapping[int, int], campaign: int) -> int:
    while (above := union.get(campaign, campaign)) != campaign:
        campaign = above
    return campaign


def _unite(union: dict[int, int], one: int, other: int) -> None:
    """Merge two operations; the lowest campaign represents both."""
    low, high = sorted((_root(union, one), _root(union, other)))
    union[high] = low
    for campaign in (one, other):
        union[campaign] = low
