"""Convert Arrow columns of any type to plain JSON values or to texts."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.errors import InputError


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
    except OverflowError:
        raise InputError(
            "a column of lists or objects holds a time outside of the years 1 to 9999; "
            "convert it to text or leave the column out"
        ) from None
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


_NUMBERS = {
    pa.int32(): np.int32,
    pa.int64(): np.int64,
    pa.float32(): np.float32,
    pa.float64(): np.float64,
}


def array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return an Arrow array; lone surrogates, which UTF-8 lacks, become U+FFFD.

    ``pyarrow.array``, which is used for unusual types, imports pandas if it is installed, which
    takes half a second.
    """
    if pa.types.is_string(kind):
        return _strings(values)
    if pa.types.is_struct(kind):
        fields = [array([value[field.name] for value in values], field.type) for field in kind]
        return pa.StructArray.from_arrays(fields, fields=list(kind))
    if kind not in _NUMBERS and not pa.types.is_boolean(kind) and not pa.types.is_list(kind):
        return pa.array(values, kind)
    known = np.fromiter((value is not None for value in values), bool, len(values))
    validity = None if known.all() else _bits(known)
    if pa.types.is_list(kind):
        items = array([item for row in values for item in row or ()], kind.value_type)
        offsets = np.cumsum([0, *(len(row or ()) for row in values)], dtype=np.int32)
        buffers = [validity, pa.py_buffer(offsets)]
        return pa.Array.from_buffers(kind, len(values), buffers, children=[items])
    numbers = np.array([value or 0 for value in values], _NUMBERS.get(kind, bool))
    content = pa.py_buffer(numbers) if kind in _NUMBERS else _bits(numbers)
    return pa.Array.from_buffers(kind, len(values), [validity, content])


def _strings(values: Sequence[str | None]) -> pa.Array:
    builder = pa.lib.StringBuilder()
    try:
        builder.append_values(values)
    except UnicodeEncodeError:
        raw = [None if v is None else v.encode("utf-16", "surrogatepass") for v in values]
        return _strings([None if v is None else v.decode("utf-16", "replace") for v in raw])
    return builder.finish()


def _bits(flags: NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little"))
