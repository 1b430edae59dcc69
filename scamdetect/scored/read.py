"""Read the output of ``scamdetect score``, in any of its formats, in batches of one schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.dumps.batch import Dump, column_values, is_json
from scamdetect.dumps.source import open_dump
from scamdetect.dumps.summary import JobRecord, read_job_record
from scamdetect.errors import InputError
from scamdetect.frames.arrow import cell_texts
from scamdetect.frames.times import holds_times, instants
from scamdetect.labels import Decision
from scamdetect.prediction import ALLOWED, FLAGGED_BY_KIND, LISTED, REVIEWED_BY_VERDICT
from scamdetect.system.shown import missing_column

_NEEDED = ("scamdetect_decision", "scamdetect_scam_probability")
# The columns of a batch and their types; those that the file lacks are null.
_SCORES = {
    "decision": pa.string(), "scam_probability": pa.float64(), "verdict": pa.string(),
    "kinds": pa.list_(pa.string()), "language": pa.string(), "model_id": pa.string(),
    "reason": pa.string(), "schema_version": pa.int64(),
}  # fmt: skip
_OTHERWISE = (ALLOWED, FLAGGED_BY_KIND, REVIEWED_BY_VERDICT, LISTED)
_DECISIONS = pa.array([decision.value for decision in Decision])


def decided_otherwise(table: pa.Table) -> pa.Array:
    """Return which rows of a batch's table were not decided by a threshold, (n,) booleans.

    They were decided by a kind flag, the verdict, an allow-list or a listed indicator.
    """
    is_other = (pc.starts_with(table["reason"], start) for start in _OTHERWISE)
    return pc.fill_null(reduce(pc.or_, is_other), False)


@dataclass(frozen=True)
class ScoredBatch:
    """Some rows: a table of the scores, and of ``text``, ``time``, ``key`` if requested."""

    table: pa.Table


@dataclass(frozen=True)
class ScoredDump:
    """A scored file or folder: its dump, and the record of its job if there is one."""

    path: Path
    dump: Dump
    job: JobRecord | None

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(self.dump.schema.names)

    @property
    def text_column(self) -> str:
        """Return the name of the column with the messages, which the file may lack."""
        return "text" if self.job is None else self.job.text_column

    def has(self, column: str) -> bool:
        """Return True if there is a column, or a path such as ``message.body`` that has values."""
        if column in self.columns or column.split(".")[0] not in self.columns:
            return column in self.columns
        columns = (column_values(batch.table, column) for batch in self.dump.batches())
        try:
            return any(value is not None for values in columns for value in values)
        except pa.ArrowInvalid:  # a struct without such a member
            return False

    def require(self, column: str) -> None:
        """Raise InputError, with the existing names, if there is no such column or path."""
        if not self.has(column):
            raise missing_column(self.path, repr(column), self.columns, cure="name another")

    def batches(
        self, text: str | None = None, time: str | None = None, key: str | None = None
    ) -> Iterator[ScoredBatch]:
        """Yield the rows, with the columns named for text, time and key (the owner's id of a row).

        The text is a string or null, the others keep their type. Raises InputError.
        """
        named = {"text": text, "time": time, "key": key}
        tables = self.tables({name: column for name, column in named.items() if column is not None})
        return (ScoredBatch(table) for table in tables if table.num_rows)

    def tables(self, named: dict[str, str]) -> Iterator[pa.Table]:
        """Yield the scores of the rows and columns under other names; the first has no rows."""
        for column in named.values():
            self.require(column)
        yield self._table(self.dump.schema.empty_table(), named, 0)
        done = 0
        for batch in self.dump.batches():
            for reject in batch.rejects:
                raise InputError(f"{self.path}:{reject.line}: {reject.reason}; score again")
            yield self._table(batch.table, named, done)
            done += batch.table.num_rows

    def rows(
        self, named: dict[str, str | None], *, first: int = 0, text: bool = False
    ) -> Iterator[pa.Table]:
        """Yield the rows for a database, numbered from ``first``; the first table has none.

        Named columns, which are null if None, become texts, ``sender`` without blanks around.
        ``micros`` is the instant of ``time`` if known, ``bad`` is True if it cannot be read. Raises
        InputError for columns that hold something else.
        """
        columns = {name: column for name, column in named.items() if column is not None}
        columns |= {"text": self.text_column} if text else {}
        done = 0
        for table in self.tables(columns):
            nothing = pa.chunked_array([pa.nulls(len(table), pa.string())])
            found = {name: table[name] for name in table.column_names}
            times = found.get("time", nothing)
            if not holds_times(times.type):
                raise InputError(
                    f"{self.path}: column {columns['time']!r} holds {times.type}, not times"
                )
            for name in named:
                names = cell_texts(found.get(name, nothing))
                found[name] = pa.chunked_array([pa.array(names, pa.string())])
            if "sender" in columns:
                found["sender"] = _blank_as_null(pc.utf8_trim_whitespace(found["sender"]))
            moments = instants(times.combine_chunks())
            found["micros"] = pa.array(moments.micros, mask=~moments.known)
            found["bad"] = pa.array(moments.bad)
            found["row"] = pa.array(np.arange(first + done, first + done + len(table)))
            done += len(table)
            yield pa.table(found)
        if self.job is not None and done != self.job.written:
            raise InputError(
                f"{self.path}: has {done:,} rows instead of {self.job.written:,}, so it changed "
                "since it was scored; score again"
            )

    def _table(self, rows: pa.Table, named: dict[str, str], done: int) -> pa.Table:
        try:
            found = {name: _scores(rows, name, kind) for name, kind in _SCORES.items()}
            sound = pc.all(pc.is_in(found["decision"], value_set=_DECISIONS)).as_py()
        except (pa.ArrowException, TypeError, KeyError):
            sound = False
        if sound is False:
            raise InputError(
                f"{self.path}: rows {done + 1:,} to {done + len(rows):,} are not as scamdetect "
                "writes them; score again"
            )
        found["probability"] = found.pop("scam_probability")
        for name, column in named.items():
            found[name] = _values(rows, column)
            if self.dump.delimiter is not None:
                found[name] = _blank_as_null(found[name])
        if "text" in named:
            texts = column_values(rows, named["text"])
            plain = [text if isinstance(text, str) else None for text in texts]
            found["text"] = pa.chunked_array([pa.array(plain, pa.string())])
        return pa.table(found)


def open_scored(path: Path, *, all_rows: str | None = None) -> ScoredDump:
    """Open a file that was scored, or a folder of them as written by Ray and Spark.

    ``all_rows`` names what needs all rows, not only flagged ones. Raises InputError.
    """
    dump = open_dump(path)
    missing = [name for name in _NEEDED if name not in dump.schema.names]
    if missing:
        cure, names = "score it first with `scamdetect score`", dump.schema.names
        first_line = dump.delimiter is not None
        raise missing_column(path, ", ".join(missing), names, first_line=first_line, cure=cure)
    job = read_job_record(path)
    if all_rows is not None and job is not None and job.written < job.rows:
        raise InputError(
            f"{path}: has only flagged rows, but {all_rows} need all; score again without "
            "--only-flagged"
        )
    return ScoredDump(path, dump, job)


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a result such as campaigns; raise InputError if it is damaged."""
    for batch in open_dump(path).batches():
        names = batch.table.column_names
        columns = [column_values(batch.table, name) for name in names]
        yield from (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))


