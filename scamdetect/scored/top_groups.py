"""Read the first rows of the groups that were written next to a scored file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scamdetect.errors import InputError
from scamdetect.scored.database import result_path
from scamdetect.scored.read import named_counts, read_records


@dataclass(frozen=True)
class GroupRow:
    """A group such as an account; ``kinds`` of its flagged messages, most frequent first."""

    name: str
    messages: int
    flagged: int
    highest_probability: float | None
    kinds: tuple[tuple[str, int], ...]
    first_time: str | None
    last_time: str | None


@dataclass(frozen=True)
class TopGroups:
    """The groups of a file with most flagged messages, and the column that defines them.

    ``messages`` and ``flagged`` count all groups in the file.
    """

    path: Path
    by: str
    rows: tuple[GroupRow, ...]
    messages: int
    flagged: int


def top_groups(scored: Path, most: int) -> TopGroups | None:
    """Return the groups next to a scored file, or None if none has a flagged message.

    Raises InputError if the file is damaged.
    """
    path = result_path(scored, "groups")
    rows: list[GroupRow] = []
    messages = flagged = 0
    by = ""
    try:
        for record in read_records(path) if path.is_file() else ():
            by = next(iter(record))
            messages, flagged = messages + int(record["messages"]), flagged + int(record["flagged"])
            if len(rows) < most and int(record["flagged"]):
                highest = record["highest_scam_probability"]
                row = GroupRow(
                    name=str(record[by] or ""),
                    messages=int(record["messages"]),
                    flagged=int(record["flagged"]),
                    highest_probability=None if highest in (None, "") else float(highest),
                    kinds=named_counts(record["kinds"], "kind"),
                    first_time=record.get("first_time") or None,
                    last_time=record.get("last_time") or None,
                )
                rows.append(row)
    except (KeyError, TypeError) as problem:
        raise InputError(f"{path}: is no file of groups; write it again") from problem
    return TopGroups(path, by, tuple(rows), messages, flagged) if rows else None
