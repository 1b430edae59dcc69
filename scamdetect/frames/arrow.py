"""Convert Arrow columns of any type to plain JSON values or to texts."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def encodable(text: str) -> str:
    r"""Return the text with lone surrogates, which UTF-8 lacks, as escapes like ``\ud83d``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def json_values(column: pa.ChunkedArray) -> list[Any]:
    """Return the values as plain JSON types, None for null and for numbers that JSON lacks.

    Times, durations and decimals become text, bytes base64, maps lists of pairs. Bytes of a text
    column that are not UTF-8 become escapes.
    """
    return [_json(value) for value in _python(column)]


def cell_texts(column: pa.ChunkedArray) -> list[str | None]:
    """Return the values as texts, None for null: as ``json_values``, nested ones as JSON."""
    kind = column.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        texts: list[str | None] = column.cast(pa.string()).to_pylist()
        return texts
    return [
        value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for value in json_values(column)
    ]


def _python(column: pa.ChunkedArray) -> list[Any]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _python(pc.cast(column, kind.value_type))
    if pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
        # Python's times have no nanoseconds and no years beyond 9999.
        return list(column.cast(pa.string()).to_pylist())
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        raw = column.cast(pa.large_binary()).to_pylist()
        return [
            None if value is None else value.decode("utf-8", "backslashreplace") for value in raw
        ]


def _json(value: Any) -> Any:  # noqa: ANN401 - any value of Arrow
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    return str(value)


# Until the last caller is rewritten.
_UUID = "arrow.uuid"
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


def unwritable(kind: pa.DataType) -> bool:
    """Return True if the type has no JSON form: a union, or a struct with a repeated field."""
    if pa.types.is_union(kind):
        return True
    if pa.types.is_struct(kind):
        names = [kind.field(place).name for place in range(kind.num_fields)]
        if len(set(names)) < len(names):
            return True
    return any(map(unwritable, _inner(kind)))


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
