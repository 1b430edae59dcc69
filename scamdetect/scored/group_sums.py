"""Aggregate rows by group, such as a sender, in memory bounded by the number of groups.

A row, the sum over some rows, and the total have the same form: a table with one row per group and
one of labels, the kinds and languages of each group. To add tables, they are concatenated and the
rows of equal groups reduced.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.dumps.columns import Column
from scamdetect.frames.arrow import (
    list_array,
    number_array,
    numbers,
    one_array,
    plain_array,
    valid,
    wide,
)
from scamdetect.frames.times import Instants
from scamdetect.labels import Decision

KIND, LANGUAGE = "kind:", "language:"  # first character of labels

_COUNTS = ("messages", "flagged", "review", "unscored", "bad_times")
_LABELLED = ("decision", "kinds", "language")
_LEAST_PENDING = 1 << 18  # rows aggregated together
_NEVER = np.iinfo(np.int64).max


class Groups:
    """The groups of some rows, added in the order of the dump.

    ``by`` and ``time`` are the columns of groups and times, if any.
    """

    def __init__(self, by: Column, time: Column | None) -> None:
        self.by, self.time = by, time
        self._schema = pa.schema(
            [
                ("group", wide(by.kind)),
                *((name, pa.int64()) for name in _COUNTS),
                ("first_row", pa.int64()),
                ("probability", pa.float64()),  # null if nothing is scored
                ("highest_row", pa.int64()),
            ]
        )
        if time is not None:
            for name in ("first", "last"):
                self._schema = self._schema.append(pa.field(name, pa.int64()))
                self._schema = self._schema.append(pa.field(f"{name}_time", wide(time.kind)))
        self._labels_schema = pa.schema(
            [("group", wide(by.kind)), ("label", pa.string()), ("messages", pa.int64())]
        )
        self._groups = self._schema.empty_table()
        self._labels = self._labels_schema.empty_table()
        self._pending: list[tuple[pa.Table, pa.Table]] = []

    def add(
        self,
        names: pa.Array,
        scores: pa.Table,
        first_row: int,
        times: tuple[pa.Array, Instants] | None,
    ) -> None:
        """Add rows, starting at row ``first_row``, with the group of each.

        It uses ``decision``, ``probability``, ``kinds`` and ``language`` of ``scores``.
        """
        names = names.cast(wide(names.type))
        size = scores.num_rows
        decisions = np.array(scores["decision"].to_pylist())
        rows = np.arange(first_row, first_row + size)
        columns: dict[str, pa.Array] = {
            "group": names,
            "messages": number_array(np.ones(size, np.int64)),
            "flagged": _flags(decisions == Decision.FLAG.value),
            "review": _flags(decisions == Decision.REVIEW.value),
            "unscored": _flags(decisions == Decision.UNSCORED.value),
            "bad_times": _flags(np.zeros(size, bool) if times is None else times[1].bad),
            "first_row": number_array(rows),
            "probability": one_array(scores["probability"]),
            "highest_row": number_array(rows),
        }
        if times is not None:
            values, found = times
            told = pc.if_else(
                _flags(found.known).cast(pa.bool_()),
                values.cast(wide(values.type)),
                pa.nulls(size, wide(values.type)),
            )
            columns["first"] = number_array(np.where(found.known, found.micros, _NEVER))
            columns["last"] = number_array(np.where(found.known, found.micros, -_NEVER))
            columns["first_time"] = columns["last_time"] = told
        arrays = [columns[name] for name in self._schema.names]
        self._pend(pa.Table.from_arrays(arrays, schema=self._schema), self._labelled(names, scores))

    def save(self, file: IO[bytes]) -> tuple[int, int]:
        """Save the aggregates as two streams; return their groups and bytes; raise OSError.

        The first column of each names the group.
        """
        tables = self.tables()
        for table in tables:
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            with pa.ipc.new_stream(file, table.schema, options=options) as stream:
                stream.write_table(table)
        return tables[0].num_rows, sum(table.nbytes for table in tables)

    def load(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Add the ``save`` output of the next rows, in pieces of any size."""
        for batch in batches:
            table = pa.Table.from_batches([batch])
            is_label = batch.schema.equals(self._labels_schema)
            none = (self._schema if is_label else self._labels_schema).empty_table()
            self._pend(*((none, table) if is_label else (table, none)))

    def tables(self) -> tuple[pa.Table, pa.Table]:
        """Return one row per group, and one per label of a group, in the order of first rows."""
        if self._pending:
            groups = [self._groups, *(pair[0] for pair in self._pending)]
            labels = [self._labels, *(pair[1] for pair in self._pending)]
            self._groups, self._labels = (
                self._schema.empty_table(),
                self._labels_schema.empty_table(),
            )
            self._pending = []
            self._labels = _summed_labels(_columns(labels))
            self._groups = self._summed(_columns(groups))
        return self._groups, self._labels

    def _pend(self, groups: pa.Table, labels: pa.Table) -> None:
        self._pending.append((groups, labels))
        pending = sum(table.num_rows for pair in self._pending for table in pair)
        if pending > max(_LEAST_PENDING, self._groups.num_rows + self._labels.num_rows):
            self.tables()

    def _labelled(self, names: pa.Array, scores: pa.Table) -> pa.Table:
        """Return the language of each scored row and the kinds of each flagged one."""
        places: list[int] = []
        labels: list[str] = []
        told = zip(*(scores[name].to_pylist() for name in _LABELLED), strict=True)
        for place, (decision, kinds, language) in enumerate(told):
            found = []
            if decision != Decision.UNSCORED.value:
                found.append(f"{LANGUAGE}{language}")
            if decision == Decision.FLAG.value:
                found += [KIND + kind for kind in kinds or ()]
            places += [place] * len(found)
            labels += found
        arrays = [
            names.take(plain_array(places, pa.int64())),
            plain_array(labels, pa.string()),
            number_array(np.ones(len(labels), np.int64)),
        ]
        return pa.Table.from_arrays(arrays, schema=self._labels_schema)

    def _summed(self, columns: dict[str, pa.ChunkedArray]) -> pa.Table:
        codes, names = _encoded(columns.pop("group"))
        found: dict[str, pa.Array] = {"group": names}
        for name in _COUNTS:
            found[name] = number_array(_sums(codes, _numbers(columns.pop(name)), len(names)))
        rows = _numbers(columns.pop("first_row"))
        first = _best(codes, rows)
        found["first_row"] = number_array(rows[numbers(first)])
        probability = one_array(columns.pop("probability"))
        scores = np.where(valid(probability), numbers(probability), -1)
        highest = one_array(columns.pop("highest_row"))
        riskiest = _best(codes, -scores, numbers(highest))
        found |= {"probability": probability.take(riskiest), "highest_row": highest.take(riskiest)}
        if self.time is not None:
            for name, sign in (("first", 1), ("last", -1)):
                instants = one_array(columns.pop(name))
                best = _best(codes, sign * numbers(instants), rows)
                found[name] = instants.take(best)
                found[f"{name}_time"] = one_array(columns.pop(f"{name}_time")).take(best)
        arrays = [found[name] for name in self._schema.names]
        return pa.Table.from_arrays(arrays, schema=self._schema)


