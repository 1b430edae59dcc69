"""Build Arrow arrays of plain types, and convert values of any Arrow type to JSON or text.

``pyarrow.array`` imports pandas, if installed, to check whether its input is a frame; these arrays
are built from buffers instead.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_NUMPY = {
    pa.int32(): np.int32,
    pa.int64(): np.int64,
    pa.float32(): np.float32,
    pa.float64(): np.float64,
}


def plain_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return an array of the values, with None as null.

    ``kind`` is string, bool, int32, int64, float32 or float64; strings must be encodable in UTF-8.
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
    """Return an array of one list per row, filled from ``items`` in their order."""
    return pa.Array.from_buffers(kind, len(rows), [None, _offsets(rows)], children=[items])


def readable(column: pa.Array | pa.ChunkedArray) -> list[str | None]:
    """Return the values of a text column, with escapes for bytes that are not UTF-8."""
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
    """Return an array of the numbers; NaN of float64 becomes null."""
    kind = pa.float64() if values.dtype == np.float64 else pa.int64()
    known = ~np.isnan(values)
    validity = None if known.all() else _bits(known)
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(values.copy())])


def numbers(array: pa.Array) -> NDArray[Any]:
    """Return the numbers of an int64 or float64 array; the value for a null is arbitrary."""
    dtype = np.dtype(_NUMPY[array.type])
    if not len(array):
        return np.empty(0, dtype)
    start = array.offset * dtype.itemsize
    return np.frombuffer(array.buffers()[1], dtype, len(array), start)


def valid(array: pa.Array) -> NDArray[np.bool_]:
    """Return which values are not null."""
    known = np.empty(len(array), bool)
    known[:] = np.from_dlpack(array.is_valid().cast(pa.int8()))
    return known


def wide(kind: pa.DataType) -> pa.DataType:
    """Return the type that can hold more than 2 GiB of text in one array."""
    if pa.types.is_string(kind):
        return pa.large_string()
    return cast(pa.DataType, pa.large_binary() if pa.types.is_binary(kind) else kind)


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """Return the column as a single array."""
    found = column.combine_chunks()
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def encodable(text: str) -> str:
    r"""Return the text with lone surrogates, which UTF-8 lacks, as escapes like ``\ud83d``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


# Python's time types have no nanoseconds, no years beyond 9999 and no time zones unknown to this
# machine, so times are never converted to Python values.


_UUID = "arrow.uuid"
_BEYOND = re.compile(r"<value out of range: (-?\d+)>")  # Arrow's text beyond all calendars


def unwritable(kind: pa.DataType) -> bool:
    """Return True if the type has no JSON form: a union, or a struct with a repeated field."""
    if pa.types.is_union(kind):
        return True
    if pa.types.is_struct(kind):
        names = [kind.field(place).name for place in range(kind.num_fields)]
        if len(set(names)) < len(names):
            return True
    return any(map(unwritable, _inner(kind)))


def json_values(column: pa.ChunkedArray) -> list[Any]:
    """Return the values as plain JSON types, None for null and for numbers that JSON lacks.

    Times, durations (in the unit of the type) and decimals become text, bytes base64, maps lists of
    pairs, UUIDs text and other extension types their storage type. Times of an unknown zone are in
    UTC; a time that no calendar has becomes the stored number. Raises UnicodeDecodeError for text
    that is not UTF-8.
    """
    return [value for chunk in column.chunks for value in _json(chunk)]


def cell_texts(column: pa.ChunkedArray) -> list[str | None]:
    """Return the values as texts, None for null: as Arrow formats them, or as JSON text.

    Text is unchanged, bytes and times are formatted as by ``json_values``; nested values are JSON.
    Raises UnicodeDecodeError for text that is not UTF-8.
    """
    return [text for chunk in column.chunks for text in _texts(_plain(chunk))]


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the values of a flat column as large text."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):  # be it UTF-8 or not
        return column.cast(pa.large_string())
    texts = plain_array(cell_texts(column), pa.string())
    return pa.chunked_array([texts]).cast(pa.large_string())


