"""Write scored rows as parts of CSV, TSV, JSONL or Parquet, join them, and write other tables.

Parts of a text format are its lines without a header. Parts of Parquet are Arrow streams, which
keep every type and are written once into row groups whose size does not depend on the parts.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.dumps.batches import Dump
from scamdetect.dumps.delimited import quote
from scamdetect.dumps.formats import DELIMITERS, Format, destination_format
from scamdetect.dumps.rows import ArrowRows, Rows
from scamdetect.errors import InputError
from scamdetect.frames import columns as output
from scamdetect.frames.arrow import plain_array, readable, unwritable
from scamdetect.prediction import Prediction
from scamdetect.system.files import open_regular
from scamdetect.system.shown import shown, shown_names

Write = Callable[[Rows, Sequence[Prediction]], None]

_ROW_GROUP_ROWS = 1 << 16
_ROW_GROUP_BYTES = 64 << 20
_SHOWN_TYPE = 200  # characters
_COPY_BYTES = 1 << 20


def check_columns_fit(destination: Path, dump: Dump) -> None:
    """Raise InputError if the destination's format cannot represent the columns."""
    kind = destination_format(destination)
    first_line = dump.delimiter is not None
    names = zip(dump.columns, shown_names(dump.columns, first_line=first_line), strict=True)
    repeated = sorted({name for own, name in names if dump.columns.count(own) > 1})
    if repeated and (kind not in DELIMITERS or dump.delimiter is None):
        cure = "rename them" if dump.delimiter is None else "write CSV or rename them"
        raise InputError(
            f"{destination}: the source has several columns named {', '.join(repeated)}, which "
            f"{kind.value} cannot keep apart; {cure}"
        )
    for field in dump.schema if kind is not Format.PARQUET else ():
        if unwritable(field.type):
            raise InputError(
                f"{destination}: column {shown(field.name)!r} holds "
                f"{_shortened(str(field.type))}, which {kind.value} cannot hold; leave it out with "
                "--columns, or choose a Parquet destination, which keeps it"
            )


def _shortened(kind: str) -> str:
    return kind if len(kind) <= _SHOWN_TYPE else f"{kind[:_SHOWN_TYPE]}..."


def part_extension(kind: Format) -> str:
    """Return the extension, without a dot, of the parts of a destination of this format."""
    return "arrow" if kind is Format.PARQUET else kind.value


def part_writer(kind: Format, file: IO[bytes], dump: Dump) -> AbstractContextManager[Write]:
    """Return a context that yields a function to append a batch of rows with their predictions.

    At its end the content is complete; the file stays open.
    """
    if kind in DELIMITERS:
        return _delimited(file, dump, _delimiter(kind, dump))
    return _jsonl(file) if kind is Format.JSONL else _arrow(file, dump)


def join(kind: Format, file: IO[bytes], dump: Dump, parts: Iterable[Path]) -> None:
    """Write the whole destination from its parts; raise InputError if one is damaged."""
    if kind is Format.PARQUET:
        _join_parquet(file, dump, parts)
        return
    file.write(header(kind, dump))
    append(file, parts)


def append(file: IO[bytes], parts: Iterable[Path]) -> None:
    """Append the bytes of all parts."""
    for path in parts:
        with open_regular(path) as part:
            shutil.copyfileobj(part, file, _COPY_BYTES)


@contextmanager
def _delimited(file: IO[bytes], dump: Dump, delimiter: str) -> Iterator[Write]:
    """Write UTF-8; cells of a source of the same format are copied exactly."""

    def write(rows: Rows, predictions: Sequence[Prediction]) -> None:
        for cells, prediction in zip(rows.cells(delimiter), predictions, strict=True):
            values = output.record(prediction, flat=True).values()
            new = (quote(_plain(value), delimiter) for value in values)
            file.write(_line([*cells, *new], dump, delimiter))

    yield write


def _delimiter(kind: Format, dump: Dump) -> str:
    return dump.csv_delimiter if kind is Format.CSV else DELIMITERS[kind]


def header(kind: Format, dump: Dump) -> bytes:
    """Return what is before the rows of a text format: the names of the columns, if any."""
    if kind not in DELIMITERS:
        return b""
    delimiter = _delimiter(kind, dump)
    names = list(dump.raw_header)
    if delimiter != dump.delimiter:
        names = [quote(name, delimiter) for name in dump.columns]
    start = "\ufeff" if dump.bom else ""
    if dump.hint and delimiter == dump.delimiter:
        start += f"sep={delimiter}{dump.line_end}"
    own = (quote(name, delimiter) for name in output.COLUMNS)
    return start.encode("utf-8") + _line([*names, *own], dump, delimiter)


def _line(cells: list[str], dump: Dump, delimiter: str) -> bytes:
    if dump.spreadsheet_safe:
        from scamdetect.dumps.spreadsheet import safe_row

        cells = safe_row(cells, delimiter)
    return (delimiter.join(cells) + dump.line_end).encode("utf-8", "backslashreplace")


