"""Convert a time column of any form to comparable instants: microseconds since 1970 in UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.frames.arrow import json_values

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Seconds, milliseconds, microseconds or nanoseconds since 1970; eight digits are a date.
_SINCE_1970 = re.compile(r"-?\d{9,19}(?:\.\d+)?")
_SECONDS, _MILLISECONDS, _MICROSECONDS = 1e11, 1e14, 1e17  # below these, for years before 5138
_IN_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_MOST_SECONDS = 9 * 10**12  # that fit into int64 as microseconds
_MOST_NANOSECONDS = 2.0**63


@dataclass(frozen=True)
class Instants:
    """The instants of some rows, int64 (n,), and which are known, or present but unreadable."""

    micros: NDArray[np.int64]
    known: NDArray[np.bool_]
    bad: NDArray[np.bool_]

    def iso(self) -> list[str | None]:
        """Return each as ISO 8601 in UTC to the second, None if unknown."""
        pairs = zip(self.micros.tolist(), self.known.tolist(), strict=True)
        return [_iso(micros) if known else None for micros, known in pairs]


def holds_times(kind: pa.DataType) -> bool:
    """Return True if ``instants`` can read a column of this type."""
    return bool(
        pa.types.is_timestamp(kind)
        or pa.types.is_date(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
    )


def instants(column: pa.Array) -> Instants:
    """Return the instants of ISO 8601 text, timestamps, dates or numbers.

    Values without a zone are in UTC. Numbers, also as text, are seconds, milliseconds, microseconds
    or nanoseconds since 1970, by their size. A null or empty text is unknown, but not unreadable.
    """
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _read(json_values(pa.chunked_array([column])))
    present: NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        values = column.cast(pa.float64(), safe=False).fill_null(0).to_numpy(zero_copy_only=False)
        finite = np.isfinite(values)
        exact = column.fill_null(0).to_numpy() if pa.types.is_integer(kind) else values
        micros = since_1970(np.where(finite, exact, 0))
        return Instants(micros, present & finite, present & ~finite)
    stamps = column if pa.types.is_timestamp(kind) else column.cast(pa.timestamp("ms"))
    numbers = stamps.view(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    micros = _micros(numbers, _IN_SECOND[stamps.type.unit])
    return Instants(micros, present, np.zeros(len(column), bool))


def _read(texts: Sequence[str | None]) -> Instants:
    parsed = [_instant(text) if text else None for text in texts]
    known = np.array([instant is not None for instant in parsed], bool)
    present = np.array([bool(text and text.strip()) for text in texts], bool)
    micros = np.array([instant or 0 for instant in parsed], np.int64)
    return Instants(micros, known, present & ~known)


def _instant(text: str) -> int | None:
    text = text.strip()
    if _SINCE_1970.fullmatch(text):
        return int(since_1970(np.array([float(text)]))[0])
    try:
        moment = datetime.fromisoformat(text.removesuffix(" UTC"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None


def since_1970(values: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.int64]:
    """Return microseconds from seconds, milli-, micro- or nanoseconds since 1970, by their size."""
    plain = np.clip(values.astype(np.float64), -_MOST_NANOSECONDS, _MOST_NANOSECONDS)
    size = np.abs(plain)
    units = [size < _SECONDS, size < _MILLISECONDS, size < _MICROSECONDS]
    micros: NDArray[np.int64] = np.rint(
        np.select(units, [plain * 1e6, plain * 1e3, plain], plain / 1e3)
    ).astype(np.int64)
    return micros


def _micros(values: NDArray[np.int64], in_second: int) -> NDArray[np.int64]:
    if in_second > 10**6:
        return values // (in_second // 10**6)
    most = _MOST_SECONDS * in_second
    return np.clip(values, -most, most) * (10**6 // in_second)


def _iso(micros: int) -> str | None:
    try:
        return (_EPOCH + timedelta(microseconds=micros)).isoformat(timespec="seconds")
    except OverflowError:
        return None
