"""Roles by row: part and verdict of a source's rows by their number, and what the rows said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from scamdetect.errors import SourceError
from scamdetect.labels import Verdict
from scamdetect.system.typed import utf8_text

RowRole = Literal["train", "dev"]
OPEN = "open"  # an opener or fragment that shows no manoeuvre: it is left out
COLUMNS = ("row", "part", "verdict", "row_hash")


@dataclass(frozen=True)
class RowReading:
    """What was decided of one row; without a verdict it is left out."""

    role: RowRole
    verdict: Verdict | None
    row_hash: str
    where: str


def read_row_roles(path: Path) -> dict[str, RowReading]:
    """Return what was decided of each row by its number.

    Raises SourceError with file, line and cure for a malformed or repeated row.
    """
    lines = utf8_text(path, SourceError).splitlines()
    if not lines or tuple(lines[0].split("\t")) != COLUMNS:
        raise SourceError(f"{path}:1: the columns must be {', '.join(COLUMNS)}, with tabs between")
    found: dict[str, RowReading] = {}
    for number, line in enumerate(lines[1:], 2):
        where = f"{path}:{number}"
        values = line.split("\t")
        if len(values) != len(COLUMNS):
            raise SourceError(f"{where}: not {len(COLUMNS)} fields; correct the line")
        row, part, verdict, digest = values
        if part not in get_args(RowRole):
            raise SourceError(f"{where}: part {part!r}; known: {', '.join(get_args(RowRole))}")
        if verdict not in (*Verdict, OPEN):
            raise SourceError(f"{where}: verdict {verdict!r}; known: {', '.join(Verdict)}, {OPEN}")
        if row in found:
            raise SourceError(f"{where}: row {row} stands twice; keep one line")
        found[row] = RowReading(
            cast(RowRole, part), None if verdict == OPEN else Verdict(verdict), digest, where
        )
    if not found:
        raise SourceError(f"{path}: gives no row a role; restore the file")
    return found
