"""Result files to which each run of a benchmark adds a line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path


def read_lines(log: Path) -> list[dict[str, str]]:
    """Return the lines of the CSV file by column, none where it does not exist."""
    if not log.exists():
        return []
    with log.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def add_line(log: Path, columns: Sequence[str], line: Sequence[object]) -> None:
    """Add one line to the CSV file, which begins with its columns."""
    new = not log.exists()
    with log.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(columns)
        writer.writerow(line)
