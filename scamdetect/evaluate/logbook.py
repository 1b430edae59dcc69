"""Result files to which each run of a benchmark adds a line."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from scamdetect.system.files import append, read_bytes


def read_lines(log: Path) -> list[dict[str, str]]:
    """Return the lines of the CSV file by column, none where it does not exist."""
    if not log.exists():
        return []
    return list(csv.DictReader(io.StringIO(read_bytes(log).decode(), newline="")))


def add_line(log: Path, columns: Sequence[str], line: Sequence[object]) -> None:
    """Add one line to the CSV file, which begins with its columns."""
    new = not log.exists()
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    if new:
        writer.writerow(columns)
    writer.writerow(line)
    with append(log) as file:
        file.write(text.getvalue().encode())
