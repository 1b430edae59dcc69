"""Times of any form as instants."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect.frames.times import instants

NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)
MICROS = int(NOON.timestamp()) * 10**6


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-02T12:00:00", "2024-01-02 12:00", "2024-01-02T12:00:00Z", "20240102T120000",
        "2024-01-02 12:00:00 UTC", "2024-01-02T14:30:00+02:30", " 2024-01-02T12:00:00.000000000 ",
        "1704196800", "1704196800000", "1704196800000000", "1704196800000000000", "1704196800.0",
    ],
)  # fmt: skip
def test_text(text: str) -> None:
    found = instants(pa.array([text]))
    assert found.micros.tolist() == [MICROS]
    assert found.iso() == ["2024-01-02T12:00:00+00:00"]


def test_text_that_tells_no_time_is_bad_and_none_is_unknown() -> None:
    texts = ["yesterday", None, "", " ", "2024-13-01", "2024", "0001-01-01T00:00+05:00", "x\ud7ff"]
    found = instants(pa.array(texts, pa.large_string()))
    assert found.bad.tolist() == [True, False, False, False, True, True, False, True]
    assert found.known.tolist() == [False] * 6 + [True, False]
    assert found.iso() == [None] * 8


def test_text_that_is_not_utf8_is_bad() -> None:
    column = pa.array([b"\xff", b"2024-01-02"]).view(pa.string())
    assert instants(column).bad.tolist() == [True, False]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Asia/Jakarta"])
def test_timestamps(unit: str, zone: str | None) -> None:
    stamps = pa.array([NOON.replace(tzinfo=None)] * 2 + [None]).cast(pa.timestamp(unit))
    found = instants(stamps.view(pa.timestamp(unit, zone))[1:])
    assert (found.micros[0], found.known.tolist()) == (MICROS, [True, False])


def test_extreme_timestamps_do_not_wrap() -> None:
    for unit in ("s", "ms", "us", "ns"):
        column = pa.array([-(2**62), 0, 2**62]).view(pa.timestamp(unit))
        low, middle, high = instants(column).micros.tolist()
        assert low < middle == 0 < high


def test_dates_and_numbers() -> None:
    for kind in (pa.date32(), pa.date64()):
        days = instants(pa.array([date(2024, 1, 2), None], kind))
        assert (days.micros[0], days.known.tolist()) == (MICROS - 43_200 * 10**6, [True, False])
    for kind in (pa.int32(), pa.uint64(), pa.float64()):
        seconds = instants(pa.array([1704196800, None], kind))
        assert (seconds.micros[0], seconds.known.tolist()) == (MICROS, [True, False])
    odd = instants(pa.array([float("nan"), float("inf"), None, 1e300]))
    assert odd.bad.tolist() == [True, True, False, False]


@settings(deadline=None)
@given(st.lists(st.datetimes(timezones=st.builds(timezone, st.builds(
    lambda hours: timedelta(hours=hours), st.integers(-12, 14)))), max_size=6))  # fmt: skip
def test_text_orders_as_the_moments_do(moments: list[datetime]) -> None:
    found = instants(pa.array([moment.isoformat() for moment in moments], pa.string()))
    order = sorted(range(len(moments)), key=lambda n: (found.micros[n], n))
    assert order == sorted(range(len(moments)), key=lambda n: (moments[n], n))
