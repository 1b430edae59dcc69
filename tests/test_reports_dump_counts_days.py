"""The day of a message, from whatever form its time has."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from scamdetect.reports.dump_counts import days_of, find_time_column

_DAY = date(2026, 3, 4)


def _day(values: list[Any], kind: pa.DataType | None = None) -> list[date | None]:
    found: list[date | None] = days_of(pa.chunked_array([pa.array(values, kind)])).tolist()
    return found


@pytest.mark.parametrize(
    "text",
    ["2026-03-04", "2026-03-04T23:59:59+14:00", " 2026/3/4 10:00", "2026.03.04", "20260304T1200",
     "Wed, 04 Mar 2026 10:00:00 +0100", "1772582400", "1772582400000", "1772582400.5"],
)  # fmt: skip
def test_a_day_is_read_from_text(text: str) -> None:
    assert _day([text]) == [_DAY]


@pytest.mark.parametrize(
    "text", ["", "soon", "03/04/2026", "2026-13-01", "2026-02-30", "1970-01-01", "0001-01-01",
             "9999-12-31", "12", "9" * 400, "2026-03-041", "٢٠٢٦-٠٣-٠٤x"],
)  # fmt: skip
def test_what_is_no_day_or_may_be_two_is_none(text: str) -> None:
    found = _day([text])
    assert found == [None] or text.startswith("٢")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_day_is_read_from_times_and_numbers(unit: str) -> None:
    moment = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)
    assert _day([moment, None], pa.timestamp(unit, "UTC")) == [_DAY, None]
    assert _day([moment.replace(tzinfo=None)], pa.timestamp(unit)) == [_DAY]
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    seconds = int(moment.timestamp())
    assert _day([seconds * factor, None, 0, -5], pa.int64()) == [_DAY, None, None, None]
    assert _day([float(seconds * factor), float("nan")], pa.float64()) == [_DAY, None]


def test_a_day_is_read_from_dates() -> None:
    assert _day([_DAY, None], pa.date32()) == [_DAY, None]
    assert _day([_DAY], pa.date64()) == [_DAY]


def test_times_of_parts_of_a_microsecond_have_a_day() -> None:
    moment = 1772582400_123456789
    assert _day([moment, None, moment - 86_400 * 10**9], pa.timestamp("ns")) == [
        _DAY, None, date(2026, 3, 3),
    ]  # fmt: skip
    assert _day([moment], pa.timestamp("ns", "Asia/Bangkok")) == [_DAY]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_far_away_are_none(unit: str, sign: int) -> None:
    far = [sign * 2**place for place in (55, 62)]
    found = _day([*far, None], pa.timestamp(unit))
    assert found[1:] == [None, None] if unit == "ns" else found == [None] * 3
    assert _day([sign * 2**30], pa.date32()) == [None]
    assert _day([sign * 86_400_000 * 10**9], pa.date64()) == [None]


def test_columns_that_few_programs_write_are_read_or_have_no_day() -> None:
    moment = pa.array([1772582400_123456789], pa.timestamp("ns"))
    for column, expected in (
        (moment.dictionary_encode(), _DAY),
        (pa.array(["2026-03-04"]).dictionary_encode(), _DAY),
        (pa.array(["2026-03-04"], pa.large_string()), _DAY),
        (pa.array([b"2026-03-04 \xe9"]).view(pa.string()), _DAY),
        (pa.array([b"\xe9"]).view(pa.string()), None),
        (pa.array([1], pa.duration("ns")), None),
        (pa.array([1], pa.time64("ns")), None),
        (pa.array([[moment[0]]], pa.list_(moment.type)), None),
    ):
        assert days_of(pa.chunked_array([column])).tolist() == [expected]


def test_other_columns_and_none_have_no_day() -> None:
    assert _day([True, None], pa.bool_()) == [None, None]
    assert _day([None, None], pa.null()) == [None, None]
    assert _day([], pa.string()) == []
    assert days_of(pa.chunked_array([pa.array([], pa.string())])).dtype == np.dtype("datetime64[D]")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["id", "Created_At", "text"], "Created_At"),
        (["date", "time"], "time"),
        (["lifetime", "update", "text"], None),
        ([], None),
    ],
)
def test_a_time_column_is_found_by_its_name(columns: list[str], expected: str | None) -> None:
    assert find_time_column(columns) == expected
