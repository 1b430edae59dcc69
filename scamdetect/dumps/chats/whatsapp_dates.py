"""Parse the date and time of a WhatsApp message: phone styles, order of the parts, calendars."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from itertools import product
from typing import NamedTuple

# Direction marks and zero-width spaces, which WhatsApp inserts everywhere.
MARKS = "\u200b\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
_MOST = 200  # characters of a head

_B = rf"[\s{MARKS}]*+"
_CLOSE = rf"(?P<close>\]|(?<=[\s{MARKS}])[-–—](?=\s))"
# Words around a time, such as "p. m.", "klo", "오후": no digits and no character of the head.
_WORD = rf"[^\d\s{MARKS}\[\]:<>()/,،\-–—]{{1,16}}"
_WORDS = rf"{_WORD}(?:[\s{MARKS}]+{_WORD}){{0,2}}"
_DATE = (
    rf"(?P<first>\d{{1,4}}){_B}(?P<apart>[./-]){_B}(?P<second>\d{{1,2}}){_B}(?P=apart){_B}"
    r"(?P<third>\d{4}|\d{1,2})(?!\d)"
)
_TIME = r"(?P<hour>\d{1,2})(?:[:.]|\sh\s)(?P<minute>\d{2})(?:[:.](?P<sec>\d{2}))?(?!\d)"
_START = rf"{_B}(?P<open>\[?){_B}"
_DATE_FIRST = re.compile(
    rf"{_START}(?P<stamp>{_DATE}\.?{_B}(?P<era>{_WORDS})?{_B}[,،]?{_B}(?P<before>{_WORDS})?{_B}"
    rf"{_TIME}{_B}(?P<after>{_WORDS})?){_B}{_CLOSE}"
)
_TIME_FIRST = re.compile(  # Vietnamese
    rf"{_START}(?P<stamp>{_TIME}{_B}(?P<after>{_WORDS})?{_B}[,،]?{_B}{_DATE}){_B}"
    rf"{_CLOSE}"
)

# Names of day halves without dots, spaces and marks, in lower case.
_MORNING = frozenset(
    "am 上午 凌晨 清晨 早上 午前 오전 ص صباحا قظ قبلازظهر πμ öö vm fm dop dopoledne dopoludnia "
    "de ap sa पूर्वाह्न मपू முற்பகல் ก่อนเที่ยง לפנהצ pg дп পূর্বাহ্ণ asubuhi နံနက် ព្រឹក".split()
)
_EVENING = frozenset(
    "pm 下午 中午 傍晚 晚上 午後 오후 م مساء بظ بعدازظهر μμ ös ch nm em odp odpoledne popoludní "
    "du ip अपराह्न मउ பிற்பகல் หลังเที่ยง אחהצ ptg пп অপরাহ্ণ mchana jioni ညနေ ល្ងាច".split()
)
_SAY_NOTHING = frozenset("klo kl alas à às alle um om o ob u в у ч г р be n'".split())


class Style(NamedTuple):
    """The style that all heads of an export have in common."""

    bracketed: bool  # iPhone: [date, time] name: text; Android: date, time - name: text
    apart: str
    year_first: bool
    long_year: bool
    seconds: bool


@dataclass(frozen=True)
class Head:
    """The date and time before a message; ``hour`` is None if the half of the day is unknown.

    ``american`` is True for slashes with AM or PM; ``end`` is where the sender starts.
    """

    style: Style
    stamp: str
    date: tuple[str, str, str]
    hour: int | None
    minute: int
    second: int | None
    american: bool
    end: int


def read_head(line: str) -> Head | None:
    """Return the head at the start of the line, or None."""
    start = line[:_MOST]
    found = _DATE_FIRST.match(start) or _TIME_FIRST.match(start)
    if found is None or (found["open"] == "[") != (found["close"] == "]"):
        return None
    parts = found.groupdict()
    date = (parts["first"], parts["second"], parts["third"])
    words = [parts.get("era"), parts.get("before"), parts.get("after")]
    half = _half([word for word in words if word])
    hour, minute, second = int(parts["hour"]), int(parts["minute"]), int(parts["sec"] or 0)
    if hour > 24 or minute > 59 or second > 60:
        return None
    return Head(
        style=Style(
            bracketed=found["open"] == "[",
            apart=parts["apart"],
            year_first=len(date[0]) == 4,
            long_year=len(date[2]) == 4,
            seconds=parts["sec"] is not None,
        ),
        stamp=parts["stamp"].strip(),
        date=date,
        hour=_hour(hour, half),
        minute=minute,
        second=None if parts["sec"] is None else second,
        american=parts["apart"] == "/" and any(word in ("AM", "PM") for word in words),
        end=found.end(),
    )


def unmarked(text: str) -> str:
    """Return the text without direction marks and surrounding spaces."""
    return re.sub(f"[{MARKS}]", "", text).strip()


def _half(words: list[str]) -> str | None:
    """Return "am", "pm", "?" for unknown words, or None without any."""
    found = None
    for word in words:
        bare = re.sub(rf"[\s.'’״\"{MARKS}]", "", word).casefold()
        if bare in _EVENING:
            return "pm"
        if bare in _MORNING:
            return "am"
        if bare and bare not in _SAY_NOTHING:
            found = "?"
    return found


def _hour(hour: int, half: str | None) -> int | None:
    if half is None or hour > 12 or hour == 0:
        return hour % 24
    if half == "?":
        return None
    return hour % 12 + (12 if half == "pm" else 0)


_BUDDHIST_AHEAD = 543  # years; its months and days are the Gregorian ones
# Of 33 years eight are leap years, which matches the sky from 1799 to 2256.
_CYCLE, _LEAPS = 33, 8
_PERSIAN_EPOCH = 226_894  # the day before the year 1, as Python counts days
_FIRST_OF_13 = 80  # from here on, two digits mean a year of the previous century


class Calendar(StrEnum):
    """A calendar by its English name."""

    GREGORIAN = "Gregorian"
    BUDDHIST = "Buddhist"
    PERSIAN = "Persian"


def gregorian_day(year: str, month: str, day: str, calendar: Calendar) -> date | None:
    """Return the day of these digits, or None if the calendar has no such day.

    Two-digit years belong to the century in which there are phones.
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
    """Return the day; raise ValueError if it does not exist."""
    if not (1 <= month <= 12 and 1 <= day <= _month_days(year, month)):
        raise ValueError
    before = 31 * min(month - 1, 6) + 30 * max(month - 7, 0)
    return date.fromordinal(_PERSIAN_EPOCH + 365 * (year - 1) + _leaps(year) + before + day)


