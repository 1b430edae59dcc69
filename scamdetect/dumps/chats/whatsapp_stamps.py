"""The head of a WhatsApp message: its date and time in the styles of phones and languages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

# Direction marks and zero-width spaces, which WhatsApp puts between everything.
MARKS = "\u200b\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
_MOST = 200  # characters of a head

_B = rf"[\s{MARKS}]*+"
_CLOSE = rf"(?P<close>\]|(?<=[\s{MARKS}])[-–—](?=\s))"
# Words around a time such as "p. m.", "klo", "오후": neither digits nor what the head itself uses.
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

# Day halves as they are left without dots, spaces and marks, in lower case.
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
    """What all heads of one export share."""

    bracketed: bool  # iPhone: [date, time] name: text; Android: date, time - name: text
    apart: str
    year_first: bool
    long_year: bool
    seconds: bool


@dataclass(frozen=True)
class Head:
    """The date and time before a message; ``hour`` is None where the half of the day is unknown.

    ``american`` tells of slashes with AM or PM, ``end`` is where the sender begins.
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
    """Return the head with which the line begins, None for any other line."""
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
    """Return the text without direction marks and without spaces around it."""
    return re.sub(f"[{MARKS}]", "", text).strip()


def _half(words: list[str]) -> str | None:
    """Return "am", "pm", "?" for words that are not known, None where no half is named."""
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
