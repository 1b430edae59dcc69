"""Days of the calendars in which phones write dates: Gregorian, Buddhist (Thai) and Persian."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

_BUDDHIST_AHEAD = 543  # years; its months and days are the Gregorian ones
# Of 33 years eight are leap years; so it stays true to the sky from 1799 to 2256.
_CYCLE, _LEAPS = 33, 8
_PERSIAN_EPOCH = 226_894  # the day before the year 1, as Python counts days
_FIRST_OF_13 = 80  # two digits from here on are a year of the century before


class Calendar(StrEnum):
    """A calendar by its English name."""

    GREGORIAN = "Gregorian"
    BUDDHIST = "Buddhist"
    PERSIAN = "Persian"


def gregorian_day(year: str, month: str, day: str, calendar: Calendar) -> date | None:
    """Return the day that the digits name, None where the calendar has no such day.

    Two digits of a year are of the century in which there are phones.
    """
    is_short = len(year) <= 2
    try:
        if calendar is Calendar.BUDDHIST:
            number = int(year) + (2500 if is_short else 0) - _BUDDHIST_AHEAD
            return date(number, int(month), int(day))
        if calendar is Calendar.PERSIAN:
            century = 1300 if int(year) >= _FIRST_OF_13 else 1400
            return _persian(int(year) + (century if is_short else 0), int(month), int(day))
        return date(int(year) + (2000 if is_short else 0), int(month), int(day))
    except (ValueError, OverflowError):
        return None


def _persian(year: int, month: int, day: int) -> date:
    """Return the day; raise ValueError where there is none."""
    if not (1 <= month <= 12 and 1 <= day <= _month_days(year, month)):
        raise ValueError
    before = 31 * min(month - 1, 6) + 30 * max(month - 7, 0)
    return date.fromordinal(_PERSIAN_EPOCH + 365 * (year - 1) + _leaps(year) + before + day)


def _month_days(year: int, month: int) -> int:
    if month == 12:
        return 29 + _leaps(year + 1) - _leaps(year)
    return 31 if month < 7 else 30


def _leaps(year: int) -> int:
    """Return how many leap years there were before this one."""
    return (_LEAPS * year + 21) // _CYCLE
