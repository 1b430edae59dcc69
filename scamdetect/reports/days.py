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

from scamdetect.frames.arrow import readable
from scamdetect.frames.times import holds_times, instants, since_1970

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
_MICROS_A_DAY = 86_400 * 10**6

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
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        days = np.array([_of_value(text) for text in readable(times)], "datetime64[D]")
    elif holds_times(kind):
        found = instants(times.combine_chunks())
        days = _of_micros(found.micros)
        days[~found.known] = np.datetime64("NaT")
    else:
        days = np.full(len(times), np.datetime64("NaT", "D"))
    days[~((days >= _FIRST) & (days < _BEHIND))] = np.datetime64("NaT")
    return days


def _of_micros(micros: NDArray[np.int64]) -> Days:
    days: Days = np.floor_divide(micros, _MICROS_A_DAY).astype("datetime64[D]")
    return days


def _of_value(value: str | None) -> Any:  # noqa: ANN401 - a day or NaT
    if value is None:
        return np.datetime64("NaT", "D")
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
            return _of_micros(since_1970(np.array([float(text)])))[0]
        return np.datetime64(parsedate_to_datetime(text).date(), "D")
    except (ValueError, TypeError, IndexError, OverflowError):
        return np.datetime64("NaT", "D")