def nested_counts(counts: Sequence[Sequence[tuple[str, int]]], item: str) -> pa.Array:
    """Return lists of names, each as ``item``, and their numbers of messages."""
    fields = [pa.field(item, pa.string()), pa.field("messages", pa.int64())]
    pairs = [pair for row in counts for pair in row]
    arrays = [
        plain_array([pair[place] for pair in pairs], field.type)
        for place, field in enumerate(fields)
    ]
    structs = pa.StructArray.from_arrays(arrays, fields=fields)
    return list_array(counts, structs, pa.list_(pa.struct(fields)))


def flat_counts(lists: pa.ChunkedArray, item: str) -> pa.Array:
    """Return such lists as text, ``crypto:3;job:1``; an empty one as null."""
    texts = (";".join(f"{one[item]}:{one['messages']}" for one in row) for row in lists.to_pylist())
    return plain_array([text or None for text in texts], pa.string())


def _columns(tables: list[pa.Table]) -> dict[str, pa.ChunkedArray]:
    """Return the columns of all tables, which are released one by one."""
    table = pa.concat_tables(tables)
    tables.clear()
    return {name: table[name] for name in table.column_names}


def _summed_labels(columns: dict[str, pa.ChunkedArray]) -> pa.Table:
    codes, names = _encoded(columns.pop("group"))
    label_codes, labels = _encoded(columns.pop("label"))
    pairs = codes * max(1, len(labels)) + label_codes
    found, places = np.unique(pairs, return_inverse=True)
    arrays = [
        names.take(number_array(found // max(1, len(labels)))),
        labels.take(number_array(found % max(1, len(labels)))),
        number_array(_sums(places, _numbers(columns.pop("messages")), len(found))),
    ]
    return pa.Table.from_arrays(arrays, names=["group", "label", "messages"])


def _encoded(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], pa.Array]:
    """Return a code for each value and the value of each code; null is a value."""
    found = pc.dictionary_encode(one_array(column), null_encoding="encode")
    return numbers(found.indices.cast(pa.int64())), found.dictionary


def _sums(codes: NDArray[np.int64], values: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, codes, values)
    return sums


def _best(codes: NDArray[np.int64], *keys: NDArray[Any]) -> pa.Array:
    """Return the row with the lowest keys, the first key first, for each code."""
    order = np.lexsort((*reversed(keys), codes))
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return number_array(order[starts])


def _numbers(column: pa.ChunkedArray) -> NDArray[Any]:
    return numbers(one_array(column))


def _flags(flags: NDArray[np.bool_]) -> pa.Array:
    return number_array(flags.astype(np.int64))
