"""Aggregate the rows of campaigns, in batches of campaigns, and format the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.frames.arrow import number_array, numbers, one_array, plain_array
from scamdetect.labels import Decision
from scamdetect.scored.group_sums import flat_counts, nested_counts
from scamdetect.scored.templates import DAY, DECISIONS, NO_DAY, SENDER, template_id

Ints = NDArray[np.int64]

ID = pa.binary(8)  # the hash of the most frequent template
KEYS = ("messages", "first_row")  # by which campaigns are sorted
EARLIER = "earlier_messages"

_FLAG, _REVIEW = (DECISIONS.index(one.value) for one in (Decision.FLAG, Decision.REVIEW))
_NEVER = np.iinfo(np.int64).max
_FEWEST_PENDING = 1 << 18  # senders deduplicated together
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_LISTS = {"languages": "language", "kinds": "kind"}
_MOST_DAYS = 1 << 31  # that fits into a date of 32 bits


def row_fields(*, senders: bool, days: bool) -> pa.Schema:
    """Return the columns of rows of campaigns; ``leader`` is 1 for the most frequent template."""
    fields = [
        ("campaign", ID), ("row", pa.int64()), ("leader", pa.int64()), ("decision", pa.int64()),
        ("probability", pa.float32()), ("kinds", pa.string()), ("language", pa.string()),
    ]  # fmt: skip
    return pa.schema(fields + [(SENDER, pa.int64())] * senders + [(DAY, pa.int64())] * days)


def template_fields(*, compared: bool) -> pa.Schema:
    """Return the columns of campaigns that come from their templates."""
    fields = [("campaign", ID), ("template", pa.string()), ("templates", pa.int64())]
    return pa.schema(fields + [(EARLIER, pa.int64())] * compared)


def id_array(hashes: NDArray[np.uint64]) -> pa.Array:
    """Return the ids of campaigns from the hashes of their most frequent templates."""
    return pa.Array.from_buffers(ID, len(hashes), [None, pa.py_buffer(hashes.astype(">u8"))])


def id_hashes(ids: pa.ChunkedArray) -> NDArray[np.uint64]:
    """Return the hashes in ids."""
    array = one_array(ids)
    if not len(array):
        return np.empty(0, np.uint64)
    found = np.frombuffer(array.buffers()[1], ">u8", len(array), array.offset * 8)
    return found.astype(np.uint64)


def id_texts(ids: pa.ChunkedArray) -> pa.Array:
    """Return ids as they are shown."""
    return plain_array([template_id(one) for one in id_hashes(ids).tolist()], pa.string())


class Sums:
    """The aggregated rows of some campaigns; ``templates`` has one row for each."""

    def __init__(self, templates: pa.Table, *, senders: bool, days: bool) -> None:
        hashes = id_hashes(templates["campaign"])
        self._templates = templates.take(number_array(np.argsort(hashes)))
        self._hashes = np.sort(hashes)
        size = len(hashes)
        self._counts = {
            name: np.zeros(size, np.int64) for name in ("messages", "flagged", "review")
        }
        self._first_row = np.full(size, _NEVER)
        self._sum, self._highest = np.zeros(size), np.zeros(size)
        self._names: dict[str, Counter[tuple[int, str]]] = {name: Counter() for name in _LISTS}
        self._days = (np.full(size, _NEVER), np.full(size, -_NEVER)) if days else None
        self._senders = _Senders(size) if senders else None

    def add(self, rows: pa.Table) -> None:
        """Add rows with the columns of ``row_fields``."""
        size = len(self._hashes)
        of = np.searchsorted(self._hashes, id_hashes(rows["campaign"]))
        decision, row = _numbers(rows, "decision"), _numbers(rows, "row")
        flagged = decision == _FLAG
        self._counts["messages"] += np.bincount(of, minlength=size)
        self._counts["flagged"] += np.bincount(of[flagged], minlength=size)
        self._counts["review"] += np.bincount(of[decision == _REVIEW], minlength=size)
        leads = _numbers(rows, "leader") == 1
        np.minimum.at(self._first_row, of[leads], row[leads])
        probability = numbers(one_array(rows["probability"]))
        self._sum += np.bincount(of, probability, minlength=size)
        np.maximum.at(self._highest, of, probability)
        self._count("languages", of, one_array(rows["language"]))
        self._count("kinds", of[flagged], one_array(rows["kinds"]).filter(_bools(flagged)))
        if self._days is not None:
            day = _numbers(rows, DAY)
            known = day != NO_DAY
            np.minimum.at(self._days[0], of[known], day[known])
            np.maximum.at(self._days[1], of[known], day[known])
        if self._senders is not None:
            self._senders.add(of, _numbers(rows, SENDER))

    def table(self) -> pa.Table:
        """Return one row per campaign, largest first, then the earliest."""
        columns = {name: self._templates[name] for name in self._templates.column_names}
        columns |= {name: number_array(values) for name, values in self._counts.items()}
        columns["first_row"] = number_array(self._first_row)
        columns["mean"] = number_array(self._sum / np.maximum(self._counts["messages"], 1))
        columns["highest"] = number_array(self._highest)
        if self._senders is not None:
            columns["senders"] = number_array(self._senders.counts())
        for name, days in zip(("first_day", "last_day"), self._days or (), strict=False):
            columns[name] = number_array(np.where(np.abs(days) == _NEVER, NO_DAY, days))
        for name, item in _LISTS.items():
            columns[name] = nested_counts(self._listed(name), item)
        found = pa.table(columns)
        return found.take(number_array(np.lexsort(sort_keys(found).T[::-1])))

    def _count(self, name: str, of: Ints, values: pa.Array) -> None:
        """Count the names of rows by campaign."""
        encoded = values.dictionary_encode()
        known = encoded.dictionary.to_pylist()
        pairs = of * max(1, len(known)) + numbers(encoded.indices.cast(pa.int64()))
        found, counts = np.unique(pairs, return_counts=True)
        for pair, count in zip(found.tolist(), counts.tolist(), strict=True):
            place, code = divmod(pair, max(1, len(known)))
            for one in filter(None, known[code].split(";")):
                self._names[name][place, one] += count

    def _listed(self, name: str) -> list[list[tuple[str, int]]]:
        """Return the names of each campaign with their counts, most frequent first."""
        lists: list[list[tuple[str, int]]] = [[] for _ in self._hashes]
        for (place, one), count in self._names[name].items():
            lists[place].append((one, count))
        return [sorted(found, key=lambda pair: (-pair[1], pair[0])) for found in lists]


class _Senders:
    """The distinct senders of some campaigns, by their hashes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._pairs, self._of = np.empty(0, np.uint64), np.empty(0, np.int32)
        self._pending: list[tuple[NDArray[np.uint64], NDArray[np.int32]]] = []

    def add(self, of: Ints, senders: Ints) -> None:
        known = senders != 0
        of = of[known]
        # One number for sender and campaign: of 64 bits, so collisions are very rare.
        pairs = senders[known].view(np.uint64) ^ ((of.astype(np.uint64) + np.uint64(1)) * _SPREAD)
        self._pending.append((pairs, of.astype(np.int32)))
        if sum(len(one) for one, _ in self._pending) > max(_FEWEST_PENDING, len(self._pairs) // 4):
            self._join()

    def counts(self) -> Ints:
        self._join()
        return np.bincount(self._of, minlength=self._size).astype(np.int64)

    def _join(self) -> None:
        pairs = np.concatenate([self._pairs, *(one for one, _ in self._pending)])
        of = np.concatenate([self._of, *(one for _, one in self._pending)])
        self._pending = []
        self._pairs, places = np.unique(pairs, return_index=True)
        self._of = of[places]


def sort_keys(campaigns: pa.Table) -> NDArray[np.float64]:
    """Return the sort keys of campaigns: largest first, then the earliest."""
    return np.column_stack(
        [-_numbers(campaigns, "messages"), _numbers(campaigns, "first_row")]
    ).astype(np.float64)


def shown(
    campaigns: pa.Table, names: Sequence[str], starts: Sequence[int], *, flat: bool
) -> pa.Table:
    """Return campaigns as they are written; ``flat`` has no lists.

    ``names`` are those of the dumps, if there are several, and ``starts`` their first rows.
    """
    messages, flagged = _numbers(campaigns, "messages"), _numbers(campaigns, "flagged")
    found: dict[str, pa.Array | pa.ChunkedArray] = {
        "campaign": id_texts(campaigns["campaign"]),
        "template": campaigns["template"],
    }
    counts = ("messages", "templates", "flagged", "review")
    found |= {name: campaigns[name] for name in counts}
    found["flagged_share"] = number_array(flagged / np.maximum(messages, 1))
    found["mean_scam_probability"] = _shortest(campaigns["mean"])
    found["highest_scam_probability"] = _shortest(campaigns["highest"])
    if "senders" in campaigns.column_names:
        found["senders"] = campaigns["senders"]
    for name in ("first_day", "last_day"):
        if name in campaigns.column_names:
            found[name] = _dates(_numbers(campaigns, name))
    for name, item in _LISTS.items():
        found[name] = flat_counts(campaigns[name], item) if flat else campaigns[name]
    if EARLIER in campaigns.column_names:
        earlier = _numbers(campaigns, EARLIER)
        found[EARLIER] = campaigns[EARLIER]
        with np.errstate(divide="ignore"):
            growth = np.where(earlier > 0, messages / earlier, np.nan)
        found["growth"] = number_array(growth)
    return pa.table(found | placed(_numbers(campaigns, "first_row"), names, starts, "first_row"))


def placed(
    rows: Ints, names: Sequence[str], starts: Sequence[int], title: str
) -> dict[str, pa.Array]:
    """Return the dump of each row, if there are several, and its place there."""
    dumps = np.searchsorted(starts, rows, "right") - 1
    found = {title: number_array(rows - np.asarray(starts, np.int64)[dumps])}
    if len(names) < 2:
        return found
    return {"input": plain_array([names[dump] for dump in dumps.tolist()], pa.string())} | found


def _dates(days: Ints) -> pa.Array:
    known = (days != NO_DAY) & (np.abs(days) < _MOST_DAYS)
    values = number_array(np.where(known, days, 0)).cast(pa.int32()).view(pa.date32())
    return pc.if_else(_bools(known), values, pa.nulls(len(days), pa.date32()))


def _shortest(column: pa.ChunkedArray) -> pa.Array:
    """Return float64 with the shortest decimals of a score."""
    values = numbers(one_array(column)).astype(np.float32).astype("U32").astype(np.float64)
    return number_array(values)


def _bools(flags: NDArray[np.bool_]) -> pa.Array:
    return plain_array(flags.tolist(), pa.bool_())


def _numbers(table: pa.Table, name: str) -> Ints:
    found: Ints = numbers(one_array(table[name]))
    return found