def _month_days(year: int, month: int) -> int:
    if month == 12:
        return 29 + _leaps(year + 1) - _leaps(year)
    return 31 if month < 7 else 30


def _leaps(year: int) -> int:
    """Return the number of leap years before this one."""
    return (_LEAPS * year + 21) // _CYCLE


_FIRST_YEAR = 2009  # start of WhatsApp
_THIS_YEAR = 2026  # at least: the clock of the machine may be wrong
_MOST_MISFITS = 10  # another calendar is used if at most one in ten dates does not fit it

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
    """How the dates of a style are read, and the reason in words.

    ``dates`` counts distinct consecutive dates; ``misfits`` of them do not exist or are before
    WhatsApp: these have no time.
    """

    order: Order
    calendar: Calendar
    why: str
    dates: int = 0
    misfits: int = 0

    def day(self, parts: Parts) -> date | None:
        """Return the day of these parts, or None if it does not exist or is out of range."""
        day = _day(parts, self.order, self.calendar)
        return day if day is not None and _fits(day) else None


@dataclass
class OrderVote:
    """Collect the dates of one style and choose the best order and calendar."""

    american: bool = False  # United States style, which is weak evidence
    _last: Parts | None = None
    _dates: int = 0
    _readings: tuple[_Reading, ...] = _READINGS
    _misfits: dict[_Reading, int] = field(default_factory=lambda: dict.fromkeys(_READINGS, 0))
    _steps: dict[_Reading, int] = field(default_factory=lambda: dict.fromkeys(_READINGS, 0))
    _days: dict[_Reading, date] = field(default_factory=dict)

    def add(self, parts: Parts, american: bool) -> None:
        """Add the date of the next message."""
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
            why = f"in the {ranked[0][1]} calendar, the only one in which they are in its years, "
        elif others and self._misfits[others[0]] <= self._misfits[usual[0]]:
            why = f"a guess, because the {others[0][1]} calendar would fit them too, and "
        order, calendar = ranked[0]
        misfits = self._misfits[ranked[0]]
        return DateForm(order, calendar, why + self._why(ranked), self._dates, misfits)

    def _ranked(self, calendars: Collection[Calendar]) -> list[_Reading]:
        """Return the readings in these calendars, most likely first."""
        usual = Order.MONTH if self.american else Order.DAY
        return sorted(
            (one for one in self._readings if one[1] in calendars),
            key=lambda one: (self._misfits[one], self._steps[one], one[0] != usual),
        )

    def _is_better(self, other: _Reading, usual: _Reading) -> bool:
        """Return True if another calendar fits better than the usual one.

        For a rare order, with the two-digit year first, it is enough that the messages are closer
        together.
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
            return (
                "the order in which its messages are closest together; no date decides it "
                "for certain"
            )
        return "a guess: no date distinguishes day from month"


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
    # Two-digit years of another calendar would fit too many days if they come first.
    return tuple(
        (order, calendar)
        for order, calendar in _READINGS
        if order is not Order.YEAR or calendar is Calendar.GREGORIAN
    )
