"""Add new rows to a queue that people have begun to label, and lose none of their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scamdetect.adapt.queue import AUDIT
from scamdetect.adapt.tasks import COLUMNS, Record
from scamdetect.dumps.columns import read_columns
from scamdetect.dumps.open import open_dump
from scamdetect.dumps.spreadsheet import original
from scamdetect.errors import InputError
from scamdetect.scored.read import open_scored

_COMPARED = 1000  # characters: a spreadsheet cuts off the end of long cells
_DRAWN = ("part", "inclusion_probability", "near")


@dataclass(frozen=True)
class Earlier:
    """A queue that exists: its rows and the columns ``more`` that people added to it."""

    path: Path
    rows: tuple[Record, ...]
    more: tuple[str, ...]


@dataclass(frozen=True)
class Merged:
    """The rows of both queues, and how many are kept with a label, kept without, and added."""

    rows: tuple[Record, ...]
    answered: int
    open: int
    added: int


def read_earlier(path: Path) -> Earlier:
    """Return the queue in a CSV; raise InputError if it is no queue or has broken records."""
    columns = open_dump(path, text_column="text", overwrite_columns=True).columns
    more = tuple(name for name in columns if name not in COLUMNS)
    wanted = [name for name in COLUMNS if name != "text"]
    rows: list[Record] = []
    for batch in read_columns(path, "text", wanted, more):
        if batch.rejected:
            raise InputError(
                f"{path}: {batch.rejected} broken records; save the table as CSV again"
            )
        for place, text in enumerate(batch.texts):
            cells = {name: values[place] for name, values in batch.columns.items()}
            cells["text"] = text or ""
            rows.append({name: cell and original(cell, ",") for name, cell in cells.items()})
    for place, row in enumerate(rows, 1):
        if not (row["row"] or "").strip().isdecimal():
            raise InputError(
                f"{path}: record {place} has no whole number in 'row', so it cannot be merged; "
                "copy it from the queue again"
            )
    return Earlier(path, tuple(rows), more)


def check_same_dump(earlier: Earlier, scored: Path, text_column: str) -> None:
    """Raise InputError, naming a row, if the queue was drawn from another dump."""
    texts = {_number(row): _comparable(row["text"]) for row in earlier.rows}
    dump = open_scored(scored)
    dump.require(text_column)
    first = 1
    for batch in dump.batches(text_column):
        column = batch.table.column("text")
        for number in [one for one in texts if first <= one < first + len(column)]:
            if texts.pop(number) != _comparable(column[number - first].as_py()):
                raise _other(earlier, scored, number)
        first += len(column)
    if texts:
        raise _other(earlier, scored, min(texts))


def merged(earlier: Earlier, rows: Sequence[Record]) -> Merged:
    """Return all rows of the earlier queue, with their labels, and the new ones that it lacks.

    A row that was chosen as uncertain and is now drawn at random counts as drawn: without these
    rows the random ones would not stand for the whole dump.
    """
    new = {_number(row): row for row in rows}
    kept = []
    for row in earlier.rows:
        again = new.get(_number(row))
        if again is not None and again["part"] == AUDIT and row["part"] != AUDIT:
            row = {**row, **{name: again[name] for name in _DRAWN}}
        kept.append(row)
    known = {_number(row) for row in kept}
    added = [row for number, row in new.items() if number not in known]
    answered = sum(bool((row["label"] or "").strip()) for row in kept)
    return Merged((*kept, *added), answered, len(kept) - answered, len(added))


def _number(row: Record) -> int:
    return int(row["row"] or 0)


def _comparable(text: str | None) -> str:
    """Return the beginning of a text as a spreadsheet may save it: with other white space."""
    return " ".join((text or "").encode("utf-8", "replace").decode().split())[:_COMPARED]


def _other(earlier: Earlier, scored: Path, number: int) -> InputError:
    return InputError(
        f"{earlier.path}: its row {number} is not that of {scored}, so it is the queue of another "
        "dump; choose another file for -o"
    )
