"""The review file: a CSV in which people decide, and next to it a Parquet file with the data.

People fill in ``publish``, ``reviewer`` and ``date``; only ``id`` connects a row with the data, so
whatever a spreadsheet does to the other columns changes nothing.
"""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.errors import InputError
from scamdetect.system.files import read_text, write_text, writing
from scamdetect.system.os_errors import unreadable, written
from scamdetect.text.indicators import IndicatorType

_DECIDED = ("id", "publish", "reviewer", "date")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how one starts in a spreadsheet
_MOST_SHOWN = 5  # wrong rows in an error


@dataclass(frozen=True, slots=True)
class Proposal:
    """An indicator with the evidence of its messages.

    ``confidence`` is from 0 to 100, ``tlp`` a label of TLP 2.0. ``labelled`` is True if a person
    labelled one of its campaigns scam. ``campaigns`` are ids from ``scamdetect campaigns``. Names
    are sorted by frequency. Values that were not counted are None.
    """

    id: str
    type: IndicatorType
    value: str
    messages: int
    flagged: int
    senders: int | None
    confidence: int
    tlp: str
    first_day: datetime.date | None
    last_day: datetime.date | None
    languages: tuple[str, ...]
    kinds: tuple[str, ...]
    campaigns: tuple[str, ...]
    labelled: bool
    verified: bool
    model_id: str | None


def write_review(review: Path, proposals: Iterable[Proposal], access: int) -> None:
    """Write proposals for people to decide about, and their data next to it; raise OutputError."""
    rows = [asdict(proposal) for proposal in proposals]
    text = io.StringIO()
    writer = csv.writer(text)
    for number, row in enumerate(rows):
        shown = {name: value for name, value in row.items() if name != "id"}
        if not number:
            writer.writerow((*_DECIDED, *shown))
        writer.writerow((row["id"], "", "", "", *map(_cell, shown.values())))
    data = review.with_suffix(".parquet")
    with written(data), writing(data, access) as file:
        pq.write_table(pa.Table.from_pylist(rows), file)
    with written(review):  # the mark makes spreadsheets read UTF-8
        write_text(review, f"\ufeff{text.getvalue() or ','.join(_DECIDED)}", access)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = " ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def read_review(path: Path, *, today: datetime.date) -> list[tuple[Proposal, datetime.date]]:
    """Return the proposals that a person decided to publish, each once, with the day.

    Such a row has yes in ``publish``, a reviewer and a date, at most a day after ``today`` for time
    zones. Other columns are not read, rows can be sorted and removed. Raises InputError for files
    that cannot be read, and for anything uncertain: it lists the first rows with the fix.
    """
    proposals = _proposals(path.with_suffix(".parquet"))
    reviewed: dict[str, tuple[Proposal, datetime.date]] = {}
    problems = []
    for number, cells in _decisions(path):
        if cells["publish"].casefold() in ("no", ""):
            continue
        problem = _problem(cells, proposals, today + datetime.timedelta(days=1))
        if problem is not None:
            problems.append(f"row {number}, column {problem}")
        else:
            day = datetime.date.fromisoformat(cells["date"])
            reviewed.setdefault(cells["id"], (proposals[cells["id"]], day))
    if problems:
        more = ["and more"] if len(problems) > _MOST_SHOWN else []
        shown = "; ".join(problems[:_MOST_SHOWN] + more)
        raise InputError(f"{path}: no row is published; invalid rows ({len(problems)}): {shown}")
    return list(reviewed.values())


def _proposals(path: Path) -> dict[str, Proposal]:
    try:
        rows = pq.read_table(path).to_pylist()
        return {row["id"]: Proposal(**row | {"type": IndicatorType(row["type"])}) for row in rows}
    except FileNotFoundError:
        raise InputError(
            f"{path}: file not found; keep it next to the review file under the same name, as "
            "scamdetect share propose wrote both"
        ) from None
    except (OSError, pa.ArrowException, ValueError, TypeError, KeyError):
        raise InputError(f"{path}: cannot be read as proposals; propose again") from None


def _decisions(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the decisions with their numbers in a spreadsheet; raise InputError."""
    try:
        text = read_text(path, "utf-8-sig")
        delimiter = max(",;\t", key=text.partition("\n")[0].count)
        rows = csv.DictReader(io.StringIO(text), delimiter=delimiter, strict=True)
        for name in _DECIDED:
            if name not in (rows.fieldnames or ()):
                raise InputError(
                    f"{path}: column {name!r} not found; pass a file of scamdetect share propose"
                )
        for number, row in enumerate(rows, 2):
            yield number, {name: " ".join((row[name] or "").split()) for name in _DECIDED}
    except OSError as problem:
        raise unreadable(path, problem) from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{path}: not a CSV in UTF-8; save the table as CSV UTF-8 again") from None


def _problem(
    cells: Mapping[str, str], proposals: Mapping[str, Proposal], last: datetime.date
) -> str | None:
    """Return the column that is wrong in a row to publish, with the fix, or None."""
    if cells["publish"].casefold() != "yes":
        return "publish: write yes to publish the row, or leave the cell empty"
    if cells["id"] not in proposals:
        return "id: not an id of the proposals; copy the row from the proposals again"
    if not any(map(str.isalpha, cells["reviewer"])):
        return "reviewer: write who decided"
    try:
        date = datetime.date.fromisoformat(cells["date"])
    except ValueError:
        return "date: write the day of the decision as 2026-11-30, in a column formatted as text"
    return "date: is in the future; write the day of the decision" if date > last else None
