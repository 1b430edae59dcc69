"""Which part of a numeric date is the day: decided from all dates of an export."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

_FIRST_YEAR = 2009  # of WhatsApp
_BUDDHIST_YEARS = range(2500, 2700)  # 543 ahead; Thai phones

Parts = tuple[str, str, str]


class Order(StrEnum):
    """The order of the parts of a date."""

    DAY = "day first"
    MONTH = "month first"
    YEAR = "year first"


@dataclass
class OrderVote:
    """Collect the dates of one style and choose the order that fits them."""

    american: bool = False  # written as in the United States, which tells little by itself
    _last: Parts | None = None
    _orders: tuple[Order, ...] = tuple(Order)
    _misfits: dict[Order, int] = field(default_factory=lambda: dict.fromkeys(Order, 0))
    _steps: dict[Order, int] = field(default_factory=lambda: dict.fromkeys(Order, 0))
    _days: dict[Order, date] = field(default_factory=dict)

    def add(self, parts: Parts, american: bool) -> None:
        """Take the date of the next message."""
        if parts == self._last:
            return
        if self._last is None:
            self._orders = _possible(parts)
        self._last = parts
        unpadded = len(parts[0]) == 1 or len(parts[1]) == 1
        self.american |= american and unpadded and len(parts[2]) == 2
        for order in self._orders:
            day = calendar_day(parts, order)
            if day is None or not _FIRST_YEAR <= day.year <= _latest().year:
                self._misfits[order] += 1
                continue
            before = self._days.get(order, day)
            self._steps[order] += abs((day - before).days)
            self._days[order] = day

    def decide(self) -> tuple[Order, str]:
        """Return the order and, in words, what it rests on."""
        usual = Order.MONTH if self.american else Order.DAY
        ranked = sorted(
            self._orders,
            key=lambda order: (self._misfits[order], self._steps[order], order != usual),
        )
        best, *others = ranked
        if not others:
            return best, "as the long year tells"
        second = others[0]
        if self._misfits[best] < self._misfits[second]:
            return best, "the only order in which its dates exist"
        if self._steps[best] < self._steps[second]:
            return best, (
                "the order in which its messages lie closest together; no date tells for certain"
            )
        return best, "which is a guess: no date tells day from month"


def calendar_day(parts: Parts, order: Order) -> date | None:
    """Return the day that the parts name in this order, None where there is no such day."""
    first, second, third = parts
    year, month, day = {
        Order.DAY: (third, second, first),
        Order.MONTH: (third, first, second),
        Order.YEAR: (first, second, third),
    }[order]
    number = int(year) if len(year) > 2 else 2000 + int(year)
    if number in _BUDDHIST_YEARS:
        number -= 543
    try:
        return date(number, int(month), int(day))
    except ValueError:
        return None


def _possible(parts: Parts) -> tuple[Order, ...]:
    if len(parts[0]) > 2:
        return (Order.YEAR,)
    return (Order.DAY, Order.MONTH) if len(parts[2]) > 2 else tuple(Order)


def _latest() -> date:
    return date.today() + timedelta(days=1)
