"""Read the first rows of the groups that were written next to a scored file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scamdetect.errors import InputError
from scamdetect.scored.database import result_path
from scamdetect.scored.read import named_counts, read_records


@dataclass(frozen=True)
class TopGroups:
    """The groups of a file with most flagged messages, and the column that defines them.

    ``rows`` have name, messages, flagged, highest_probability, kinds, first_time and last_time.
    ``messages`` and ``flagged`` count all groups in the file.
    """

    path: Path
    by: str
    rows: tuple[dict[str, Any], ...]
    messages: int
    flagged: int


def top_groups(scored: Path, most: int) -> TopGroups | None:
    """Return the groups next to a scored file, or None if none has a flagged message.

    Raises InputError if the file is damaged.
    """
    path = result_path(scored, "groups")
    rows: list[dict[str, Any]] = []
    messages = flagged = 0
    by = ""
    try:
        for record in read_records(path) if path.is_file() else ():
            by = next(iter(record))
            numbers = {name: int(record[name]) for name in ("messages", "flagged")}
            messages, flagged = messages + numbers["messages"], flagged + numbers["flagged"]
            if numbers["flagged"] and len(rows) < most:
                highest, kinds = record["highest_scam_probability"], record["kinds"]
                row = numbers | {"name": record[by] or "", "kinds": named_counts(kinds, "kind")}
                row["highest_probability"] = float(highest) if highest else None
                times = {name: record.get(name) or None for name in ("first_time", "last_time")}
                rows.append(row | times)
    except (KeyError, TypeError):
        raise InputError(f"{path}: contains no groups; write it again") from None
    return TopGroups(path, by, tuple(rows), messages, flagged) if rows else None
