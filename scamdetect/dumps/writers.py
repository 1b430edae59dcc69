"""Write scored rows as CSV, TSV, JSONL or Parquet to an open file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect import output
from scamdetect.dumps.batches import Dump
from scamdetect.dumps.delimited import quote
from scamdetect.dumps.formats import DELIMITERS, Format, destination_format
from scamdetect.dumps.rows import Rows
from scamdetect.errors import InputError
from scamdetect.prediction import Prediction

Write = Callable[[Rows, Sequence[Prediction]], None]

_ROW_GROUP_ROWS = 1 << 16
_ROW_GROUP_BYTES = 64 << 20


def check_columns_fit(destination: Path, dump: Dump) -> None:
    """Raise InputError where the destination's format cannot hold the columns."""
    kind = destination_format(destination)
    repeated = sorted({output.shown(c) for c in dump.columns if dump.columns.count(c) > 1})
    if repeated and (kind not in DELIMITERS or dump.delimiter is None):
        cure = "rename them" if dump.delimiter is None else "write CSV or rename them"
        raise InputError(
            f"{destination}: the source has several columns named {', '.join(repeated)}, which "
            f"would be mixed up in {kind.value}; {cure}"
        )


def writer(destination: Path, file: IO[bytes], dump: Dump) -> AbstractContextManager[Write]:
    """Return a context that gives a function to append a batch of rows with their predictions.

    The destination's extension chooses the format. Leaving the context ends the content; the file
    stays open.
    """
    kind = destination_format(destination)
    if kind in DELIMITERS:
        return _delimited(file, dump, DELIMITERS[kind])
    return _jsonl(file) if kind is Format.JSONL else _parquet(file, dump)


@contextmanager
def _delimited(file: IO[bytes], dump: Dump, delimiter: str) -> Iterator[Write]:
    """Write UTF-8; cells of a source of the same format stay to the letter."""

    def write_line(cells: list[str], start: str = "") -> None:
        line = start + delimiter.join(cells) + dump.line_end
        file.write(line.encode("utf-8", "backslashreplace"))

    def write(rows: Rows, predictions: Sequence[Prediction]) -> None:
        for cells, prediction in zip(rows.cells(delimiter), predictions, strict=True):
            values = output.record(prediction, flat=True).values()
            write_line([*cells, *(quote(_plain(value), delimiter) for value in values)])

    header = list(dump.raw_header)
    if delimiter != dump.delimiter:
        header = [quote(name, delimiter) for name in dump.columns]
    write_line([*header, *output.COLUMNS], "\ufeff" if dump.bom else "")
    yield write


def _plain(value: object) -> str | None:
    # Nothing in our own columns tells an empty text from none: both are an empty cell.
    return None if value is None or value == "" else str(value)


@contextmanager
def _jsonl(file: IO[bytes]) -> Iterator[Write]:
    """Write UTF-8; the members of a JSONL source stay to the letter."""

    def write(rows: Rows, predictions: Sequence[Prediction]) -> None:
        for text, prediction in zip(rows.objects(), predictions, strict=True):
            head = text[:-1].rstrip()
            comma = "" if head == "{" else ", "
            new = json.dumps(output.record(prediction), ensure_ascii=False)[1:]
            file.write(f"{head}{comma}{new}\n".encode("utf-8", "backslashreplace"))

    yield write


@contextmanager
def _parquet(file: IO[bytes], dump: Dump) -> Iterator[Write]:
    """Write the types and the metadata of the source, in row groups of a fair size."""
    schema = pa.schema([*dump.schema, *output.SCHEMA], metadata=dump.schema.metadata)
    parquet = pq.ParquetWriter(file, schema, compression="zstd")
    held: list[pa.Table] = []

    def write(rows: Rows, predictions: Sequence[Prediction]) -> None:
        arrays = [*rows.table().columns, *output.columns(predictions).values()]
        held.append(pa.Table.from_arrays(arrays, schema=schema))
        if (
            sum(table.num_rows for table in held) >= _ROW_GROUP_ROWS
            or sum(table.nbytes for table in held) >= _ROW_GROUP_BYTES
        ):
            flush()

    def flush() -> None:
        if held:
            parquet.write_table(pa.concat_tables(held))
            held.clear()

    try:
        yield write
        flush()
        parquet.close()
    finally:
        # Without this a failed writer would write its footer when collected, to a closed file.
        parquet.is_open = False
