"""Read the output of ``scamdetect score``, in any of its formats, in batches of one schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.dumps.batches import Item, Reject, grouped
from scamdetect.dumps.delimited import unquote
from scamdetect.dumps.formats import DELIMITERS, JOB_SUFFIX, Format, destination_format, unpacked
from scamdetect.dumps.json import object_lines
from scamdetect.dumps.lines import beginning, reading
from scamdetect.dumps.parquet import read_batches, read_schema
from scamdetect.dumps.read_delimited import open_cells
from scamdetect.dumps.rows import TextPath, object_members, schema_members, value_at
from scamdetect.dumps.sources import find_source
from scamdetect.errors import InputError
from scamdetect.frames import columns as output
from scamdetect.frames.arrow import encodable, list_array, plain_array, readable
from scamdetect.labels import Decision
from scamdetect.prediction import ALLOWED, FLAGGED_BY_KIND, LISTED, REVIEWED_BY_VERDICT
from scamdetect.system.shown import missing_column

NEEDED = ("scamdetect_decision", "scamdetect_scam_probability")
# The columns of a batch, each with the one in the file; missing ones are null.
_SCORES = {
    "decision": "scamdetect_decision",
    "probability": "scamdetect_scam_probability",
    "verdict": "scamdetect_verdict",
    "kinds": "scamdetect_kinds",
    "language": "scamdetect_language",
    "model_id": "scamdetect_model_id",
    "reason": "scamdetect_reason",
    "schema_version": "scamdetect_schema_version",
}
_OTHERWISE = (ALLOWED, FLAGGED_BY_KIND, REVIEWED_BY_VERDICT, LISTED)
_DELIMITERS = (",", ";", "\t", "|")  # of CSV; it stays that of the source
_NAMES = pa.list_(pa.string())
_TYPES = {"probability": pa.float64(), "kinds": _NAMES, "schema_version": pa.int64()}
_DECISIONS = plain_array([decision.value for decision in Decision], pa.string())
_AS_IN_FILE = ("time", "key")
_MOST = 2**63 - 1
_HEADER_BYTES = 64 << 10
_NAME = re.compile("[a-z_]{1,40}")  # of a kind
_SURVEYED = 10_000  # objects of a JSONL file to search for column names

Column = Sequence[Any]  # of Python or of Arrow
Columns = tuple[dict[str, Column], int]  # by their name in a batch, and how many rows are broken


def decided_otherwise(table: pa.Table) -> pa.Array:
    """Return which rows of a batch's table were not decided by a threshold, (n,) booleans.

    They were decided by a kind flag, the verdict, an allow-list or a listed indicator, which shows
    nothing about the thresholds.
    """
    reasons = table.column("reason")
    return pc.fill_null(reduce(pc.or_, (pc.starts_with(reasons, s) for s in _OTHERWISE)), False)


@dataclass(frozen=True)
class ScoredBatch:
    """Some rows: a table of the scores, and of ``text``, ``time``, ``key`` if requested.

    ``unreadable`` rows are in no table: broken records, and rows without a decision or with an
    impossible probability.
    """

    table: pa.Table
    unreadable: int


@dataclass(frozen=True)
class ScoredDump:
    """A scored file: the names of its columns, dotted paths into them, and a way to read it."""

    path: Path
    columns: tuple[str, ...]
    members: tuple[str, ...]
    _read: Callable[[Mapping[str, TextPath]], Iterator[Columns]]

    def has(self, column: str) -> bool:
        """Return True if there is a column, or a path such as ``message.body``."""
        return column in self.columns or column in self.members

    def require(self, column: str) -> None:
        """Raise InputError, with the existing names, if there is no such column or path."""
        if not self.has(column):
            raise missing_column(
                self.path,
                repr(column),
                (*self.columns, *self.members),
                first_line=False,  # a file that was scored has a header
                cure="name another",
            )

    def batches(
        self, text: str | None = None, time: str | None = None, key: str | None = None
    ) -> Iterator[ScoredBatch]:
        """Yield the rows in order, with the columns named for text, time and key.

        The text is a string or null; the time and the key, which identifies a row for the file's
        owner, keep their type in the file. Raises InputError if the file is damaged.
        """
        wanted: dict[str, TextPath] = {
            name: (column,) for name, column in _SCORES.items() if column in self.columns
        }
        for name, column in (("text", text), ("time", time), ("key", key)):
            if column is not None:
                wanted[name] = (column,) if column in self.columns else tuple(column.split("."))
        for columns, broken in self._read(wanted):
            table = pa.table({name: _plain(name, values) for name, values in columns.items()})
            for name in _SCORES.keys() - columns.keys():
                kind = _TYPES.get(name, pa.string())
                table = table.append_column(name, pa.nulls(table.num_rows, kind))
            sound = table.filter(_sound(table))
            yield ScoredBatch(sound, broken + table.num_rows - sound.num_rows)


def open_scored(path: Path) -> ScoredDump:
    """Open a file that was scored, or a folder of them as written by Ray and Spark.

    Raises InputError if it is not scored, cannot be read, or the files of a folder differ in
    columns.
    """
    with reading(path):
        is_folder = path.is_dir()
    return _open_folder(path) if is_folder else _open_file(path)


def _open_folder(path: Path) -> ScoredDump:
    dumps = [
        _open_file(file.path)
        for file in find_source(path).files
        if file.size and not file.name.endswith(JOB_SUFFIX)
    ]
    if not dumps:
        raise InputError(f"{path}: all files of the folder are empty")
    for dump in dumps[1:]:
        if dump.columns != dumps[0].columns:
            raise InputError(
                f"{dump.path}: its columns differ from {dumps[0].path}; make a report of each"
            )

    def read(wanted: Mapping[str, TextPath]) -> Iterator[Columns]:
        return chain.from_iterable(dump._read(wanted) for dump in dumps)

    return ScoredDump(path, dumps[0].columns, dumps[0].members, read)


def _open_file(path: Path) -> ScoredDump:
    kind = destination_format(unpacked(path))
    if not beginning(path, 1):
        raise InputError(f"{path}: the file is empty")
    if kind is Format.PARQUET:
        dump = _open_parquet(path)
    elif kind is Format.JSONL:
        dump = _open_jsonl(path)
    else:
        dump = _open_delimited(path, kind)
    missing = [name for name in NEEDED if name not in dump.columns]
    if missing:
        raise missing_column(
            path,
            ", ".join(missing),
            dump.columns,
            first_line=kind in DELIMITERS,
            cure="score it first with `scamdetect score`",
        )
    return dump


def _open_parquet(path: Path) -> ScoredDump:
    schema = read_schema(path)

    def read(wanted: Mapping[str, TextPath]) -> Iterator[Columns]:
        tops = dict.fromkeys(place[0] for place in wanted.values())
        for table in read_batches(path, tuple(tops)):
            found = {}
            for name, (top, *inner) in wanted.items():
                column = table.column(table.schema.names.index(top))
                found[name] = pc.struct_field(column, inner) if inner else column
            yield found, 0

    return ScoredDump(path, tuple(schema.names), tuple(schema_members(schema)), read)


def open_written(
    path: Path, kind: Format, needed: str
) -> tuple[tuple[str, ...], Callable[[], Iterator[Item[list[str]]]]]:
    """Open a CSV or TSV that ``score`` wrote, like ``read_delimited.open_cells``.

    The delimiter of a CSV is the first one that gives the needed column: a usual one, or the
    character before its name. Raises InputError.
    """
    delimiters: Sequence[str] = (DELIMITERS[kind],)
    if kind is Format.CSV:
        start = beginning(path, _HEADER_BYTES).decode("utf-8", "ignore")
        before = re.findall(rf'([^"\r\n])"?{needed}\b', start)[:1]
        delimiters = (*_DELIMITERS, *before)
    opened = [open_cells(path, delimiters[0], "utf-8")]
    for delimiter in delimiters[1:]:
        if needed in opened[-1][0]:
            break
        opened.append(open_cells(path, delimiter, "utf-8"))
    return opened[-1 if needed in opened[-1][0] else 0]


def _open_delimited(path: Path, kind: Format) -> ScoredDump:
    names, items = open_written(path, kind, NEEDED[0])

    def read(wanted: Mapping[str, TextPath]) -> Iterator[Columns]:
        places = {name: names.index(column) for name, (column,) in wanted.items()}
        for group in grouped(items(), path, "utf-8"):
            yield (
                {name: [unquote(row[at]) or None for row in group.values]
                 for name, at in places.items()},
                len(group.rejects),
            )  # fmt: skip

    return ScoredDump(path, names, (), read)


def _open_jsonl(path: Path) -> ScoredDump:
    columns: dict[str, None] = {}
    members: dict[str, None] = {}
    for item in islice(object_lines(path, "utf-8"), _SURVEYED):
        if not isinstance(item.value, Reject):
            columns |= dict.fromkeys(item.value[1])
            for name, value in item.value[1].items():
                members |= dict.fromkeys(object_members(name, value))

    def read(wanted: Mapping[str, TextPath]) -> Iterator[Columns]:
        for group in grouped(object_lines(path, "utf-8"), path, "utf-8"):
            yield (
                {name: [value_at(value, at) for _, value in group.values]
                 for name, at in wanted.items()},
                len(group.rejects),
            )  # fmt: skip

    return ScoredDump(path, tuple(columns), tuple(members), read)


def _plain(name: str, values: Column) -> Any:  # noqa: ANN401 - an array of Arrow
    """Return a column in the type of its name in a batch; values that do not fit are null."""
    if isinstance(values, pa.ChunkedArray):
        if name in _AS_IN_FILE:
            return values
        if (ready := _ready(name, values)) is not None:
            return ready
        values = _values(values)
    elif name in _AS_IN_FILE:
        return _times(values)
    read = _READERS.get(name, _string)
    plain = [read(value) for value in values]
    if name != "kinds":
        return plain_array(plain, _TYPES.get(name, pa.string()))
    items = plain_array([item for row in plain for item in row], pa.string())
    return list_array(plain, items, _NAMES)


def _ready(name: str, values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return a column of a Parquet file as ``score`` writes it, None for any other."""
    kind = values.type
    if name == "probability":
        return values.cast(pa.float64()) if pa.types.is_floating(kind) else None
    if name == "schema_version":
        return values.cast(pa.int64()) if pa.types.is_integer(kind) else None
    if name == "kinds":
        if kind != output.SCHEMA.field("scamdetect_kinds").type:
            return None
        lists = [(chunk.offsets, chunk.values.field("kind")) for chunk in values.chunks]
        return pa.chunked_array([pa.ListArray.from_arrays(*pair) for pair in lists], _NAMES)
    return values if pa.types.is_string(kind) and _is_utf8(values) else None


