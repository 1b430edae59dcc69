"""Build Arrow arrays of plain types.

``pyarrow.array`` imports pandas wherever it is installed, to see whether it was given a frame;
these arrays come from buffers instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_NUMPY = {
    pa.int32(): np.int32,
    pa.int64(): np.int64,
    pa.float32(): np.float32,
    pa.float64(): np.float64,
}


def plain_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return an array of the values, None as null.

    ``kind`` is string, bool, int32, int64, float32 or float64; a string must be encodable in UTF-8.
    """
    known = np.fromiter((value is not None for value in values), bool, len(values))
    validity = None if known.all() else _bits(known)
    if pa.types.is_string(kind):
        encoded = [b"" if value is None else value.encode() for value in values]
        buffers = [validity, _offsets(encoded), pa.py_buffer(b"".join(encoded))]
    elif pa.types.is_boolean(kind):
        buffers = [validity, _bits(np.array([bool(value) for value in values], bool))]
    else:
        numbers = [0 if value is None else value for value in values]
        buffers = [validity, pa.py_buffer(np.array(numbers, _NUMPY[kind]))]
    return pa.Array.from_buffers(kind, len(values), buffers)


def list_array(rows: Sequence[Sequence[Any]], items: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return an array of lists as long as the rows, filled from ``items`` in their order."""
    return pa.Array.from_buffers(kind, len(rows), [None, _offsets(rows)], children=[items])


def readable(column: pa.Array | pa.ChunkedArray) -> list[str | None]:
    """Return the values of a column of text, with escapes for bytes that are not UTF-8."""
    try:
        values: list[str | None] = column.to_pylist()
    except UnicodeDecodeError:
        raw = column.cast(pa.large_binary()).to_pylist()
        values = [None if v is None else v.decode("utf-8", "backslashreplace") for v in raw]
    return values


def _offsets(rows: Sequence[Sequence[Any]]) -> pa.Buffer:
    offsets = np.zeros(len(rows) + 1, np.int32)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    return pa.py_buffer(offsets)


def _bits(flags: NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little"))


def number_array(values: NDArray[np.int64] | NDArray[np.float64]) -> pa.Array:
    """Return an array of the numbers, NaN of float64 as null."""
    kind = pa.float64() if values.dtype == np.float64 else pa.int64()
    known = ~np.isnan(values)
    validity = None if known.all() else _bits(known)
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(values.copy())])


def numbers(array: pa.Array) -> NDArray[Any]:
    """Return the numbers of an int64 or float64 array; in place of a null there is any."""
    dtype = np.dtype(_NUMPY[array.type])
    if not len(array):
        return np.empty(0, dtype)
    start = array.offset * dtype.itemsize
    return np.frombuffer(array.buffers()[1], dtype, len(array), start)


def valid(array: pa.Array) -> NDArray[np.bool_]:
    """Return which values are no nulls."""
    known = np.empty(len(array), bool)
    known[:] = np.from_dlpack(array.is_valid().cast(pa.int8()))
    return known


def wide(kind: pa.DataType) -> pa.DataType:
    """Return the type that holds more than 2 GiB of text in one array."""
    if pa.types.is_string(kind):
        return pa.large_string()
    return cast(pa.DataType, pa.large_binary() if pa.types.is_binary(kind) else kind)


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """Return the column in one piece."""
    found = column.combine_chunks()
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def encodable(text: str) -> str:
    r"""Return the text with lone surrogates, which UTF-8 lacks, as escapes like ``\ud83d``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
