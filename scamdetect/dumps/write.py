"""Write tables as CSV, TSV, JSONL or Parquet."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.dumps.batch import is_json
from scamdetect.dumps.formats import DELIMITERS, Format
from scamdetect.frames.arrow import array, cell_texts, json_values
from scamdetect.system.files import ANYONE, writing
from scamdetect.system.os_errors import written

_GROUP_ROWS = 1 << 16
_encode = json.JSONEncoder(ensure_ascii=False).encode
_PACKED = {".gz": "gzip", ".zst": "zstd"}
# What spreadsheets run, as OWASP lists it, but no plain number.
_FORMULA = re.compile(r"(?![+-][\d.,]+$)[=+\-@\t\r\n＝＋－＠]")
Lines = Callable[[pa.Table], Iterator[str]]


def write_tables(
    target: Path | IO[bytes],
    kind: Format,
    tables: Iterator[pa.Table],
    *,
    delimiter: str = ",",
    spreadsheet_safe: bool = False,
    access: int = ANYONE,
) -> None:
    """Write the tables, of which the first has all columns and can be empty; raise OutputError."""
    with ExitStack() as stack:
        if isinstance(target, Path):
            stack.enter_context(written(target))
            file = stack.enter_context(writing(target, access))
            if target.suffix in _PACKED:
                packed = pa.CompressedOutputStream(_Sink(file), _PACKED[target.suffix])
                file = stack.enter_context(packed)
        else:
            file = target
        if kind is Format.PARQUET:
            _write_parquet(file, tables)
            return
        first = next(tables)
        lines: Lines = _objects
        if kind in DELIMITERS:
            rows = _Rows("\t" if kind is Format.TSV else delimiter, spreadsheet_safe)
            file.write(rows.line(first.column_names).encode())
            lines = rows.lines
        for table in chain([first], tables):
            file.write("".join(lines(table)).encode("utf-8", "backslashreplace"))


class _Sink(io.RawIOBase):
    """Write to a file that stays open when Arrow closes this."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        return self._file.write(data)


class _Rows:
    """Lines of CSV or TSV."""

    def __init__(self, delimiter: str, safe: bool) -> None:
        self._delimiter, self._safe = delimiter, safe
        self._quoted = re.compile(f'[{re.escape(delimiter)}"\r\n]')

    def line(self, cells: list[str] | tuple[str, ...]) -> str:
        """Return the line of a row."""
        return self._delimiter.join(map(self._cell, cells)) + "\n"

    def lines(self, table: pa.Table) -> Iterator[str]:
        """Yield the line of each row; null and empty text are both empty."""
        columns = [_cells(field, table.column(index)) for index, field in enumerate(table.schema)]
        return map(self.line, zip(*columns, strict=True))

    def _cell(self, value: str) -> str:
        if self._safe and _FORMULA.match(value):
            value = f"'{value}"
        return '"' + value.replace('"', '""') + '"' if self._quoted.search(value) else value


def _cells(field: pa.Field, column: pa.ChunkedArray) -> list[str]:
    if is_json(field):
        column = _unquoted(column)
    elif field.name == "scamdetect_kinds" and pa.types.is_nested(field.type):
        return [
            ";".join(f"{kind['kind']}:{kind['probability']:.2f}" for kind in kinds or ())
            for kinds in column.to_pylist()
        ]
    return [text or "" for text in cell_texts(column)]


def _objects(table: pa.Table) -> Iterator[str]:
    """Yield the row as a JSON object."""
    names = [json.dumps(name, ensure_ascii=False) for name in table.column_names]
    columns = [_json_texts(field, table.column(i)) for i, field in enumerate(table.schema)]
    for row in zip(*columns, strict=True):
        yield "{" + ", ".join(map("{}: {}".format, names, row)) + "}\n"


def _json_texts(field: pa.Field, column: pa.ChunkedArray) -> list[str]:
    if is_json(field):
        return [value or "null" for value in column.to_pylist()]
    if pa.types.is_float32(field.type):  # whose values have no longer digits
        texts = column.cast(pa.string()).to_pylist()
        return ["null" if text in (None, "nan", "inf", "-inf") else text for text in texts]
    values = json_values(column)
    if field.name == "scamdetect_kinds" and pa.types.is_nested(field.type):
        values = list(map(_rounded, values))
    return list(map(_encode, values))


def _rounded(kinds: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Return the kinds of a message with the digits that they have."""
    return [kind | {"probability": float(f"{kind['probability']:.7g}")} for kind in kinds or ()]


def _unquoted(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return JSON text, with strings as they are."""
    values = [
        json.loads(value) if value is not None and value.startswith('"') else value
        for value in column.to_pylist()
    ]
    return pa.chunked_array([array(values, pa.string())])


def _write_parquet(file: IO[bytes], tables: Iterator[pa.Table]) -> None:
    """Write row groups whose size does not depend on the tables."""
    first = next(tables)
    schema = pa.schema([_plain(field) for field in first.schema], first.schema.metadata)
    writer = pq.ParquetWriter(file, schema, compression="zstd")
    try:
        waiting: list[pa.Table] = []
        for table in chain([first], tables):
            for index, field in enumerate(table.schema):
                if is_json(field):
                    table = table.set_column(index, _plain(field), _unquoted(table.column(index)))
            waiting.append(table)
            if sum(part.num_rows for part in waiting) >= _GROUP_ROWS:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting))
        writer.close()
    finally:
        writer.is_open = False  # a failed writer would write its footer when it is collected


def _plain(field: pa.Field) -> pa.Field:
    return field.remove_metadata() if is_json(field) else field
