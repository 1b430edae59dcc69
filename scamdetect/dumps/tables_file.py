"""Write a table beside a destination, such as that of its groups, in the destination's format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.dumps.delimited import quote
from scamdetect.dumps.formats import DELIMITERS, Format
from scamdetect.dumps.rows import ArrowRows
from scamdetect.dumps.spreadsheet import safe_row
from scamdetect.frames.arrow import plain_array, readable


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

    Parquet keeps the types. Elsewhere bytes of the first column that are not UTF-8 become escapes,
    and with ``spreadsheet_safe`` CSV and TSV have no cell that a spreadsheet would run. Raises
    OSError, InputError, naming ``what``, where text cannot hold a value.
    """
    schema = next(slices).schema
    if kind is Format.PARQUET:
        parquet = pq.ParquetWriter(file, schema, compression="zstd")
        try:
            for table in slices:
                parquet.write_table(table)
            parquet.close()
        finally:
            parquet.is_open = False  # else a failed writer writes its footer when collected
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
    """Return the table with escapes in the place of bytes that are not UTF-8."""
    names = table.column(0)
    if not (pa.types.is_string(names.type) or pa.types.is_large_string(names.type)):
        return table
    return table.set_column(0, table.schema.names[0], plain_array(readable(names), pa.string()))


def _record(cells: list[str], delimiter: str, *, safe: bool) -> bytes:
    if safe:
        cells = safe_row(cells, delimiter)
    return f"{delimiter.join(cells)}\n".encode()
