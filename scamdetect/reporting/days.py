"""Which column holds the time of a message, and the day of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

# In this order: the usual names of the time at which a message was sent, the likeliest first.
TIME_COLUMNS = (
    "time", "timestamp", "datetime", "date", "sent_at", "created_at", "sent", "created",
    "received_at", "posted_at", "time_unix", "date_unixtime", "created_utc", "event_time", "ts",
    "day",
)  # fmt: skip

_DATE = re.compile(r"\s*(\d{4})([-/.]?)(\d{1,2})\2(\d{1,2})(?!\d)")
_NUMBER = re.compile(r"\s*\d{9,19}(?:\.\d*)?\s*$")
# Outside of these years a time is a default value or an error of a clock.
_FIRST, _BEHIND = np.datetime64("1990-01-01", "D"), np.datetime64("2100-01-01", "D")
_SECONDS_A_DAY = 86_400
_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # by the unit of Arrow
# From so many on a number counts no longer seconds but milli-, micro- and nanoseconds.
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e8, 1.0))

Days = NDArray[np.datetime64]


def find_time_column(columns: Sequence[str]) -> str | None:
    """Return the column that by its name holds times, None where none does."""
    by_name = {name.casefold(): name for name in reversed(columns)}
    return next((by_name[name] for name in TIME_COLUMNS if name in by_name), None)


def days_of(times: pa.ChunkedArray) -> Days:
    """Return the day (n,) of each time, NaT where it cannot be told.

    Read are dates and times of Arrow, ISO 8601 and RFC 2822 as text, and seconds, milli-, micro-
    and nanoseconds since 1970. The day is the one that is written there, in whatever time zone;
    for numbers and times of Arrow it is that of UTC. 03/04/2025 may be two days and so is none.
    """
    if pa.types.is_dictionary(times.type):
        times = times.cast(times.type.value_type)
    kind = times.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        days = _of_instants(times)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        days = _of_numbers(times.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy())
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        # As bytes, since a file may hold strings that are no UTF-8.
        texts = times.cast(pa.large_binary()).to_pylist()
        days = np.array([_of_value(value) for value in texts], "datetime64[D]")
    else:
        days = np.full(len(times), np.datetime64("NaT", "D"))
    days[~((days >= _FIRST) & (days < _BEHIND))] = np.datetime64("NaT")
    return days


def _of_instants(times: pa.ChunkedArray) -> Days:
    """Return the days of times of Arrow, in integers: a cast refuses what lies far away."""
    kind = times.type
    width = pa.int32() if pa.types.is_date32(kind) else pa.int64()
    counted = times.cast(width).cast(pa.int64())
    a_day = 1
    if not pa.types.is_date32(kind):
        a_day = _SECONDS_A_DAY * (1000 if pa.types.is_date64(kind) else _A_SECOND[kind.unit])
    days: Days = np.floor_divide(counted.fill_null(0).to_numpy(), a_day).astype("datetime64[D]")
    days[counted.is_null().to_numpy()] = np.datetime64("NaT")
    return days


def _of_numbers(numbers: NDArray[np.float64]) -> Days:
    seconds = np.full(len(numbers), np.nan)
    for least, a_second in _UNITS:
        of_unit = np.isnan(seconds) & (numbers >= least)
        seconds[of_unit] = numbers[of_unit] / a_second
    known = seconds < 1e11
    days = np.full(len(numbers), np.datetime64("NaT", "D"))
    days[known] = np.floor_divide(seconds[known], _SECONDS_A_DAY).astype("datetime64[D]")
    return days


def _of_value(raw: bytes | None) -> Any:  # noqa: ANN401 - a day or NaT
    if raw is None:
        return np.datetime64("NaT", "D")
    value = raw.decode("utf-8", "backslashreplace")
    found = _DATE.match(value)
    # What stands behind the day tells nothing: few different texts are then to be read.
    return _of_text(value if found is None else found[0])


@lru_cache(maxsize=4096)
def _of_text(text: str) -> Any:  # noqa: ANN401 - a day or NaT
    found = _DATE.match(text)
    try:
        if found is not None:
            return np.datetime64(date(int(found[1]), int(found[3]), int(found[4])), "D")
        if _NUMBER.match(text):
            return _of_numbers(np.array([float(text)]))[0]
        return np.datetime64(parsedate_to_datetime(text).date(), "D")
    except (ValueError, TypeError, IndexError, OverflowError):
        return np.datetime64("NaT", "D")
