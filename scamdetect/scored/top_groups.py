"""Read the first rows of the groups that ``scamdetect groups`` wrote next to a scored file."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from scamdetect.dumps.formats import unpacked
from scamdetect.scored.results import named_counts, read_results

_NEEDED = {"messages", "flagged", "flagged_share", "kinds", "highest_scam_probability"}


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


def groups_path(scored: Path) -> Path:
    """Return the path of the table of groups, in the format of the scored file."""
    return scored.with_name(f"{scored.stem}.groups{scored.suffix}")


def top_groups(scored: Path, most: int) -> TopGroups | None:
    """Return the groups next to a scored file, or None if none has a flagged message.

    Raises InputError if the file is damaged.
    """
    if scored.is_dir():
        return None
    path = groups_path(unpacked(scored))
    if not path.is_file():
        return None
    records = read_results(path, "flagged_share")
    first = next(records, None)
    if first is None or not _NEEDED <= first.keys():
        return None
    by = next(iter(first))
    rows: list[GroupRow] = []
    messages = flagged = 0
    for record in chain([first], records):
        row = _row(record, by)
        messages += row.messages
        flagged += row.flagged
        if row.flagged and len(rows) < most:
            rows.append(row)
    return TopGroups(path, by, tuple(rows), messages, flagged) if rows else None


def _row(record: dict[str, Any], by: str) -> GroupRow:
    """Return a row; one that ``groups`` did not write counts no message."""
    times = (record.get(side) for side in ("first_time", "last_time"))
    first, last = (None if time in (None, "") else str(time) for time in times)
    try:
        name, highest = record[by], record["highest_scam_probability"]
        return GroupRow(
            name="" if name is None else str(name),
            messages=int(record["messages"]),
            flagged=int(record["flagged"]),
            highest_probability=None if highest in (None, "") else float(highest),
            kinds=named_counts(record["kinds"], "kind"),
            first_time=first,
            last_time=last,
        )
    except (TypeError, ValueError, KeyError, OverflowError):
        return GroupRow("", 0, 0, None, (), None, None)
