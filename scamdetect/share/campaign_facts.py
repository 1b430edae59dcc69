"""Aggregate findings by campaign: content that varies by message belongs to recipients.

Parts of paths that differ in most messages of a campaign become ``*``. For other values that do,
the number of messages is counted. The resulting rows are narrow: a fact is one text, and a sender
two hashes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.frames.arrow import number_array, numbers
from scamdetect.scored.work import read_streams
from scamdetect.share.findings import (
    ALONE,
    FACTS,
    GIVEN,
    LABEL,
    LEFT_OUT,
    NO_SCAM,
    RECIPIENT,
    SCAM,
    SENDERS,
    forms_of,
    indicator_hash,
    summed,
)
from scamdetect.text.indicators import IndicatorType
from scamdetect.text.link_finder import split_link

_VARIES = 0.5  # share of messages from which a differing value belongs to each of them
_FEWEST_DIFFERENT = 3
_SHARED = 0.1  # share of messages; a value that more of them have belongs to no single one
_SLICE = 1 << 14  # rows that are Python objects at a time
_JOINT = "\x1f"

Ints = NDArray[np.int64]


class Fact(NamedTuple):
    """The content of a fact's text; ``campaign`` is an id from `campaigns`, or ""."""

    type: str
    value: str
    flagged: str
    language: str
    kinds: str
    model: str
    verified: str
    campaign: str

    @classmethod
    def of(cls, text: str) -> Fact:
        """Parse the text of a fact."""
        return cls(*text.split(_JOINT))


# ``key`` groups those that may equal a recipient; ``indicator`` hashes type and value. A fact has
# no sender and a sender no fact. The last three are numbers of messages.
VALUES = pa.schema(
    [
        ("key", pa.int64()),
        ("indicator", pa.int64()),
        ("sender", pa.int64()),
        ("fact", pa.string()),
        ("messages", pa.int64()),
        ("first", pa.int64()),
        ("last", pa.int64()),
        ("differs", pa.int64()),
        ("labelled", pa.int64()),
        ("honest", pa.int64()),
    ]
)


def of_campaigns(bucket: Path) -> pa.Table:
    """Return the facts and senders of complete campaigns, ready to aggregate by value.

    A missing file has none. Raises InputError if it is damaged.
    """
    facts = _facts(read_streams(bucket))
    marks = pc.is_in(facts["type"], value_set=pa.array([LEFT_OUT, RECIPIENT, LABEL]))
    labels = _labels(facts.filter(pc.equal(facts["type"], LABEL)))
    others = facts.filter(pc.and_(marks, pc.not_equal(facts["type"], LABEL)))
    found = facts.filter(pc.invert(marks))
    before = _hashes(found)
    found = _with_stars(found)
    after = _indicators(found)
    differing = _differing(found)
    return pa.concat_tables(
        [
            _values(found, after, labels, differing),
            _values(others, _indicators(others), {}, _Differing(frozenset(), frozenset())),
            _senders(read_streams(bucket), before, after, found),
        ]
    )


def _facts(batches: Iterable[pa.RecordBatch]) -> pa.Table:
    table = FACTS.empty_table()
    for batch in batches:
        if batch.schema.equals(FACTS):
            table = pa.concat_tables([table, pa.Table.from_batches([batch])])
    return summed(table).combine_chunks()


def _rows(table: pa.Table, *names: str) -> Iterator[tuple[str, ...]]:
    for start in range(0, table.num_rows, _SLICE):
        some = table.slice(start, _SLICE)
        yield from zip(*(some[name].to_pylist() for name in names), strict=True)


def _hashes(facts: pa.Table) -> Ints:
    """Return the hash by which senders refer to an indicator of a campaign, by row."""
    rows = _rows(facts, "campaign", "type", "value")
    return np.fromiter((indicator_hash(*row) for row in rows), np.int64, facts.num_rows)


def _indicators(facts: pa.Table) -> Ints:
    rows = _rows(facts, "type", "value")
    return np.fromiter((indicator_hash(*row) for row in rows), np.int64, facts.num_rows)