def _plain(value: object) -> str | None:
    # Our own columns do not distinguish an empty text from a missing one: both are empty cells.
    return None if value is None or value == "" else str(value)


@contextmanager
def _jsonl(file: IO[bytes]) -> Iterator[Write]:
    """Write UTF-8; the members of a JSONL source are copied exactly."""

    def write(rows: Rows, predictions: Sequence[Prediction]) -> None:
        for text, prediction in zip(rows.objects(), predictions, strict=True):
            head = text[:-1].rstrip()
            comma = "" if head == "{" else ", "
            new = json.dumps(output.record(prediction), ensure_ascii=False)[1:]
            file.write(f"{head}{comma}{new}\n".encode("utf-8", "backslashreplace"))

    yield write


@contextmanager
def _arrow(file: IO[bytes], dump: Dump) -> Iterator[Write]:
    """Write the types of the source."""
    schema = _schema(dump)
    # A file cannot hold a column whose dictionary changes between batches; a stream can.
    stream = pa.ipc.new_stream(file, schema, options=pa.ipc.IpcWriteOptions(compression="zstd"))

    def write(rows: Rows, predictions: Sequence[Prediction]) -> None:
        arrays = [*rows.table().columns, *output.columns(predictions).values()]
        stream.write_table(pa.Table.from_arrays(arrays, schema=schema))

    yield write
    stream.close()


def _join_parquet(file: IO[bytes], dump: Dump, parts: Iterable[Path]) -> None:
    """Write the types and the metadata of the source, in row groups of suitable size."""
    schema = _schema(dump)
    parquet = pq.ParquetWriter(file, schema, compression="zstd")
    held: list[pa.RecordBatch] = []
    rows = size = 0
    try:
        for batch in (batch for path in parts for batch in _stored_batches(path)):
            held.append(batch)
            rows += batch.num_rows
            size += batch.nbytes
            if rows >= _ROW_GROUP_ROWS or size >= _ROW_GROUP_BYTES:
                parquet.write_table(pa.Table.from_batches(held, schema))
                held, rows, size = [], 0, 0
        if held:
            parquet.write_table(pa.Table.from_batches(held, schema))
        parquet.close()
    finally:
        # Otherwise a failed writer would write its footer to a closed file when collected.
        parquet.is_open = False


def _stored_batches(path: Path) -> Iterator[pa.RecordBatch]:
    try:
        with path.open("rb") as file, pa.ipc.open_stream(file) as stream:
            yield from stream
    except pa.ArrowInvalid as problem:
        raise InputError(f"{path}: damaged; start again with --overwrite") from problem


def _schema(dump: Dump) -> pa.Schema:
    return pa.schema([*dump.schema, *output.SCHEMA], metadata=dump.schema.metadata)


def write_tables(
    file: IO[bytes],
    kind: Format,
    slices: Iterator[pa.Table],
    *,
    what: str,
    csv_delimiter: str = ",",
    spreadsheet_safe: bool = False,
) -> None:
    """Write the slices of a table, the first of which has its columns and no rows.

    Parquet keeps the types. In other formats, bytes of the first column that are not UTF-8 become
    escapes, and with ``spreadsheet_safe`` CSV and TSV have no cell that a spreadsheet would run.
    Raises OSError, or InputError, with ``what``, if text cannot represent a value.
    """
    schema = next(slices).schema
    if kind is Format.PARQUET:
        parquet = pq.ParquetWriter(file, schema, compression="zstd")
        try:
            for table in slices:
                parquet.write_table(table)
            parquet.close()
        finally:
            parquet.is_open = False  # otherwise a failed writer writes its footer when collected
        return
    delimiter = csv_delimiter if kind is Format.CSV else DELIMITERS.get(kind)
    if delimiter is not None:
        names = [quote(name, delimiter) for name in schema.names]
        file.write(_record(names, delimiter, safe=spreadsheet_safe))
    for table in map(_readable, slices):
        rows = ArrowRows(what, (schema.names[0],), tuple(schema.names), table)
        if delimiter is None:
            file.writelines(f"{text}\n".encode() for text in rows.objects())
        else:
            file.writelines(
                _record(cells, delimiter, safe=spreadsheet_safe) for cells in rows.cells(delimiter)
            )


def _readable(table: pa.Table) -> pa.Table:
    """Return the table with escapes for bytes that are not UTF-8."""
    names = table.column(0)
    if not (pa.types.is_string(names.type) or pa.types.is_large_string(names.type)):
        return table
    return table.set_column(0, table.schema.names[0], plain_array(readable(names), pa.string()))


def _record(cells: list[str], delimiter: str, *, safe: bool) -> bytes:
    if safe:
        from scamdetect.dumps.spreadsheet import safe_row

        cells = safe_row(cells, delimiter)
    return f"{delimiter.join(cells)}\n".encode()
