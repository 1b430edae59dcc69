"""Find the columns of a dump by name, check their types, and read them as plain strings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.dumps.batches import Dump
from scamdetect.dumps.open import open_dump
from scamdetect.dumps.rows import NestedError, Rows, TextPath, schema_members
from scamdetect.errors import InputError
from scamdetect.frames.times import holds_times
from scamdetect.system.shown import missing_column


@dataclass(frozen=True)
class Column:
    """An input column, or a dotted path into one; ``kind`` is its flat Arrow type."""

    name: str
    path: TextPath
    kind: pa.DataType


@dataclass(frozen=True)
class Grouping:
    """The columns to group by, of times, senders, threads and recipients; ``where`` is the dump."""

    where: str
    by: Column | None = None
    time: Column | None = None
    sender: Column | None = None
    thread: Column | None = None
    recipient: Column | None = None

    def values(self, rows: Rows, column: Column) -> pa.Array:
        """Return the values of the column; raise InputError if one is nested."""
        try:
            return rows.column(column.path, column.kind)
        except NestedError as problem:
            raise InputError(
                f"{self.where}: column {column.name!r} holds objects or lists, which cannot be "
                "a group, a thread or a time; pass a path to a plain value in them, such as "
                f"{column.name}.id"
            ) from problem


def grouping(
    dump: Dump,
    where: str,
    *,
    by: str | None = None,
    time_column: str | None = None,
    sender_column: str | None = None,
    thread_column: str | None = None,
    recipient_column: str | None = None,
    objects: bool,
) -> Grouping:
    """Return the columns of these names, which can be dotted paths.

    ``objects`` is True if the rows are JSON objects: their content has no schema, so they are read
    once, which is fast compared with scoring. Raises InputError, with ``where``, for a column that
    is missing or duplicated, or whose type cannot be grouped or is not a time or a sender.
    """
    find = _in_objects if objects else _in_types

    def column(name: str | None, option: str) -> Column | None:
        return None if name is None else _column(dump, where, name, option, find)

    found = Grouping(
        where,
        by=column(by, "by"),
        time=column(time_column, "time_column"),
        sender=column(sender_column, "sender_column"),
        thread=column(thread_column, "thread_column"),
        recipient=column(recipient_column, "recipient_column"),
    )
    for person, who in ((found.sender, "sender"), (found.recipient, "recipient")):
        if person is not None and not _names_people(person.kind):
            raise InputError(
                f"{where}: column {person.name!r} holds {person.kind}, not the names of {who}s; "
                f"name another with {who}_column (--{who}-column)"
            )
    for named, option in ((found.by, "by"), (found.thread, "thread_column")):
        if named is not None and not _is_groupable(named.kind):
            raise InputError(
                f"{where}: column {named.name!r} holds {named.kind}, which cannot be grouped; "
                f"name another with {option} ({_flag(option)})"
            )
    if found.time is not None and not holds_times(found.time.kind):
        raise InputError(
            f"{where}: column {time_column!r} holds {found.time.kind}, not times; name another "
            "with time_column (--time-column)"
        )
    if objects:
        _check_objects(dump, found)
    return found


_Find = Callable[[Dump, str], pa.DataType | None]


def _column(dump: Dump, where: str, name: str, option: str, find: _Find) -> Column:
    if (count := dump.columns.count(name)) > 1:
        raise InputError(f"{where} has {count} columns {name!r}; rename all but one")
    if count:
        return Column(name, (name,), _flat(dump.schema.field(name).type))
    kind = find(dump, name)
    if kind is None:
        raise _missing(dump, where, name, option)
    return Column(name, tuple(name.split(".")), _flat(kind))


def _missing(dump: Dump, where: str, name: str, option: str) -> InputError:
    return missing_column(
        where,
        repr(name),
        dump.columns,
        first_line=dump.delimiter is not None,
        cure=f"name another with {option} ({_flag(option)})",
    )


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _in_types(dump: Dump, name: str) -> pa.DataType | None:
    """Return the type of a path into structs."""
    return schema_members(dump.schema).get(name)


def _in_objects(dump: Dump, name: str) -> pa.DataType | None:
    path = name.split(".")
    return pa.string() if len(path) > 1 and path[0] in dump.columns else None


def _flat(kind: pa.DataType) -> pa.DataType:
    """Return the common type of the values, for instance for all types of text."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_binary_view(kind):  # few Arrow functions accept views
        return pa.binary()
    return pa.string() if pa.types.is_null(kind) or pa.types.is_string_view(kind) else kind


def _names_people(kind: pa.DataType) -> bool:
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return bool(text or pa.types.is_integer(kind))


def _is_groupable(kind: pa.DataType) -> bool:
    try:
        one = pa.nulls(1, kind)
        pc.index_in(one, value_set=pc.dictionary_encode(one).dictionary)
    except pa.ArrowNotImplementedError:
        return False
    return True


def _check_objects(dump: Dump, found: Grouping) -> None:
    """Raise InputError if a column is nested in a row, or a path leads nowhere in all rows."""
    options = {
        "by": found.by, "time_column": found.time, "sender_column": found.sender,
        "thread_column": found.thread, "recipient_column": found.recipient,
    }  # fmt: skip
    columns = [
        (column, option)
        for option, column in options.items()
        if column is not None and pa.types.is_string(column.kind)
    ]
    leading = {column.name for column, _ in columns if len(column.path) == 1}
    if columns:
        for batch in dump.batches():
            for column, _ in columns:
                if found.values(batch.rows, column).null_count < len(batch.rows):
                    leading.add(column.name)
    for column, option in columns:
        if column.name not in leading:
            raise _missing(dump, found.where, column.name, option)


@dataclass(frozen=True)
class PlainBatch:
    """Some rows: ``columns`` holds the values of each requested column, of equal length.

    ``rejected`` counts the records among them that could not be read.
    """

    texts: list[str | None]
    columns: dict[str, list[str | None]]
    rejected: int


def read_columns(
    path: Path, text_column: str, columns: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[PlainBatch]:
    """Yield the rows of a CSV, TSV, JSONL, JSON or Parquet file in their order.

    Values of the text column that are not text become None; in other columns numbers and booleans
    are formatted as in JSON. ``optional`` columns that the file lacks are omitted. Raises
    InputError if the file cannot be read, lacks another column, or has lists or objects in one.
    """
    dump = open_dump(path, text_column=text_column, overwrite_columns=True)
    wanted = [*columns, *(name for name in optional if name in dump.columns)]
    for name in columns:
        if name not in dump.columns:
            raise missing_column(
                path,
                repr(name),
                dump.columns,
                first_line=dump.delimiter is not None,
                cure="name a column of the file",
            )
    return _read(path, dump, wanted)


def _read(path: Path, dump: Dump, wanted: Sequence[str]) -> Iterator[PlainBatch]:
    for batch in dump.batches():
        found = {}
        for name in wanted:
            try:
                found[name] = batch.rows.column((name,), pa.string()).to_pylist()
            except (NestedError, pa.ArrowNotImplementedError) as problem:
                raise InputError(f"{path}: column {name!r} holds lists or objects") from problem
        texts = [value if isinstance(value, str) else None for value in batch.rows.texts()]
        yield PlainBatch(texts, found, len(batch.rejects))
