"""Choose which columns and rows of a dump go to the destination."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from scamdetect.dumps.batches import Batch, Dump
from scamdetect.dumps.rows import Rows
from scamdetect.errors import InputError
from scamdetect.frames.columns import FILE_COLUMN
from scamdetect.labels import Decision
from scamdetect.prediction import Prediction
from scamdetect.system.shown import missing_column


def keep_columns(dump: Dump, names: Sequence[str], where: Path | str) -> Dump:
    """Return the dump with these input columns alone, in this order; texts are read as before.

    Of a dump of many files the column of the file stays behind them.

    Raises InputError, naming ``where``, on a name that the dump has not or has more than once, that
    is given twice, and where none is given.
    """
    if not names:
        raise InputError(f"{where}: no column is to be kept; name one with columns (--columns)")
    if dump.many:
        names = [*(name for name in names if name != FILE_COLUMN), FILE_COLUMN]
    unknown = [name for name in names if name not in dump.columns]
    if unknown:
        raise missing_column(
            where,
            f"{', '.join(map(repr, unknown))} to keep",
            dump.columns,
            first_line=dump.delimiter is not None,
            cure="name others with columns (--columns)",
        )
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"--columns names {name!r} twice; name each column once")
        if (found := dump.columns.count(name)) > 1:
            raise InputError(f"{where} has {found} columns {name!r}; rename all but one")
    places = [dump.columns.index(name) for name in names]

    def batches() -> Iterator[Batch]:
        return (replace(batch, rows=batch.rows.select(names)) for batch in dump.batches())

    return replace(
        dump,
        columns=tuple(names),
        schema=pa.schema([dump.schema.field(p) for p in places], metadata=dump.schema.metadata),
        batches=batches,
        raw_header=tuple(dump.raw_header[place] for place in places) if dump.raw_header else (),
    )


def keep_flagged(
    rows: Rows, predictions: Sequence[Prediction]
) -> tuple[Rows, Sequence[Prediction]]:
    """Return the flagged rows and their predictions."""
    places = [n for n, found in enumerate(predictions) if found.decision is Decision.FLAG]
    return rows.take(places), [predictions[place] for place in places]
