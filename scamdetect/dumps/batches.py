"""Batches of rows and of rejected records, which every reader yields."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import pyarrow as pa

from scamdetect.dumps.lines import DamagedError
from scamdetect.dumps.rows import ArrowRows, Rows
from scamdetect.errors import InputError
from scamdetect.frames.arrow import encodable, list_array, plain_array

BATCH_ROWS = 2048
BATCH_BYTES = 8 << 20

T = TypeVar("T")


@dataclass(frozen=True)
class Reject:
    """An unreadable record: its place, the reason and its bytes, so that nothing is lost."""

    record: int
    line: int
    lines: int
    reason: str
    raw: bytes
    undecodable: bool = False
    file: str | None = None  # the file of the record, if the dump has several

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; bytes that are not UTF-8 become base64."""
        place: dict[str, Any] = {} if self.file is None else {"file": self.file}
        place |= {
            "record": self.record, "line": self.line, "lines": self.lines, "reason": self.reason,
        }  # fmt: skip
        try:
            return place | {"raw": self.raw.decode("utf-8")}
        except UnicodeDecodeError:
            return place | {"raw_base64": base64.b64encode(self.raw).decode("ascii")}


@dataclass(frozen=True)
class Batch:
    """Rows in their order, the records rejected between them, and the share of the dump read."""

    rows: Rows
    rejects: tuple[Reject, ...]
    share: float


@dataclass(frozen=True)
class Dump:
    """An opened dump: the columns to keep, their types, and the batches, read again on each call.

    ``raw_header`` holds the kept header cells of a CSV or TSV exactly as in the file. ``hint`` is
    True if a line for Excel such as ``sep=;`` precedes it. ``notes`` report decisions about how the
    file is read. ``json_types`` lists the types of each JSON column, ``has_text`` is False if the
    text column is missing. The last column of a ``many`` is ``scamdetect_file``; its
    ``files_read_as`` changes with the encoding and the delimiter of any file.

    CSV destinations also use ``csv_delimiter``; with ``spreadsheet_safe`` no cell can run as a
    spreadsheet formula.
    """

    columns: tuple[str, ...]
    schema: pa.Schema
    batches: Callable[[], Iterator[Batch]]
    delimiter: str | None = None
    csv_delimiter: str = ","
    encoding: str = "utf-8"
    raw_header: tuple[str, ...] = ()
    line_end: str = "\n"
    bom: bool = False
    hint: bool = False
    spreadsheet_safe: bool = False
    notes: tuple[str, ...] = ()
    json_types: tuple[frozenset[str], ...] = ()
    has_text: bool = True
    many: bool = False
    files_read_as: str | None = None


@dataclass(frozen=True)
class Item(Generic[T]):
    """A record or its rejection, with its size and the number of file bytes read so far."""

    value: T | Reject
    size: int
    end: int


@dataclass(frozen=True)
class Group(Generic[T]):
    """Consecutive records, with the rejected ones separate."""

    values: list[T]
    rejects: list[Reject]
    end: int


def grouped(items: Iterable[Item[T]], path: Path, encoding: str) -> Iterator[Group[T]]:
    """Yield groups of bounded rows and bytes.

    Raises InputError if more than half of the first group cannot be decoded: then the encoding is
    wrong, rather than single records damaged.
    """
    for number, group in enumerate(_bounded(counted(items, "records"))):
        if number == 0:
            _check_decodable(group, path, encoding)
        yield group


def counted(items: Iterable[T], what: str) -> Iterator[T]:
    """Yield the items; the error for a damaged compressed file counts the complete ones."""
    count = 0
    try:
        for item in items:
            yield item
            count += 1
    except DamagedError as problem:
        raise DamagedError(f"{problem.found} after {count:,} complete {what}") from problem


def _bounded(items: Iterable[Item[T]]) -> Iterator[Group[T]]:
    values: list[T] = []
    rejects: list[Reject] = []
    size = end = 0
    for item in items:
        if isinstance(item.value, Reject):
            rejects.append(item.value)
        else:
            values.append(item.value)
        size += item.size
        end = item.end
        if len(values) + len(rejects) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield Group(values, rejects, end)
            values, rejects, size = [], [], 0
    if values or rejects:
        yield Group(values, rejects, end)


def _check_decodable(group: Group[T], path: Path, encoding: str) -> None:
    bad = [reject for reject in group.rejects if reject.undecodable]
    total = len(group.values) + len(group.rejects)
    if len(bad) * 2 > total:
        raise InputError(
            f"{path}:{bad[0].line}: {bad[0].reason}, as in {len(bad)} of the first {total} "
            f"records; the file is not {encoding}: pass its encoding with --encoding"
        )


def record_dump(
    path: Path,
    columns: pa.Schema,
    items: Callable[[], Iterator[Item[T]]],
    *,
    text_column: str,
    encoding: str = "utf-8",
    notes: tuple[str, ...] = (),
) -> Dump:
    """Return a dump of the items, read again on each pass; the fields name the columns."""
    names = tuple(columns.names)

    def batches() -> Iterator[Batch]:
        size = path.stat().st_size
        for group in grouped(items(), path, encoding):
            rows = ArrowRows(str(path), (text_column,), names, _table(group.values, columns))
            yield Batch(rows, tuple(group.rejects), group.end / size)

    return Dump(names, columns, batches, notes=notes)


def _table(records: Sequence[object], columns: pa.Schema) -> pa.Table:
    arrays = []
    for field in columns:
        values = [getattr(record, field.name) for record in records]
        if pa.types.is_list(field.type):
            items = plain_array([encodable(x) for row in values for x in row], pa.string())
            arrays.append(list_array(values, items, field.type))
            continue
        if pa.types.is_string(field.type):
            values = [None if value is None else encodable(value) for value in values]
        arrays.append(plain_array(values, field.type))
    return pa.Table.from_arrays(arrays, schema=columns)
