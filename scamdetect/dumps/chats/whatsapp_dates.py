"""Which part of a numeric date is the day, and in which calendar: decided from all of an export."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from itertools import product

from scamdetect.dumps.chats.calendars import Calendar, gregorian_day

_FIRST_YEAR = 2009  # of WhatsApp
_THIS_YEAR = 2026  # at least: the clock of a machine may be wrong
_MOST_MISFITS = 10  # another calendar holds where at most one in ten dates does not fit it

Parts = tuple[str, str, str]


class Order(StrEnum):
    """The order of the parts of a date."""

    DAY = "day first"
    MONTH = "month first"
    YEAR = "year first"


_Reading = tuple[Order, Calendar]
_READINGS: tuple[_Reading, ...] = tuple(product(Order, Calendar))


@dataclass(frozen=True)
class DateForm:
    """How the dates of a style are read, and in words what that rests on.

    ``misfits`` of ``dates``, days that follow one another, are then none, or out of the years in
    which there was WhatsApp: these have no time.
    """

    order: Order
    calendar: Calendar
    why: str
    dates: int = 0
    misfits: int = 0

    def day(self, parts: Parts) -> date | None:
        """Return the day that the parts name, None where there is no such day or not so far."""
        day = _day(parts, self.order, self.calendar)
        return day if day is not None and _fits(day) else None


@dataclass
class OrderVote:
    """Collect the dates of one style and choose the order and the calendar that fit them."""

    american: bool = False  # written as in the United States, which tells little by itself
    _last: Parts | None = None
    _dates: int = 0
    _readings: tuple[_Reading, ...] = _READINGS
    _misfits: dict[_Reading, int] = field(default_factory=lambda: dict.fromkeys(_READINGS, 0))
    _steps: dict[_Reading, int] = field(default_factory=lambda: dict.fromkeys(_READINGS, 0))
    _days: dict[_Reading, date] = field(default_factory=dict)

    def add(self, parts: Parts, american: bool) -> None:
        """Take the date of the next message."""
        if parts == self._last:
            return
        if self._last is None:
            self._readings = _possible(parts)
        self._last = parts
        self._dates += 1
        unpadded = len(parts[0]) == 1 or len(parts[1]) == 1
        self.american |= american and unpadded and len(parts[2]) == 2
        for reading in self._readings:
            day = _day(parts, *reading)
            if day is None or not _fits(day):
                self._misfits[reading] += 1
                continue
            before = self._days.get(reading, day)
            self._steps[reading] += abs((day - before).days)
            self._days[reading] = day

    def decide(self) -> DateForm:
        """Return how the dates are read."""
        usual = self._ranked({Calendar.GREGORIAN})
        others = [
            one
            for one in self._ranked(set(Calendar) - {Calendar.GREGORIAN})
            if self._misfits[one] * _MOST_MISFITS <= self._dates
        ]
        ranked, why = usual, ""
        if others and self._is_better(others[0], usual[0]):
            ranked = [one for one in others if one[1] is others[0][1]]
            why = f"in the {ranked[0][1]} calendar, in which they alone lie in its years, "
        elif others and self._misfits[others[0]] <= self._misfits[usual[0]]:
            why = f"which is a guess, since the {others[0][1]} calendar would fit them too, and "
        order, calendar = ranked[0]
        misfits = self._misfits[ranked[0]]
        return DateForm(order, calendar, why + self._why(ranked), self._dates, misfits)

    def _ranked(self, calendars: Collection[Calendar]) -> list[_Reading]:
        """Return the readings in these calendars, the likeliest first."""
        usual = Order.MONTH if self.american else Order.DAY
        return sorted(
            (one for one in self._readings if one[1] in calendars),
            key=lambda one: (self._misfits[one], self._steps[one], one[0] != usual),
        )

    def _is_better(self, other: _Reading, usual: _Reading) -> bool:
        """Tell whether another calendar fits better than the usual one.

        Where hardly anybody writes so, with the last two digits of the year first, it is enough
        that the messages lie closer together.
        """
        if self._misfits[other] != self._misfits[usual]:
            return self._misfits[other] < self._misfits[usual]
        is_odd = usual[0] is Order.YEAR and len((self._last or ("",))[0]) <= 2
        return is_odd and self._steps[other] < self._steps[usual]

    def _why(self, ranked: list[_Reading]) -> str:
        best, *others = ranked
        if not others:
            return "as the long year tells"
        second = others[0]
        if self._misfits[best] < self._misfits[second]:
            return "the only order in which its dates exist"
        if self._steps[best] < self._steps[second]:
            return "the order in which its messages lie closest together; no date tells for certain"
        return "which is a guess: no date tells day from month"


def _day(parts: Parts, order: Order, calendar: Calendar) -> date | None:
    first, second, third = parts
    year, month, day = {
        Order.DAY: (third, second, first),
        Order.MONTH: (third, first, second),
        Order.YEAR: (first, second, third),
    }[order]
    return gregorian_day(year, month, day, calendar)


def _fits(day: date) -> bool:
    tomorrow = date.today() + timedelta(days=1)
    return _FIRST_YEAR <= day.year <= max(tomorrow.year, _THIS_YEAR)


def _possible(parts: Parts) -> tuple[_Reading, ...]:
    if len(parts[0]) > 2:
        return tuple(one for one in _READINGS if one[0] is Order.YEAR)
    if len(parts[2]) > 2:
        return tuple(one for one in _READINGS if one[0] is not Order.YEAR)
    # Two digits of a year of another calendar would fit too many days where they come first.
    return tuple(
        (order, calendar)
        for order, calendar in _READINGS
        if order is not Order.YEAR or calendar is Calendar.GREGORIAN
    )
