"""Read the first rows of the groups that ``scamdetect groups`` wrote beside a scored file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from scamdetect.dumps.delimited import unquote
from scamdetect.dumps.formats import Format, destination_format, unpacked
from scamdetect.dumps.json import read_object
from scamdetect.dumps.lines import read_lines
from scamdetect.dumps.parquet import read_batches, read_schema
from scamdetect.frames.arrow import readable
from scamdetect.scored.read import open_written

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
    """The groups of a file with most flagged messages, and the column that they are groups by.

    ``messages`` and ``flagged`` are those of all groups in the file.
    """

    path: Path
    by: str
    rows: tuple[GroupRow, ...]
    messages: int
    flagged: int


def groups_path(scored: Path) -> Path:
    """Return where one row a group goes, in the format of the scored file."""
    return scored.with_name(f"{scored.stem}.groups{scored.suffix}")


def top_groups(scored: Path, most: int) -> TopGroups | None:
    """Return the groups beside a scored file, None where there are none with a flagged message.

    Raises InputError where the file is damaged.
    """
    if scored.is_dir():
        return None
    path = groups_path(unpacked(scored))
    if not path.is_file():
        return None
    records = _records(path)
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


def _records(path: Path) -> Iterator[dict[str, Any]]:
    kind = destination_format(path)
    if kind is Format.PARQUET:
        for table in read_batches(path, read_schema(path).names):
            columns = [_values(column) for column in table.columns]
            for values in zip(*columns, strict=True):
                yield dict(zip(table.column_names, values, strict=True))
    elif kind is Format.JSONL:
        found = (read_object(line.text) for line in read_lines(path, "utf-8"))
        yield from (value for value in found if isinstance(value, dict))
    else:
        names, items = open_written(path, kind, "flagged_share")
        for item in items():
            if isinstance(item.value, list):
                yield dict(zip(names, map(unquote, item.value), strict=True))


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return the values; of times and text what always can be shown."""
    return readable(column.cast(pa.string()) if pa.types.is_temporal(column.type) else column)


def _row(record: dict[str, Any], by: str) -> GroupRow:
    """Return a row; one that ``groups`` does not write counts no message."""
    times = (record.get(side) for side in ("first_time", "last_time"))
    first, last = (None if time in (None, "") else str(time) for time in times)
    try:
        name, highest = record[by], record["highest_scam_probability"]
        return GroupRow(
            name="" if name is None else str(name),
            messages=int(record["messages"]),
            flagged=int(record["flagged"]),
            highest_probability=None if highest in (None, "") else float(highest),
            kinds=_kinds(record["kinds"]),
            first_time=first,
            last_time=last,
        )
    except (TypeError, ValueError, KeyError, OverflowError):
        return GroupRow("", 0, 0, None, (), None, None)


def _kinds(value: Any) -> tuple[tuple[str, int], ...]:  # noqa: ANN401 - text or objects
    if isinstance(value, str):
        pairs = (part.split(":") for part in value.split(";") if part)
        return tuple((name, int(count)) for name, count in pairs)
    return tuple((str(item["kind"]), int(item["messages"])) for item in value or ())
