"""Convert Arrow columns of any type to plain JSON values or to texts."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


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
