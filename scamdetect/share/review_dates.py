"""Read dates that spreadsheets rewrote in a national style, and reject ambiguous ones."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator
from enum import Enum

_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]0{1,2}:00(?::00)?)?")
_OTHER = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?: 0{1,2}:00(?::00)?)?")
_SERIAL = re.compile(r"(\d{5})(?:[.,]0+)?")
_FIRST_SERIAL = datetime.date(1899, 12, 30)  # day 0 of spreadsheets
_CENTURY = 2000


class Order(Enum):
    """The order of day and month before the year in a file."""

    DAY_FIRST = "day"
    MONTH_FIRST = "month"
    UNKNOWN = "unknown"


def day_of(cell: str, order: Order) -> datetime.date | None:
    """Return the day in a cell, or None if it is missing or ambiguous."""
    days = set(_days(cell, order))
    return days.pop() if len(days) == 1 else None


def order_in(cells: Iterable[str]) -> Order:
    """Return the order shown by the dates of a file, UNKNOWN if they show none or both."""
    shown = set()
    for cell in cells:
        match = _OTHER.fullmatch(cell)
        if match is None or match[2] == ".":
            continue
        first, second = int(match[1]), int(match[3])
        if first > 12 >= second:
            shown.add(Order.DAY_FIRST)
        elif second > 12 >= first:
            shown.add(Order.MONTH_FIRST)
    return shown.pop() if len(shown) == 1 else Order.UNKNOWN


def day_forms(cell: str) -> list[str]:
    """Return the possible originals of a cell that a spreadsheet rewrote: itself, or ISO dates."""
    days = (day.isoformat() for day in _days(cell, Order.UNKNOWN))
    return list(dict.fromkeys([cell, *days]))


def _days(cell: str, order: Order) -> Iterator[datetime.date]:
    """Yield the possible days of a cell."""
    if match := _ISO.fullmatch(cell):
        yield from _day(int(match[1]), int(match[2]), int(match[3]))
    elif match := _SERIAL.fullmatch(cell):
        yield _FIRST_SERIAL + datetime.timedelta(days=int(match[1]))
    elif match := _OTHER.fullmatch(cell):
        year = int(match[4]) + (_CENTURY if len(match[4]) == 2 else 0)
        first, second = int(match[1]), int(match[3])
        # With dots the month is never first.
        if order is not Order.MONTH_FIRST or match[2] == ".":
            yield from _day(year, second, first)
        if order is not Order.DAY_FIRST and match[2] != ".":
            yield from _day(year, first, second)


def _day(year: int, month: int, day: int) -> Iterator[datetime.date]:
    try:
        yield datetime.date(year, month, day)
    except ValueError:
        return
