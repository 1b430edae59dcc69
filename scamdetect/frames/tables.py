"""Append the ``scamdetect_*`` columns to a table of any type, and check inputs of texts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeGuard, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.errors import InputError, TextsError
from scamdetect.frames.columns import SCHEMA, check_columns, columns
from scamdetect.prediction import Prediction

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)

Stream = Callable[[Iterable[object]], Iterator[Prediction]]

_ROWS = 1024


def append(table: Any, text_column: str, stream: Stream, *, overwrite_columns: bool) -> Any:  # noqa: ANN401
    """Return the table with its rows and columns in order, followed by the output columns.

    Accepts a pyarrow Table or RecordBatch, a pandas or polars DataFrame, or any object with an
    Arrow C stream (which returns a pyarrow Table). Raises InputError as ``check_columns`` does and
    for any other object.
    """
    if isinstance(table, pa.Table | pa.RecordBatch):
        return _append_arrow(table, text_column, stream, overwrite_columns)
    if _is_frame(table, "pandas"):
        return _append_pandas(table, text_column, stream, overwrite_columns)
    if _is_frame(table, "polars"):
        return _append_polars(table, text_column, stream, overwrite_columns)
    if hasattr(table, "__arrow_c_stream__"):
        try:
            whole = pa.RecordBatchReader.from_stream(table).read_all()
        except pa.ArrowInvalid as problem:  # the stream of a single column, such as a series
            raise _no_table(table) from problem
        return _append_arrow(whole, text_column, stream, overwrite_columns)
    raise _no_table(table)


def texts_of(column: pa.Array | pa.ChunkedArray) -> Iterator[object]:
    """Yield a column's values slice by slice; strings that are not UTF-8 become bytes."""
    for start in range(0, len(column), _ROWS):
        part = column.slice(start, _ROWS)
        try:
            yield from part.to_pylist()
        except UnicodeDecodeError:
            large = pa.types.is_large_string(part.type)
            raw = part.cast(pa.large_binary() if large else pa.binary())
            yield from (None if value is None else _decoded(value) for value in raw.to_pylist())


def _append_arrow(
    table: pa.Table | pa.RecordBatch, text_column: str, stream: Stream, overwrite: bool
) -> pa.Table | pa.RecordBatch:
    names = table.schema.names
    kept = check_columns(names, text_column, overwrite=overwrite, where="the table")
    new = _columns(stream(texts_of(table.column(text_column))))
    table = table.select([place for place, name in enumerate(names) if name in kept])
    for name, column in new.items():
        whole = column.combine_chunks() if isinstance(table, pa.RecordBatch) else column
        table = table.append_column(SCHEMA.field(name), whole)
    return table


def _append_pandas(frame: Any, text_column: str, stream: Stream, overwrite: bool) -> Any:  # noqa: ANN401
    kept = check_columns(
        list(frame.columns), text_column, overwrite=overwrite, where="the frame", first_line=True
    )
    new = _columns(stream(iter(frame[text_column])))
    series = {name: column.to_pandas().set_axis(frame.index) for name, column in new.items()}
    nested = new["scamdetect_kinds"].to_pylist()
    series["scamdetect_kinds"] = type(frame[text_column])(nested, index=frame.index, dtype=object)
    return frame.loc[:, frame.columns.isin(kept)].assign(**series)


def _append_polars(frame: Any, text_column: str, stream: Stream, overwrite: bool) -> Any:  # noqa: ANN401
    kept = check_columns(
        frame.columns, text_column, overwrite=overwrite, where="the frame", first_line=True
    )
    new = _columns(stream(iter(frame.get_column(text_column))))
    appended = sys.modules["polars"].from_arrow(pa.table(new))
    return frame.select(kept).hstack(appended.get_columns())


def _columns(predictions: Iterator[Prediction]) -> dict[str, pa.ChunkedArray]:
    parts = [columns(part) for part in chunked(predictions, _ROWS)]
    return {
        field.name: pa.chunked_array([part[field.name] for part in parts], field.type)
        for field in SCHEMA
    }


def _no_table(value: object) -> InputError:
    return InputError(
        f"cannot score a {type(value).__name__} as a table; pass a pyarrow Table or RecordBatch, "
        "a pandas or polars DataFrame, or call predict on a list"
    )


def _is_frame(table: object, module: str) -> bool:
    # A frame exists only if its library is loaded, so nothing needs to be imported.
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(table, loaded.DataFrame)


def _decoded(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def chunked(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of up to ``size`` items; never read beyond the current list."""
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk


def fold_duplicates(items: Sequence[H]) -> tuple[list[H], NDArray[np.intp]]:
    """Return the distinct items in order of appearance and the index of each item among them."""
    places: dict[H, int] = {}
    inverse = [places.setdefault(item, len(places)) for item in items]
    return list(places), np.asarray(inverse, dtype=np.intp)


_ONE = (str, bytes, bytearray, memoryview, Mapping)


def is_several(value: object) -> TypeGuard[Iterable[object]]:
    """Return True if an object yields several texts, or whatever is expected.

    Raises TextsError for an array or tensor without dimensions, which is neither one nor several.
    """
    # A frame or table would yield its column names or columns as texts.
    if not isinstance(value, Iterable) or isinstance(value, _ONE) or hasattr(value, "columns"):
        return False
    if getattr(value, "ndim", None) == 0:
        raise TextsError(
            f"got a {type(value).__name__} without a dimension, which is neither one text nor "
            "several; pass .item() or a list"
        )
    return True


def check_several(
    value: object, wanted: str = "several texts", cure: str = "pass a list: [text]"
) -> None:
    """Raise TextsError unless the value holds several of the expected items."""
    if not is_several(value):
        raise TextsError(f"expected {wanted}, got one {type(value).__name__}; {cure}")
