"""Count the messages of a scored dump by decision, verdict, language, kind, score and day."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.frames.times import holds_times, instants
from scamdetect.labels import Decision

# The usual names of a column with the time at which a message was sent, the likeliest first.
TIME_COLUMNS = (
    "time", "timestamp", "datetime", "date", "sent_at", "created_at", "sent", "created",
    "received_at", "posted_at", "time_unix", "date_unixtime", "created_utc", "event_time", "ts",
    "day",
)  # fmt: skip
BINS = 50  # of the scam probability, from 0 to 1
NO_KIND = ""
_FACTS = (
    "decision", "verdict", "language", "kinds", "model_id", "schema_version", "day", "bin",
)  # fmt: skip
_MOST_PARTS = 64  # tables that are kept until they are added up
# Outside of these years a time is a default value or an error of a clock.
_FIRST, _BEHIND = np.datetime64("1990-01-01", "D"), np.datetime64("2100-01-01", "D")
_MICROS_A_DAY = 86_400 * 10**6


def days_of(times: pa.ChunkedArray) -> NDArray[np.datetime64]:
    """Return the day in UTC (n,) of each time, NaT if it is unknown.

    Accepts dates and times of Arrow, ISO 8601 text, and numbers since 1970, also as text.
    """
    if pa.types.is_dictionary(times.type):
        times = times.cast(times.type.value_type)
    days = np.full(len(times), np.datetime64("NaT", "D"))
    if holds_times(times.type):
        moments = instants(times.combine_chunks())
        known = np.floor_divide(moments.micros, _MICROS_A_DAY).astype("datetime64[D]")
        plausible = moments.known & (known >= _FIRST) & (known < _BEHIND)
        days[plausible] = known[plausible]
    return days


class Counts:
    """The numbers of messages of a scored dump; their size does not grow with it."""

    def __init__(self) -> None:
        self._parts: list[pa.Table] = []

    def add(self, batch: pa.Table) -> None:
        """Count the rows of a batch, read with their time if there is one."""
        flagged = pc.equal(batch["decision"], Decision.FLAG.value)
        kinds = pc.fill_null(pc.binary_join(batch["kinds"], ";"), NO_KIND)
        bins = pc.floor(pc.multiply(batch["probability"], BINS))  # null without a score
        timed = "time" in batch.schema.names
        days = pa.array(days_of(batch["time"])) if timed else pa.nulls(len(batch), pa.date32())
        facts = {name: batch[name] for name in _FACTS if name in batch.schema.names} | {
            "language": pc.fill_null(batch["language"], "und"),
            "kinds": pc.if_else(flagged, kinds, pa.scalar(None, pa.string())),
            "day": days,
            "bin": pc.min_element_wise(bins, BINS - 1, skip_nulls=False),
            "messages": pa.repeat(pa.scalar(1, pa.int64()), len(batch)),
        }
        self._parts.append(_summed(pa.table(facts)))
        if len(self._parts) > _MOST_PARTS:
            self._parts = [_summed(pa.concat_tables(self._parts))]

    @cached_property
    def table(self) -> pa.Table:
        """Return the numbers of ``messages`` by the facts that are equal for them."""
        return _summed(pa.concat_tables(self._parts))

    @cached_property
    def kinds(self) -> pa.Table:
        """Return those of flagged messages by ``kind``; one of two kinds counts under both."""
        flagged = self.table.filter(pc.equal(self.table["decision"], Decision.FLAG.value))
        lists = pc.split_pattern(flagged["kinds"], ";").combine_chunks()
        rows = flagged.take(pc.list_parent_indices(lists))
        return rows.append_column("kind", pc.list_flatten(lists))

    def total(self, column: str = "decision") -> Counter[Any]:
        """Return the messages by a fact."""
        totals = crossed(self.table, "decision", column).values() if self._parts else ()
        return sum(totals, Counter())

    @property
    def only_flagged(self) -> bool:
        """Return True if all messages are flagged, as ``--only-flagged`` leaves them."""
        return set(self.total()) == {Decision.FLAG}


def crossed(table: pa.Table, row: str, column: str) -> dict[Any, Counter[Any]]:
    """Return the messages of a table of counts by the values of two of its columns."""
    messages: dict[Any, Counter[Any]] = defaultdict(Counter)
    sums = table.group_by([row, column]).aggregate([("messages", "sum")])
    for values in sums.to_pylist():
        messages[values[row]][values[column]] += values["messages_sum"]
    return messages


def ranked(counter: Counter[Any]) -> list[Any]:
    """Return the keys, most frequent first."""
    return sorted(counter, key=lambda key: (-counter[key], str(key)))


def _summed(table: pa.Table) -> pa.Table:
    sums = table.group_by(list(_FACTS)).aggregate([("messages", "sum")])
    return sums.rename_columns([*_FACTS, "messages"])