def _is_utf8(values: pa.ChunkedArray) -> bool:
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _values(values: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    return readable(values)


def _times(values: Sequence[Any]) -> pa.Array:
    numbers = all(v is None or (isinstance(v, int | float) and v == v) for v in values)
    if numbers and not any(isinstance(v, bool) for v in values):
        return plain_array([_number(v, float) for v in values], pa.float64())
    return plain_array([_string(v) for v in values], pa.string())


def _string(value: object) -> str | None:
    return encodable(value) if isinstance(value, str) else None


def _number(value: object, kind: type[float] | type[int]) -> float | int | None:
    try:
        number = kind(value) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError):
        return None
    return None if isinstance(number, int) and abs(number) > _MOST else number


def _kinds(value: object) -> list[str]:
    """Return the names of kinds written as ``investment:0.93;crypto:0.71`` or as objects."""
    if isinstance(value, str):
        names: list[Any] = [part.partition(":")[0] for part in value.split(";")]
    else:
        rows = value if isinstance(value, list) else []
        names = [row.get("kind") for row in rows if isinstance(row, dict)]
    # Other programs write lists in their own forms, which are not names.
    return [name for name in names if isinstance(name, str) and _NAME.fullmatch(name)]


_READERS: dict[str, Callable[[Any], Any]] = {
    "probability": partial(_number, kind=float),
    "schema_version": partial(_number, kind=int),
    "kinds": _kinds,
}


def _sound(table: pa.Table) -> pa.Array:
    decided = pc.is_in(table.column("decision"), value_set=_DECISIONS)
    probability = table.column("probability").combine_chunks()
    values = pc.fill_null(probability, np.nan)
    possible = pc.and_(pc.greater_equal(values, 0.0), pc.less_equal(values, 1.0))
    unscored = pc.equal(table.column("decision"), Decision.UNSCORED.value)
    return pc.fill_null(pc.and_(decided, pc.or_(possible, unscored)), False)