def is_nested(kind: pa.DataType) -> bool:
    """Return True if values of the type are lists or objects in JSON."""
    if isinstance(kind, pa.BaseExtensionType):
        return kind.extension_name != _UUID and is_nested(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return is_nested(kind.value_type)
    return bool(pa.types.is_nested(kind))


def _inner(kind: pa.DataType) -> Sequence[pa.DataType]:
    if isinstance(kind, pa.BaseExtensionType):
        return (kind.storage_type,)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return (kind.value_type,)
    return tuple(kind.field(place).type for place in range(kind.num_fields))


def _plain(array: pa.Array) -> pa.Array:
    """Return the values in their storage type, UUIDs as text."""
    while True:
        kind = array.type
        if isinstance(kind, pa.BaseExtensionType):
            array = array.storage
            if kind.extension_name == _UUID:
                raw = array.to_pylist()
                return plain_array([v and str(uuid.UUID(bytes=v)) for v in raw], pa.string())
        elif pa.types.is_dictionary(kind):
            array = array.dictionary_decode()
        elif pa.types.is_run_end_encoded(kind):
            array = pc.run_end_decode(array)
        else:
            return array


def _json(array: pa.Array) -> list[Any]:
    array = _plain(array)
    kind = array.type
    if pa.types.is_struct(kind):
        names = [kind.field(place).name for place in range(kind.num_fields)]
        fields = [_json(array.field(place)) for place in range(kind.num_fields)]
        rows = zip(*fields, strict=True) if fields else [()] * len(array)
        known = array.is_valid().to_pylist()
        return [
            dict(zip(names, row, strict=True)) if there else None
            for row, there in zip(rows, known, strict=True)
        ]
    if pa.types.is_map(kind):
        return _pairs(array)
    if pa.types.is_nested(kind):
        return _cut(array, _json(array.flatten()))
    if pa.types.is_floating(kind):
        # A number minus itself is 0 unless it is not finite.
        return [v if v is None or v - v == 0 else None for v in map(_number, array.to_pylist())]
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        values: list[Any] = array.to_pylist()
        return values
    return _texts(array)


def _cut(array: pa.Array, items: list[Any]) -> list[list[Any] | None]:
    """Split consecutive items into the lists of an array."""
    found: list[list[Any] | None] = []
    start = 0
    for size in pc.list_value_length(array).to_pylist():
        found.append(None if size is None else items[start : start + size])
        start += size or 0
    return found


def _pairs(array: pa.MapArray) -> list[list[Any] | None]:
    offsets = array.offsets.to_pylist()
    first, size = offsets[0], offsets[-1] - offsets[0]
    keys, items = _json(array.keys.slice(first, size)), _json(array.items.slice(first, size))
    pairs = [list(pair) for pair in zip(keys, items, strict=True)]
    return [
        pairs[start - first : end - first] if known else None
        for start, end, known in zip(
            offsets, offsets[1:], array.is_valid().to_pylist(), strict=False
        )
    ]


def _number(value: Any) -> float | None:  # noqa: ANN401 - of float16 one of NumPy's
    return None if value is None else float(value)


def _texts(array: pa.Array) -> list[str | None]:
    """Return the texts of an array of a storage type."""
    kind = array.type
    if pa.types.is_nested(kind):
        return [v if v is None else json.dumps(v, ensure_ascii=False) for v in _json(array)]
    if _is_binary(kind):
        raw = array.to_pylist()
        return [None if v is None else base64.b64encode(v).decode("ascii") for v in raw]
    if _is_text(kind) or pa.types.is_null(kind):
        texts: list[str | None] = array.to_pylist()
        return texts
    if pa.types.is_interval(kind):
        return [None if value is None else str(value) for value in array.to_pylist()]
    written: list[str | None] = _cast(array).to_pylist()
    if pa.types.is_temporal(kind):
        return [v and (found[1] if (found := _BEYOND.fullmatch(v)) else v) for v in written]
    return written


def _cast(array: pa.Array) -> pa.Array:
    try:
        return array.cast(pa.large_string())
    except pa.ArrowInvalid:
        if not (pa.types.is_timestamp(array.type) and array.type.tz):
            raise
        return array.cast(pa.timestamp(array.type.unit, "UTC")).cast(pa.large_string())


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )
