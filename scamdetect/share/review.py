"""Read people's decisions on which proposed indicators to publish."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from scamdetect.dumps.columns import read_columns
from scamdetect.dumps.open import open_dump
from scamdetect.dumps.spreadsheet import original
from scamdetect.errors import InputError
from scamdetect.share.proposals import (
    DECIDED,
    FOUND,
    OPEN,
    TLP,
    check_of,
    least_tlp,
    plain_cell,
)
from scamdetect.share.review_dates import Order, day_forms, day_of, order_in
from scamdetect.text.indicators import IndicatorType, plain_value

_NEEDED = (*DECIDED, *FOUND, *OPEN, "check")
_MOST_TOLD = 5
_YES, _NO = "yes", "no"
_FIRST_ROW = 2  # as numbered in spreadsheets: the header is row 1
_NUMBERS = ("messages", "flagged", "senders")
_DAYS = ("first_day", "last_day")
_GROUPING = re.compile("[.,' \u00a0\u202f\u2019](?=\\d{3}(?!\\d))")
_LONGEST_NAME = 100
_COPY = "copy the row from the proposal again"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """An indicator that a person decided to publish.

    ``share_flagged`` is that of its ``messages``; ``senders`` is None without a sender column, the
    days are None without a time column. ``languages`` and ``kinds`` are sorted by frequency.
    ``confidence`` is from 0 to 100. ``tlp`` is a label of TLP 2.0 in capitals, such as
    ``TLP:AMBER``. ``predictive`` is True if only a model judged it: no person labelled a campaign
    that has it.
    """

    type: IndicatorType
    value: str
    share_flagged: float
    messages: int
    senders: int | None
    first_day: datetime.date | None
    last_day: datetime.date | None
    languages: tuple[str, ...]
    kinds: tuple[str, ...]
    confidence: int
    tlp: str
    predictive: bool
    verified: bool
    model_id: str | None
    reviewer: str
    date: datetime.date


class _Wrong(Exception):
    """The error in a row: its column and the fix."""


def is_review(path: str | Path) -> bool:
    """Return True for a review file, by the names of its columns."""
    try:
        columns = open_dump(Path(path), text_column="value", overwrite_columns=True).columns
    except InputError:
        return False
    return set(_NEEDED) <= set(columns)


def read_review(path: str | Path, *, today: datetime.date | None = None) -> tuple[Reviewed, ...]:
    """Return the rows of a review file that a person decided to publish.

    Such a row has yes in ``publish``, a reviewer and a date, and is otherwise unchanged, except for
    ``confidence`` and ``tlp``. Columns can be added or moved, rows sorted and removed, dates and
    numbers rewritten by a spreadsheet. ``today``, in UTC, is the latest date of a review, plus a
    day for time zones.

    Raises InputError if the file cannot be read, and for anything uncertain: it lists the first
    rows, each with the column and the fix.
    """
    path = Path(path)
    rows = list(_rows(path))
    last = (datetime.datetime.now(datetime.UTC).date() if today is None else today) + _DAY
    # A spreadsheet writes all dates of a file in one style.
    order = order_in(cells[name] for _, cells in rows for name in ("date", *_DAYS))
    found, wrong = [], []
    for number, cells in rows:
        try:
            if _is_published(cells["publish"]):
                found.append(_reviewed(cells, order, last))
        except _Wrong as problem:
            wrong.append(f"row {number}, {problem}")
    if wrong:
        more = len(wrong) - _MOST_TOLD
        told = "; ".join([*wrong[:_MOST_TOLD], *([f"and {more} more"] if more > 0 else [])])
        raise InputError(f"{path}: no row is published; invalid rows ({len(wrong)}): {told}")
    return tuple(found)


_DAY = datetime.timedelta(days=1)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows that are not empty, with their numbers in a spreadsheet."""
    names = [name for name in _NEEDED if name != "value"]
    number = _FIRST_ROW
    for batch in read_columns(path, "value", names):
        if batch.rejected:
            raise InputError(
                f"{path}: {batch.rejected} broken records; save the table as CSV again"
            )
        columns: dict[str, Sequence[str | None]] = {**batch.columns, "value": batch.texts}
        for place in range(len(batch.texts)):
            cells = {
                name: original(values[place] or "", ",").strip() for name, values in columns.items()
            }
            if any(cells.values()):
                yield number, cells
            number += 1


def _is_published(cell: str) -> bool:
    said = cell.casefold()
    if said not in (_YES, _NO, ""):
        raise _Wrong("column publish: write yes to publish the row, or leave the cell empty")
    return said == _YES


def _reviewed(cells: Mapping[str, str], order: Order, last: datetime.date) -> Reviewed:
    found = _found(cells)
    type = IndicatorType(found["type"])
    value = plain_cell(type, found["value"])
    if type is IndicatorType.ACCOUNT:
        raise _Wrong("column publish: a local bank account stays in the review file; write no")
    if plain_value(type, value) != value:
        raise _Wrong(f"column value: not a {type.value} in its normal form; {_COPY}")
    reviewer = " ".join(cells["reviewer"].split())
    if not reviewer or len(reviewer) > _LONGEST_NAME or not any(map(str.isalpha, reviewer)):
        raise _Wrong("column reviewer: write who decided")
    return Reviewed(
        type=type,
        value=value,
        share_flagged=int(found["flagged"]) / int(found["messages"]),
        messages=int(found["messages"]),
        senders=int(found["senders"]) if found["senders"] else None,
        first_day=_iso(found["first_day"]),
        last_day=_iso(found["last_day"]),
        languages=_names(found["languages"]),
        kinds=_names(found["kinds"]),
        confidence=_confidence(cells["confidence"]),
        tlp=_tlp(cells["tlp"], type),
        predictive=found["labelled"] == _NO,
        verified=found["verified"] == _YES,
        model_id=found["model_id"] or None,
        reviewer=reviewer,
        date=_date(cells["date"], order, last),
    )


def _found(cells: Mapping[str, str]) -> dict[str, str]:
    """Return the findings as written, in whatever form a spreadsheet saved the numbers."""
    plain = {name: cells[name] for name in FOUND}
    for name in _NUMBERS:
        plain[name] = _GROUPING.sub("", plain[name])
    plain["labelled"], plain["verified"] = plain["labelled"].lower(), plain["verified"].lower()
    for days in product(*(day_forms(cells[name]) for name in _DAYS)):
        found = plain | dict(zip(_DAYS, days, strict=True))
        if check_of(found) == cells["check"].lower():
            return found
    raise _Wrong(
        f"column check: the findings in this row were changed or moved to another row; {_COPY}"
    )


def _date(cell: str, order: Order, last: datetime.date) -> datetime.date:
    if not cell:
        raise _Wrong("column date: write the day of the decision, such as 2026-11-30")
    found = day_of(cell, order)
    if found is None:
        raise _Wrong("column date: the day is ambiguous; write it as 2026-11-30")
    if found > last:
        raise _Wrong("column date: is in the future; write the day of the decision")
    return found


def _confidence(cell: str) -> int:
    if not (cell.isascii() and cell.isdecimal() and int(cell) <= 100):
        raise _Wrong("column confidence: write an integer from 0 to 100")
    return int(cell)


def _tlp(cell: str, type: IndicatorType) -> str:
    label = cell.upper().replace(" ", "")
    label = label if label.startswith("TLP:") else f"TLP:{label}"
    least = least_tlp(type)
    if label not in TLP or label == TLP[-1]:
        raise _Wrong(f"column tlp: write one of {', '.join(TLP[:-1])}")
    if TLP.index(label) < TLP.index(least):
        raise _Wrong(f"column tlp: a {type.value} is {least} or stricter")
    return label


def _iso(cell: str) -> datetime.date | None:
    return datetime.date.fromisoformat(cell) if cell else None


def _names(cell: str) -> tuple[str, ...]:
    return tuple(part.rpartition(":")[0] for part in cell.split())
