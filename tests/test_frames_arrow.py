from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any

import pyarrow as pa
import pytest

from scamdetect.frames.arrow import cell_texts, encodable, json_values

NOON = datetime.datetime(2026, 1, 2, 12)
BAD_TEXT = pa.array([b"a\xff"]).view(pa.string())
CASES: list[tuple[pa.Array, Any, str | None]] = [
    (pa.array(["a"]), "a", "a"),
    (pa.array([None], pa.int8()), None, None),
    (pa.array([7]), 7, "7"),
    (pa.array([True]), True, "true"),
    (pa.array([1.5]), 1.5, "1.5"),
    (pa.array([float("nan")]), None, "nan"),
    (pa.array([NOON]).cast(pa.timestamp("ns")), "2026-01-02 12:00:00.000000000", None),
    (pa.array([NOON.date()]), "2026-01-02", "2026-01-02"),
    (pa.array([decimal.Decimal("1.50")]), "1.50", "1.50"),
    (pa.array([b"xy"]), "eHk=", "eHk="),
    (pa.array([[1, None]]), [1, None], "[1, null]"),
    (pa.array([{"a": [NOON]}]), {"a": ["2026-01-02 12:00:00"]}, '{"a": ["2026-01-02 12:00:00"]}'),
    (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), [["k", 1]], '[["k", 1]]'),
    (pa.array(["x"]).dictionary_encode(), "x", "x"),
    (pa.array([uuid.UUID(int=1).bytes], pa.uuid()), str(uuid.UUID(int=1)), str(uuid.UUID(int=1))),
    (BAD_TEXT, "a\\xff", "a\\xff"),
]


@pytest.mark.parametrize(("array", "value", "text"), CASES, ids=lambda case: str(case)[:20])
def test_values_of_any_type(array: pa.Array, value: object, text: str | None) -> None:
    column = pa.chunked_array([array])
    assert json_values(column) == [value]
    assert cell_texts(column) == [text or value]


def test_lone_surrogates_become_escapes() -> None:
    assert encodable("a\ud83d") == "a\\ud83d"
