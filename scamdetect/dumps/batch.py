"""Batches of rows as Arrow tables, and the records that cannot be read."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.dumps.text import Line
from scamdetect.errors import InputError
from scamdetect.frames.arrow import array

JSON = {b"scamdetect_json": b"1"}  # metadata of a column of JSON text
BATCH_ROWS = 2048
BATCH_BYTES = 8 << 20


@dataclass(frozen=True)
class Reject:
    """A record that cannot be read: its line and byte in the decompressed file, reason and bytes.

    ``kept`` is True if the record is also a row: then only some of its bytes could not be decoded,
    and the row has U+FFFD instead.
    """

    line: int
    reason: str
    raw: bytes
    file: str | None = None
    offset: int | None = None
    kept: bool = False

    def to_json(self) -> bytes:
        """Return a line of JSON; bytes that are not UTF-8 become base64."""
        value: dict[str, Any] = {} if self.file is None else {"file": self.file}
        value |= {"line": self.line, "offset": self.offset, "reason": self.reason}
        value |= {"kept": True} if self.kept else {}
        try:
            value["raw"] = self.raw.decode("utf-8")
        except UnicodeDecodeError:
            value["raw_base64"] = base64.b64encode(self.raw).decode("ascii")
        return f"{json.dumps(value, ensure_ascii=False)}\n".encode("utf-8", "backslashreplace")


def problem_of(line: Line) -> Reject | None:
    """Return the bytes of a line that could not be decoded, or that is too long, or None."""
    if line.problem is None:
        return None
    return Reject(line.number, line.problem, line.raw, offset=line.offset, kept=not line.is_cut)


@dataclass(frozen=True)
class Batch:
    """Rows in their order, the records rejected between them, and the share of the dump read."""

    table: pa.Table
    rejects: tuple[Reject, ...]
    share: float

    @property
    def records(self) -> int:
        """Return the number of rows and of rejected records that are no rows."""
        return int(self.table.num_rows) + sum(not reject.kept for reject in self.rejects)


@dataclass(frozen=True)
class Dump:
    """An opened dump: its columns, and its batches, read again on each call.

    ``notes`` report decisions about how the file is read, ``format`` is the format of the files.
    """

    schema: pa.Schema
    batches: Callable[[], Iterator[Batch]]
    encoding: str | None = None
    delimiter: str | None = None
    notes: tuple[str, ...] = ()
    format: str | None = None


@dataclass(frozen=True)
class Item:
    """A record or its rejection, its size in bytes, and the file bytes read so far.

    ``note`` keeps the bytes of a record that could not be decoded completely.
    """

    record: Any
    size: int
    offset: int
    note: Reject | None = None


@dataclass
class Group:
    """Consecutive records, with the rejected ones separate."""

    records: list[Any]
    rejects: list[Reject]
    offset: int


def grouped(items: Iterable[Item], encoding: str | None, where: str) -> Iterator[Group]:
    """Yield groups of bounded rows and bytes; raise InputError."""
    group, size, checked = Group([], [], 0), 0, False
    for item in items:
        if isinstance(item.record, Reject):
            group.rejects.append(item.record)
        else:
            group.records.append(item.record)
            group.rejects.extend([] if item.note is None else [item.note])
        size += item.size
        group.offset = item.offset
        if len(group.records) + len(group.rejects) >= BATCH_ROWS or size >= BATCH_BYTES:
            checked = checked or _check_decoded(group, encoding, where)
            yield group
            group, size = Group([], [], 0), 0
    if group.records or group.rejects:
        checked = checked or _check_decoded(group, encoding, where)
        yield group


def _check_decoded(group: Group, encoding: str | None, where: str) -> bool:
    damaged = [reject for reject in group.rejects if reject.kept]
    if len(damaged) * 2 > len(group.records):
        raise InputError(
            f"{where}:{damaged[0].line}: {damaged[0].reason}, as in {len(damaged)} of the first "
            f"{len(group.records)} records; the file is not {encoding}: pass its encoding with "
            "--encoding"
        )
    return True


def record_dump(
    schema: pa.Schema,
    items: Callable[[], Iterator[Item]],
    *,
    encoding: str | None = None,
    notes: tuple[str, ...] = (),
    total: int = 0,
    where: str = "the dump",
) -> Dump:
    """Return a dump of the items, read again on each pass."""

    def batches() -> Iterator[Batch]:
        for group in grouped(items(), encoding, where):
            columns = [
                array([record.get(field.name) for record in group.records], field.type)
                for field in schema
            ]
            table = pa.Table.from_arrays(columns, schema=schema)
            yield Batch(table, tuple(group.rejects), group.offset / total if total else 0.0)

    return Dump(schema, batches, encoding, notes=notes)


def is_json(field: pa.Field) -> bool:
    """Return True if the column has JSON text, of values that no plain type represents."""
    return JSON.keys() <= (field.metadata or {}).keys()


def column_values(table: pa.Table, name: str) -> list[Any]:
    """Return the values of a column, or at a dotted path into one; None if it leads nowhere."""
    head, *path = [name] if name in table.column_names else name.split(".")
    if head not in table.column_names:
        return [None] * table.num_rows
    column, of_json = table.column(head), is_json(table.schema.field(head))
    for part in () if of_json else path:
        if not pa.types.is_struct(column.type) or column.type.get_field_index(part) < 0:
            return [None] * table.num_rows
        column = pc.struct_field(column, part)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        values = list(column.to_pylist())
    except UnicodeDecodeError:
        raw = column.cast(pa.large_binary()).to_pylist()
        values = [None if value is None else value.decode("utf-8", "replace") for value in raw]
    if of_json:
        values = [None if value is None else json.loads(value) for value in values]
    for part in path if of_json else ():
        values = [value.get(part) if isinstance(value, dict) else None for value in values]
    return values
