"""A dump whose records are read into dataclasses: messages of a chat, mails of a mailbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from scamdetect.dumps.batches import Batch, Dump, Item, grouped
from scamdetect.dumps.rows import ArrowRows
from scamdetect.frames.arrow import encodable, list_array, plain_array

T = TypeVar("T")


def record_dump(
    path: Path,
    columns: pa.Schema,
    items: Callable[[], Iterator[Item[T]]],
    *,
    text_column: str,
    encoding: str = "utf-8",
    notes: tuple[str, ...] = (),
) -> Dump:
    """Return a dump of the items, which are read anew each time; columns are named by fields."""
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