def _labels(marks: pa.Table) -> dict[str, str]:
    """Return the label of each campaign; one label scam among others decides."""
    found: dict[str, str] = {}
    for campaign, label in _rows(marks, "campaign", "value"):
        if found.get(campaign) != SCAM:
            found[campaign] = label
    return found


def _with_stars(facts: pa.Table) -> pa.Table:
    """Return facts, in order, with ``*`` for parts of paths that vary by message."""
    totals: defaultdict[tuple[str, str, int], int] = defaultdict(int)
    for group, _, messages in _links(facts):
        totals[group] += messages
    different: dict[tuple[tuple[str, str, int], int], set[int]] = {}
    varying: dict[tuple[str, str, int], set[int]] = defaultdict(set)
    for group, parts, _ in _links(facts):
        for number, part in enumerate(parts):
            if number in varying[group]:
                continue
            seen = different.setdefault((group, number), set())
            seen.add(hash(part))
            if _varies(len(seen), totals[group]):
                varying[group].add(number)
                del different[group, number]
    values: list[pa.Array] = []
    for start in range(0, facts.num_rows, _SLICE):
        some = facts.slice(start, _SLICE)
        rows = _rows(some, "campaign", "type", "value")
        starred = [_starred(campaign, type, value, varying) for campaign, type, value in rows]
        values.append(pa.array(starred, pa.string()))
    at = facts.schema.get_field_index("value")
    return facts.set_column(at, FACTS.field("value"), pa.chunked_array(values, pa.string()))


def _links(facts: pa.Table) -> Iterator[tuple[tuple[str, str, int], list[str], int]]:
    """Yield the campaign, host and length of each link with a path, its parts, its messages."""
    links = facts.filter(pc.equal(facts["type"], IndicatorType.LINK.value))
    for campaign, value, messages in _rows(links, "campaign", "value", "messages"):
        start, *parts = _parts(value)
        if parts and not campaign.startswith(ALONE):
            yield (campaign, start, len(parts)), parts, int(messages)


def _starred(
    campaign: str, type: str, value: str, varying: dict[tuple[str, str, int], set[int]]
) -> str:
    if type != IndicatorType.LINK.value:
        return value
    start, *parts = _parts(value)
    numbers_of_stars = varying.get((campaign, start, len(parts)))
    if not numbers_of_stars:
        return value
    kept = ["*" if number in numbers_of_stars else part for number, part in enumerate(parts)]
    return "/".join([start, *kept])


def _parts(link: str) -> list[str]:
    """Return the scheme and host of a link, and the parts of its path."""
    scheme, rest = split_link(link)
    host, *parts = rest.split("/")
    return [f"{scheme}{host}", *parts]


def _varies(different: int, messages: int) -> bool:
    return different >= _FEWEST_DIFFERENT and different > _VARIES * messages


@dataclass(frozen=True)
class _Differing:
    """Campaigns and types in which most messages have their own value.

    ``shared`` are the values of these that many messages have in common.
    """

    campaigns: frozenset[tuple[str, str]]
    shared: frozenset[tuple[str, str, str]]

    def has(self, campaign: str, type: str, value: str) -> bool:
        """Return True if a value belongs to the message that contains it."""
        of_messages = (campaign, type) in self.campaigns
        return of_messages and (campaign, type, value) not in self.shared


def _differing(facts: pa.Table) -> _Differing:
    sums = facts.group_by(["campaign", "type"]).aggregate(
        [("value", "count_distinct"), ("leads", "sum")]
    )
    totals = {
        (campaign, type): int(messages)
        for campaign, type, different, messages in _rows(
            sums, "campaign", "type", "value_count_distinct", "leads_sum"
        )
        if not campaign.startswith(ALONE) and _varies(int(different), int(messages))
    }
    some = facts.filter(
        pc.is_in(facts["campaign"], value_set=pa.array([c for c, _ in totals], pa.string()))
    )
    values = some.group_by(["campaign", "type", "value"]).aggregate([("messages", "sum")])
    shared = frozenset(
        (campaign, type, value)
        for campaign, type, value, messages in _rows(
            values, "campaign", "type", "value", "messages_sum"
        )
        if (campaign, type) in totals and int(messages) > max(1, _SHARED * totals[campaign, type])
    )
    return _Differing(frozenset(totals), shared)


