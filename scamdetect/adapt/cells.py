"""Read columns of a table of people's own as texts, and keep its cells safe in spreadsheets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from scamdetect.dumps.source import open_dump
from scamdetect.errors import InputError
from scamdetect.frames.arrow import cell_texts
from scamdetect.system.shown import missing_column

_FORMULA = re.compile(r"'*[=+\-@\t\r]")  # OWASP: what a spreadsheet could run
Cells = dict[str, list[str | None]]  # by column


def safe(cell: str | None) -> str | None:
    """Return the cell with an apostrophe before a formula, so that no spreadsheet runs it."""
    return f"'{cell}" if cell and _FORMULA.match(cell) else cell


def unsafe(cell: str | None) -> str | None:
    """Return the cell without the apostrophe of ``safe``."""
    is_safe = cell is not None and cell.startswith("'") and _FORMULA.match(cell[1:])
    return cell[1:] if cell is not None and is_safe else cell


def column_names(path: Path) -> list[str]:
    """Return the columns of a table; raise InputError if it cannot be read."""
    return list(open_dump(path, text_column="text").schema.names)


def read_cells(
    path: Path, text_column: str, columns: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[Cells, int]]:
    """Yield the cells of each batch of rows, and the number of its records that cannot be read.

    ``optional`` columns that the file lacks are omitted. Raises InputError if the file cannot be
    read or lacks another column.
    """
    dump = open_dump(path, text_column=text_column)
    names = dump.schema.names
    for name in (text_column, *columns):
        if name not in names:
            raise missing_column(path, repr(name), names, cure="name a column of the file")
    wanted = dict.fromkeys([text_column, *columns, *(name for name in optional if name in names)])
    for batch in dump.batches():
        cells = {name: cell_texts(batch.table[name]) for name in wanted}
        yield cells, sum(not reject.kept for reject in batch.rejects)


def read_rows(
    path: Path, columns: Sequence[str], optional: Sequence[str]
) -> Iterator[dict[str, str | None]]:
    """Yield the cells of each row by column; raise InputError for records that cannot be read."""
    for cells, rejected in read_cells(path, "text", columns, optional):
        if rejected:
            raise InputError(f"{path}: {rejected} broken records; save the table as CSV again")
        for values in zip(*cells.values(), strict=True):
            yield dict(zip(cells, values, strict=True))