def _values(rows: pa.Table, column: str) -> pa.ChunkedArray:
    """Return the values of a column or a dotted path; JSON values other than text as JSON."""
    head, *path = [column] if column in rows.column_names else column.split(".")
    if not is_json(rows.schema.field(head)):
        found = pc.struct_field(rows[head], path) if path else rows[head]
        missing = pc.is_nan(found) if pa.types.is_floating(found.type) else pa.scalar(False)
        return pc.if_else(missing, pa.scalar(None, found.type), found)
    values = column_values(rows, column)
    texts = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _scores(rows: pa.Table, name: str, kind: pa.DataType) -> pa.Array:
    column = f"scamdetect_{name}"
    if column not in rows.column_names:
        return pa.nulls(len(rows), kind)
    if name == "kinds":
        return pa.array(list(map(_kind_names, column_values(rows, column))), kind)
    return _blank_as_null(rows[column]).cast(kind)


def _kind_names(value: Any) -> list[str]:  # noqa: ANN401
    """Return the names in ``investment:0.93;crypto:0.71`` or in objects."""
    if isinstance(value, str):
        return [part.partition(":")[0] for part in value.split(";") if part]
    return [one["kind"] for one in value or ()]


def _blank_as_null(values: pa.ChunkedArray) -> pa.ChunkedArray:
    is_text = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
    blank = pc.equal(values, "") if is_text else pa.scalar(False)
    return pc.if_else(blank, pa.scalar(None, values.type), values)