def _values(
    facts: pa.Table, indicators: Ints, labels: dict[str, str], differing: _Differing
) -> pa.Table:
    tables = [VALUES.empty_table()]
    for start in range(0, facts.num_rows, _SLICE):
        some, here = facts.slice(start, _SLICE), indicators[start : start + _SLICE]
        tables.append(_values_of_slice(some, here, labels, differing))
    sums = (
        pa.concat_tables(tables)
        .group_by(["key", "indicator", "sender", "fact"])
        .aggregate(
            [("messages", "sum"), ("first", "min"), ("last", "max"), ("differs", "sum"),
             ("labelled", "sum"), ("honest", "sum")]
        )
    )  # fmt: skip
    return pa.Table.from_arrays(list(sums.select(_SUMMED)), schema=VALUES)


def _values_of_slice(
    facts: pa.Table, indicators: Ints, labels: dict[str, str], differing: _Differing
) -> pa.Table:
    columns: dict[str, list[object]] = {
        name: [] for name in ("key", "fact", "differs", "labelled", "honest")
    }
    for campaign, type, value, messages, *rest in _rows(
        facts, "campaign", "type", "value", "messages", "flagged", "language", "kinds", "model",
        "verified",
    ):  # fmt: skip
        label = labels.get(campaign)
        given = campaign[1:] if campaign.startswith(GIVEN) else ""
        flagged, language, kinds, model, verified = (
            "" if one is None else str(one) for one in rest
        )
        fact = Fact(type, value, flagged, language, kinds, model, verified, given)
        columns["key"].append(_key(type, value))
        columns["fact"].append(_JOINT.join(fact))
        columns["differs"].append(messages if differing.has(campaign, type, value) else 0)
        columns["labelled"].append(messages if label == SCAM else 0)
        columns["honest"].append(messages if label == NO_SCAM else 0)
    found: dict[str, pa.Array | pa.ChunkedArray] = {
        "indicator": number_array(indicators),
        "sender": pa.nulls(facts.num_rows, pa.int64()),
        **{name: facts[name] for name in ("messages", "first", "last")},
        **{name: pa.array(values, VALUES.field(name).type) for name, values in columns.items()},
    }
    return pa.Table.from_arrays([found[name] for name in VALUES.names], schema=VALUES)


_SUMMED = [
    "key", "indicator", "sender", "fact", "messages_sum", "first_min", "last_max", "differs_sum",
    "labelled_sum", "honest_sum",
]  # fmt: skip


def _key(type: str, value: str) -> int:
    if type in (LEFT_OUT, RECIPIENT):
        return indicator_hash(value)
    return indicator_hash(min(forms_of(IndicatorType(type), value), key=len))


def _senders(
    batches: Iterable[pa.RecordBatch], before: Ints, after: Ints, facts: pa.Table
) -> pa.Table:
    """Return the senders by the indicators of the facts after varying parts are replaced."""
    keys = np.fromiter(
        (_key(*row) for row in _rows(facts, "type", "value")), np.int64, facts.num_rows
    )
    order = np.argsort(before, kind="stable")
    known = before[order]
    found: list[Ints] = [np.empty((0, 3), np.int64)]
    for batch in batches:
        if batch.schema.equals(SENDERS):
            indicators, senders = (numbers(batch[name]) for name in ("indicator", "sender"))
            at = order[np.searchsorted(known, indicators)]
            found.append(np.column_stack([keys[at], after[at], senders]))
    rows = _unique(np.concatenate(found))
    nothing = pa.nulls(len(rows), pa.string())
    zeros = number_array(np.zeros(len(rows), np.int64))
    columns = [number_array(rows[:, place].copy()) for place in range(3)]
    return pa.Table.from_arrays([*columns, nothing, *([zeros] * 6)], schema=VALUES)


def _unique(rows: Ints) -> Ints:
    """Return the rows (n, 3) sorted, without duplicates."""
    rows = rows[np.lexsort(rows.T[::-1])]
    return rows[np.append(True, (rows[1:] != rows[:-1]).any(axis=1))] if len(rows) else rows
