"""Text in nested columns: found by a dotted path, while the columns stay as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect.dumps.batches import Dump
from scamdetect.dumps.open import open_dump
from scamdetect.errors import InputError

ROWS: list[dict[str, Any]] = [
    {"id": 1, "message": {"body": "a", "from": {"name": "Ann"}}},
    {"id": 2, "message": {"body": None, "from": None}},
    {"id": 3, "message": None},
    {"id": 4, "message": {"body": "b", "from": {"name": "Ben"}}},
]
EXTENSIONS = ("jsonl", "json", "parquet")


def _write(folder: Path, extension: str, rows: list[dict[str, Any]]) -> Path:
    path = folder / f"a.{extension}"
    if extension == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif extension == "json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    else:
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def _texts(dump: Dump) -> list[Any]:
    return [text for batch in dump.batches() for text in batch.rows.texts()]


def _objects(dump: Dump) -> list[dict[str, Any]]:
    return [json.loads(text) for batch in dump.batches() for text in batch.rows.objects()]


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_the_text_at_a_path(tmp_path: Path, extension: str) -> None:
    path = _write(tmp_path, extension, ROWS)
    dump = open_dump(path, text_column="message.body")
    assert _texts(dump) == ["a", None, None, "b"]
    assert _objects(dump) == ROWS
    assert dump.columns == ("id", "message")
    assert _texts(open_dump(path, text_column="message.from.name")) == ["Ann", None, None, "Ben"]


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_columns_own_name_wins(tmp_path: Path, extension: str) -> None:
    rows = [{"message": {"body": "nested"}, "message.body": "plain"}]
    assert _texts(open_dump(_write(tmp_path, extension, rows), text_column="message.body")) == [
        "plain"
    ]


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize(
    "name", ["message.text", "body", "message.body.x", "message.", ".", "messages.0"]
)
def test_a_missing_path_lists_what_there_is(tmp_path: Path, extension: str, name: str) -> None:
    with pytest.raises(InputError) as error:
        open_dump(_write(tmp_path, extension, ROWS), text_column=name)
    assert (
        f"a.{extension} has no column {name!r}; its columns are: id, message, message.body, "
        in (str(error.value))
    )
    assert "message.from, message.from.name;" in str(error.value)


def test_paths_that_occur_late_or_among_many(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"by": {f"user{n}": {"x": 1}}} for n in range(3000)]
    rows.append({"by": {"last": {"text": "a"}}})
    path = _write(tmp_path, "jsonl", rows)
    assert _texts(open_dump(path, text_column="by.last.text"))[-2:] == [None, "a"]
    with pytest.raises(InputError) as error:
        open_dump(path)
    assert len(str(error.value)) < 3000


def test_rows_of_other_forms_have_no_text(tmp_path: Path) -> None:
    rows = [{"m": {"body": "a"}}, {"m": "b"}, {"m": [{"body": "c"}]}, {"m": {}}, {"m": {"body": 5}}]
    dump = open_dump(_write(tmp_path, "jsonl", rows), text_column="m.body")
    assert _texts(dump) == ["a", None, None, None, 5]
    assert _objects(dump) == rows


def test_parquet_columns_that_cannot_be_judged(tmp_path: Path) -> None:
    rows = [{"m": {"n": 5, "in": {"x": "a"}}, "scamdetect_kinds": {"x": "a"}}]
    path = _write(tmp_path, "parquet", rows)
    for name, message in [
        ("m.n", "column 'm.n' holds int64, not text"),
        ("m.in", "column 'm.in' holds struct<x: string>, not text"),
        ("scamdetect_kinds.x", "is an output column"),
    ]:
        with pytest.raises(InputError, match=message):
            open_dump(path, text_column=name, overwrite_columns=True)


def test_parquet_keeps_its_structs_and_dictionaries(tmp_path: Path) -> None:
    body = pa.array(["a", "b", "a"]).dictionary_encode()
    column = pa.StructArray.from_arrays([body], names=["body"], mask=pa.array([False, True, False]))
    table = pa.table({"message": column})
    pq.write_table(table, tmp_path / "a.parquet")
    dump = open_dump(tmp_path / "a.parquet", text_column="message.body")
    assert _texts(dump) == ["a", None, "a"]
    assert dump.schema.equals(pq.read_schema(tmp_path / "a.parquet"))
    assert next(dump.batches()).rows.table().equals(pq.read_table(tmp_path / "a.parquet"))


def test_csv_knows_plain_names_alone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("message.body,message\na,b\n", encoding="utf-8")
    assert _texts(open_dump(tmp_path / "a.csv", text_column="message.body")) == ["a"]
    with pytest.raises(InputError, match="no column 'message.text'"):
        open_dump(tmp_path / "a.csv", text_column="message.text")


_KEYS = st.text(alphabet="ab é", min_size=1, max_size=2)


@given(
    st.dictionaries(
        _KEYS,
        st.recursive(
            st.text(max_size=3), lambda x: st.dictionaries(_KEYS, x, max_size=3), max_leaves=6
        ),
        min_size=1,
        max_size=3,
    )
)
@settings(max_examples=40, deadline=None)
def test_every_text_is_found_at_its_path(
    tmp_path_factory: pytest.TempPathFactory, row: dict[str, Any]
) -> None:
    path = _write(tmp_path_factory.mktemp("nested"), "jsonl", [row])
    for name, text in _leaves(row):
        dump = open_dump(path, text_column=name)
        assert _texts(dump) == [text]
        assert _objects(dump) == [row]


def _leaves(value: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, item in value.items():
        if isinstance(item, dict):
            yield from _leaves(item, f"{above}{name}.")
        else:
            yield f"{above}{name}", item
