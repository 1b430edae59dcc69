"""Arrays from buffers are those that pyarrow itself makes."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.frames.arrow import list_array, plain_array

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
VALUES = {
    pa.string(): TEXT,
    pa.bool_(): st.booleans(),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.float64(): st.floats(allow_nan=False) | st.integers(-(2**53), 2**53),
}


@pytest.mark.parametrize("kind", VALUES, ids=str)
@given(st.data())
def test_plain_types(kind: pa.DataType, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | VALUES[kind], max_size=20))
    made = plain_array(values, kind)
    made.validate(full=True)
    assert made.equals(pa.array(values, kind))


@given(st.lists(st.lists(TEXT, max_size=3), max_size=12))
def test_lists(rows: list[list[str]]) -> None:
    items: list[Any] = [item for row in rows for item in row]
    made = list_array(rows, plain_array(items, pa.string()), pa.list_(pa.string()))
    made.validate(full=True)
    assert made.equals(pa.array(rows, pa.list_(pa.string())))


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(OverflowError):
        plain_array([2**63], pa.int64())
