"""Read the text and some other columns of any dump as plain strings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from scamdetect.dumps.batches import Dump
from scamdetect.dumps.open import open_dump
from scamdetect.dumps.rows import NestedError
from scamdetect.errors import InputError
from scamdetect.system.shown import missing_column


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
