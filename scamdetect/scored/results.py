"""Read results made from a scored file, such as groups or campaigns, in any format."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from scamdetect.dumps.delimited import unquote
from scamdetect.dumps.formats import Format, destination_format
from scamdetect.dumps.json import read_object
from scamdetect.dumps.lines import read_lines
from scamdetect.dumps.parquet import read_batches, read_schema
from scamdetect.frames.arrow import readable
from scamdetect.scored.read import open_written


def read_results(path: Path, needed: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet, JSONL, CSV or TSV file made from a scored one.

    ``needed`` is a column used to detect the delimiter of a CSV. Raises InputError if the file is
    damaged.
    """
    kind = destination_format(path)
    if kind is Format.PARQUET:
        for table in read_batches(path, read_schema(path).names):
            columns = [_values(column) for column in table.columns]
            for values in zip(*columns, strict=True):
                yield dict(zip(table.column_names, values, strict=True))
    elif kind is Format.JSONL:
        found = (read_object(line.text) for line in read_lines(path, "utf-8"))
        yield from (value for value in found if isinstance(value, dict))
    else:
        names, items = open_written(path, kind, needed)
        for item in items():
            if isinstance(item.value, list):
                yield dict(zip(names, map(unquote, item.value), strict=True))


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return the values, with times and text in a form that can always be shown."""
    return readable(column.cast(pa.string()) if pa.types.is_temporal(column.type) else column)


def holds_columns(path: Path, names: Collection[str], needed: str) -> bool:
    """Return True if a file has these columns, or may have them: JSONL without rows.

    Raises InputError if the file cannot be read.
    """
    kind = destination_format(path)
    if kind is Format.PARQUET:
        return set(read_schema(path).names) >= set(names)
    if kind is Format.JSONL:
        return next((row.keys() >= set(names) for row in read_results(path, needed)), True)
    return set(open_written(path, kind, needed)[0]) >= set(names)


def named_counts(value: Any, item: str) -> tuple[tuple[str, int], ...]:  # noqa: ANN401
    """Return names with their numbers of messages, from text or from objects.

    Raises Python's own errors if the value is neither.
    """
    if isinstance(value, str):
        pairs = (part.split(":") for part in value.split(";") if part)
        return tuple((name, int(count)) for name, count in pairs)
    return tuple((str(one[item]), int(one["messages"])) for one in value or ())
