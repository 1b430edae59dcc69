"""The review file: a CSV in which people decide, and next to it a Parquet file with the data.

People fill in ``publish``, ``reviewer`` and ``date``; only ``id`` connects a row with the data, so
whatever a spreadsheet does to the other columns changes nothing.
"""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
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

    ``confidence`` is from 0 to 100, ``tlp`` a label of TLP 2.0. ``campaigns`` are ids
    from ``scamdetect campaigns``. Names are sorted by frequency; what was not counted is None.
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
    verified: bool
    model_id: str | None


def write_review(review: Path, proposals: Iterable[Proposal], access: int) -> None:
    """Write proposals for people to decide about, and their data next to it; raise OutputError."""
    rows = [asdict(proposal) for proposal in proposals]
    data, text = review.with_suffix(".parquet"), io.StringIO()
    writer = csv.writer(text)
    names = [field.name for field in fields(Proposal) if field.name != "id"]
    writer.writerow((*_DECIDED, *names))
    for row in rows:
        writer.writerow((row["id"], "", "", "", *(_cell(row[name]) for name in names)))
    with written(data), writing(data, access) as file:
        pq.write_table(pa.Table.from_pylist(rows), file)
    with written(review):  # the mark makes spreadsheets read UTF-8
        write_text(review, f"\ufeff{text.getvalue()}", access)


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
    data = path.with_suffix(".parquet")
    try:
        rows = pq.read_table(data).to_pylist()
        proposals = {r["id"]: Proposal(**r | {"type": IndicatorType(r["type"])}) for r in rows}
    except (OSError, pa.ArrowException, ValueError, TypeError, KeyError):
        raise InputError(
            f"{data}: cannot be read as proposals; keep the file that scamdetect share propose "
            "wrote next to the review file, under the same name"
        ) from None
    reviewed: dict[str, tuple[Proposal, datetime.date]] = {}
    problems = []
    for number, (key, publish, reviewer, date) in enumerate(_decisions(path), 2):
        problem = None
        if publish.casefold() in ("no", ""):
            continue
        if publish.casefold() != "yes":
            problem = "publish: write yes to publish the row, or leave the cell empty"
        elif key not in proposals:
            problem = "id: not an id of the proposals; copy the row from the proposals again"
        elif not any(map(str.isalpha, reviewer)):
            problem = "reviewer: write who decided"
        elif (day := _day(date)) is None or day > today + datetime.timedelta(days=1):
            problem = "date: write the day of the decision, not in the future, as 2026-11-30"
        else:
            reviewed.setdefault(key, (proposals[key], day))
        if problem is not None:
            problems.append(f"row {number}, column {problem}")
    if problems:
        shown = "; ".join(problems[:_MOST_SHOWN] + ["and more"] * (len(problems) > _MOST_SHOWN))
        raise InputError(f"{path}: no row is published; invalid rows ({len(problems)}): {shown}")
    return list(reviewed.values())


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


def _decisions(path: Path) -> Iterator[list[str]]:
    """Yield the decisions of the rows of a spreadsheet; raise InputError."""
    try:
        text = read_text(path, "utf-8-sig")
        delimiter = max(",;\t", key=text.partition("\n")[0].count)
        rows = csv.DictReader(io.StringIO(text), delimiter=delimiter, strict=True)
        for name in _DECIDED:
            if name not in (rows.fieldnames or ()):
                raise InputError(
                    f"{path}: column {name!r} not found; pass a file of scamdetect share propose"
                )
        for row in rows:
            yield [" ".join((row[name] or "").split()) for name in _DECIDED]
    except OSError as problem:
        raise unreadable(path, problem) from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{path}: not a CSV in UTF-8; save the table as CSV UTF-8 again") from None
