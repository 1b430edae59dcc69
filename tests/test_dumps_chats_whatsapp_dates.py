"""Calendars of phones: days that are known, and none that there is not."""

from __future__ import annotations

from datetime import date

import pytest

from scamdetect.dumps.chats.whatsapp_dates import Calendar, gregorian_day


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("1357-11-22", date(1979, 2, 11)),
        ("1388-1-1", date(2009, 3, 21)),
        ("1395-12-30", date(2017, 3, 20)),
        ("1399-12-30", date(2021, 3, 20)),
        ("1400-1-1", date(2021, 3, 21)),
        ("1402-12-14", date(2024, 3, 4)),
        ("1404-7-1", date(2025, 9, 23)),
        ("02-12-14", date(2024, 3, 4)),
        ("98-1-1", date(2019, 3, 21)),
        ("1402-12-30", None),
        ("1402-7-31", None),
        ("1402-13-1", None),
        ("1402-1-0", None),
        ("9999-1-1", None),
    ],
)
def test_persian_days(day: str, expected: date | None) -> None:
    year, month, number = day.split("-")
    assert gregorian_day(year, month, number, Calendar.PERSIAN) == expected


def test_buddhist_and_gregorian_days() -> None:
    assert gregorian_day("67", "2", "29", Calendar.BUDDHIST) == date(2024, 2, 29)
    assert gregorian_day("2567", "2", "29", Calendar.BUDDHIST) == date(2024, 2, 29)
    assert gregorian_day("24", "2", "29", Calendar.GREGORIAN) == date(2024, 2, 29)
    assert gregorian_day("2023", "2", "29", Calendar.GREGORIAN) is None
    assert gregorian_day("0", "0", "0", Calendar.BUDDHIST) is None
