"""Find columns of any dump by name, check what they hold, and read them as plain strings."""

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
    """An input column, or what a path leads to within one; ``kind`` is its flat Arrow type."""

    name: str
    path: TextPath
    kind: pa.DataType


@dataclass(frozen=True)
class Grouping:
    """The columns to group by, of times, senders, threads and recipients, if any, of ``where``."""

    where: str
    by: Column | None = None
    time: Column | None = None
    sender: Column | None = None
    thread: Column | None = None
    recipient: Column | None = None

    def values(self, rows: Rows, column: Column) -> pa.Array:
        """Return the values of the column; raise InputError where one is nested."""
        try:
            return rows.column(column.path, column.kind)
        except NestedError as problem:
            raise InputError(
                f"{self.where}: column {column.name!r} holds objects or lists, which name no "
                "group, no thread and no time; give a path to a plain value in them, such as "
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
    """Return the columns of these names, which may be dotted paths.

    ``objects`` says that the rows are JSON objects: what is in these nobody knows before, so they
    are read once, which is cheap next to scoring. Raises InputError, naming ``where``, on a column
    that is missing, there twice, or holds what cannot be grouped, is no time or no sender.
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
                f"{where}: column {person.name!r} holds {person.kind}, which names no {who}; name "
                f"another with {who}_column (--{who}-column)"
            )
    for named, option in ((found.by, "by"), (found.thread, "thread_column")):
        if named is not None and not _is_groupable(named.kind):
            raise InputError(
                f"{where}: column {named.name!r} holds {named.kind}, by which nothing can be "
                f"grouped; name another with {option} ({_flag(option)})"
            )
    if found.time is not None and not holds_times(found.time.kind):
        raise InputError(
            f"{where}: column {time_column!r} holds {found.time.kind}, no times; name another "
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
    """Return the type of what the path leads to in structs."""
    return schema_members(dump.schema).get(name)


def _in_objects(dump: Dump, name: str) -> pa.DataType | None:
    path = name.split(".")
    return pa.string() if len(path) > 1 and path[0] in dump.columns else None


def _flat(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values, such as each kind of text has under one name."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_binary_view(kind):  # few functions of Arrow take views
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
    """Raise InputError where a column is nested in some row, or a path leads nowhere in all."""
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
    """Some rows: ``columns`` holds the values of each column that was asked for, of equal length.

    ``rejected`` is how many records among them could not be read.
    """

    texts: list[str | None]
    columns: dict[str, list[str | None]]
    rejected: int


def read_columns(
    path: Path, text_column: str, columns: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[PlainBatch]:
    """Yield the rows of a CSV, TSV, JSONL, JSON or Parquet file in their order.

    What is no text in the text column is None; elsewhere numbers and truth values are as JSON
    writes them. Columns of ``optional`` that the file lacks are left out. Raises InputError where
    the file cannot be read or lacks another column, or one holds lists or objects.
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
                cure="name one of the file",
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
