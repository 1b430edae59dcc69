"""Tables in, the same kind of table out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from scamdetect import ScamDetector
from scamdetect.errors import InputError
from scamdetect.frames.columns import COLUMNS, SCHEMA, record
from scamdetect.frames.tables import texts_of

DATA = {"id": [3, 1, 2], "text": ["Guaranteed profit bitcoin", None, "hello lunch"]}
TABLE = pa.table(DATA).replace_schema_metadata({"origin": "here"})


def expected(detector: ScamDetector) -> list[dict[str, Any]]:
    return [record(prediction) for prediction in detector.predict(DATA["text"])]


def test_an_arrow_table_keeps_its_columns(detector: ScamDetector) -> None:
    scored = detector.score_table(TABLE)
    assert scored.column_names == ["id", "text", *COLUMNS]
    assert scored.select(["id", "text"]).equals(TABLE)
    assert scored.schema.metadata[b"origin"] == b"here"
    assert scored.schema.field("scamdetect_kinds").type == SCHEMA.field("scamdetect_kinds").type
    decisions = [row["scamdetect_decision"] for row in expected(detector)]
    assert scored["scamdetect_decision"].to_pylist() == decisions == ["flag", "unscored", "pass"]


def test_a_record_batch_comes_back_as_one(detector: ScamDetector) -> None:
    scored = detector.score_table(TABLE.to_batches()[0])
    assert isinstance(scored, pa.RecordBatch)
    assert pa.Table.from_batches([scored]).equals(detector.score_table(TABLE).combine_chunks())


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_any_string_type_is_read(detector: ScamDetector, kind: pa.DataType) -> None:
    table = pa.table({"text": pa.array(DATA["text"], pa.string()).cast(kind)})
    scored = detector.score_table(table)
    assert scored["scamdetect_verdict"].to_pylist() == ["scam", None, "legit"]


def test_many_chunks_keep_their_order(detector: ScamDetector) -> None:
    texts = [f"profit {n}" if n % 3 else None for n in range(3000)]
    table = pa.table({"text": pa.chunked_array([texts[:10], [], texts[10:]], pa.string())})
    verdicts = detector.score_table(table)["scamdetect_verdict"].to_pylist()
    assert verdicts == ["scam" if n % 3 else None for n in range(3000)]


@pytest.mark.parametrize("table", [TABLE.slice(0, 0), TABLE.slice(0, 0).to_pandas()])
def test_an_empty_table_gets_typed_columns(detector: ScamDetector, table: object) -> None:
    scored = detector.score_table(table)
    assert type(scored) is type(table) and len(scored) == 0
    assert list(getattr(scored, "column_names", scored.columns)) == ["id", "text", *COLUMNS]


def test_a_pandas_frame_keeps_index_types_and_odd_columns(detector: ScamDetector) -> None:
    frame = pd.DataFrame({**DATA, "odd": [object(), 1, "x"]}, index=[7, 7, 9])
    before = frame.copy()
    scored = detector.score_table(frame)
    assert isinstance(scored, pd.DataFrame)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(scored[list(frame.columns)], frame)
    assert list(scored.columns) == [*frame.columns, *COLUMNS]
    rows = expected(detector)
    assert scored["scamdetect_kinds"].map(len).tolist() == [2, 0, 0]
    assert scored["scamdetect_kinds"].iloc[0][0]["kind"] == rows[0]["scamdetect_kinds"][0]["kind"]
    assert scored["scamdetect_n_windows"].tolist() == [1, 0, 1]
    assert scored["scamdetect_verdict"].isna().tolist() == [False, True, False]


def test_a_polars_frame_comes_back_as_one(detector: ScamDetector) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(DATA)
    scored = detector.score_table(frame)
    assert isinstance(scored, polars.DataFrame)
    assert scored.columns == ["id", "text", *COLUMNS] and scored.select("id", "text").equals(frame)
    assert scored["scamdetect_verdict"].to_list() == ["scam", None, "legit"]
    assert scored["scamdetect_kinds"].list.len().to_list() == [2, 0, 0]
    again = detector.score_table(scored, overwrite_columns=True)
    assert again.equals(scored)


class Capsule:
    """A table of a library that is not known by name."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return TABLE.__arrow_c_stream__(requested_schema)


def test_any_arrow_stream_is_read(detector: ScamDetector) -> None:
    assert detector.score_table(Capsule()).equals(detector.score_table(TABLE))


@pytest.mark.parametrize(
    "make", [lambda t: t, lambda t: t.to_pandas(), lambda t: t.to_batches()[0]]
)
def test_output_columns_are_replaced_only_on_purpose(
    detector: ScamDetector, make: Callable[[pa.Table], object]
) -> None:
    scored = make(detector.score_table(TABLE))
    with pytest.raises(InputError, match="already has the columns scamdetect_verdict"):
        detector.score_table(scored)
    again = detector.with_thresholds(flag=1.0).score_table(scored, overwrite_columns=True)
    assert list(again.schema.names if hasattr(again, "schema") else again.columns) == [
        "id",
        "text",
        *COLUMNS,
    ]
    assert list(map(str, again["scamdetect_decision"])) == ["review", "unscored", "pass"]


@pytest.mark.parametrize("table", [TABLE, TABLE.to_pandas(), TABLE.to_batches()[0]])
def test_a_wrong_column_name_lists_the_columns(detector: ScamDetector, table: object) -> None:
    with pytest.raises(InputError, match="no column 'body'; its columns are: id, text"):
        detector.score_table(table, text_column="body")


@pytest.mark.parametrize(
    "value",
    [
        ["profit"],
        {"text": ["profit"]},
        "profit",
        None,
        pd.Series(["profit"]),
        pa.chunked_array([["profit"]]),
        pa.array(["profit"]),
    ],
)
def test_what_is_no_table_is_refused(detector: ScamDetector, value: object) -> None:
    with pytest.raises(InputError, match="as a table"):
        detector.score_table(value)


def test_columns_of_one_name_are_kept_in_their_places(detector: ScamDetector) -> None:
    table = pa.Table.from_arrays([pa.array([n]) for n in (1, "profit", 2)], ["a", "text", "a"])
    again = detector.score_table(detector.score_table(table), overwrite_columns=True)
    assert again.column_names == ["a", "text", "a", *COLUMNS]
    assert (again.column(0).to_pylist(), again.column(2).to_pylist()) == ([1], [2])


def test_numbers_for_text_are_unscored(detector: ScamDetector) -> None:
    scored = detector.score_table(TABLE, text_column="id")
    assert set(scored["scamdetect_reason"].to_pylist()) == {"not text: int"}


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_strings_that_are_not_utf8_come_as_bytes(kind: pa.DataType) -> None:
    raw = pa.binary() if kind == pa.string() else pa.large_binary()
    column = pa.array([b"profit", b"\xff\xfe", None], raw)
    broken = pa.Array.from_buffers(kind, 3, column.buffers())
    assert list(texts_of(broken)) == ["profit", b"\xff\xfe", None]
