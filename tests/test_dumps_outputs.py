"""Which columns go to the destination, from every source to every destination."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_dumps_writers import EchoDetector, _read

from scamdetect import ScamDetector
from scamdetect.dumps import score_file
from scamdetect.errors import InputError
from scamdetect.frames import columns as output


def _source(folder: Path, extension: str) -> Path:
    path = folder / f"in.{extension}"
    rows = [{"id": 1, "text": "a", "x,y": 1.50}, {"id": 2, "text": "b", "x,y": None}]
    if extension == "parquet":
        pq.write_table(pa.Table.from_pylist(rows).replace_schema_metadata({"owner": "me"}), path)
    elif extension == "jsonl":
        path.write_text('{"id":1,"text":"a","x,y":1.50}\n{"text":"b","id":2}\n', "utf-8")
    else:
        path.write_text('id,text,"x,y"\n1,a,1.50\n2,b,\n', encoding="utf-8")
    return path


@pytest.mark.parametrize("target", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_columns_are_kept_in_the_order_given(tmp_path: Path, extension: str, target: str) -> None:
    destination = tmp_path / f"out.{target}"
    score_file(
        _source(tmp_path, extension), destination, detector=EchoDetector(), columns=["x,y", "id"]
    )
    first, second = _read(destination)
    assert list(first) == ["x,y", "id", *output.COLUMNS]
    assert [str(row["id"]) for row in (first, second)] == ["1", "2"]
    assert float(first["x,y"]) == 1.5
    assert not second.get("x,y")
    # The texts are scored all the same.
    assert [row["scamdetect_language"] for row in (first, second)] == ["a", "b"]


def test_values_stay_to_the_letter(tmp_path: Path) -> None:
    for extension in ("csv", "jsonl"):
        destination = tmp_path / f"out.{extension}"
        source = _source(tmp_path, extension)
        score_file(source, destination, detector=EchoDetector(), columns=["x,y", "text"])
    header, first, _ = (tmp_path / "out.csv").read_text("utf-8").splitlines()
    assert header.startswith('"x,y",text,scamdetect_')
    assert first.startswith("1.50,a,")
    lines = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    assert lines[0].startswith('{"x,y": 1.50, "text": "a", "scamdetect_verdict"')
    assert lines[1].startswith('{"text": "b", "scamdetect_verdict"')


def test_parquet_keeps_its_metadata_and_types(tmp_path: Path) -> None:
    source = _source(tmp_path, "parquet")
    score_file(source, tmp_path / "out.parquet", detector=EchoDetector(), columns=["id"])
    schema = pq.read_schema(tmp_path / "out.parquet")
    assert schema.metadata[b"owner"] == b"me"
    assert schema.field("id").type == pa.int64()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["id", "nothing"], r"in.csv has no column 'nothing' to keep; .*are: id, text, x,y;"),
        (["scamdetect_verdict"], "no column 'scamdetect_verdict'"),
        ([""], "no column ''"),
        ([], "no column to keep"),
        (["id", "text", "id"], "'id' twice"),
    ],
)
def test_impossible_columns_are_refused(tmp_path: Path, columns: list[str], message: str) -> None:
    source = _source(tmp_path, "csv")
    with pytest.raises(InputError, match=message):
        score_file(source, detector=EchoDetector(), columns=columns)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,a,a\nhi,1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="2 columns 'a'; rename all but one"):
        score_file(tmp_path / "in.csv", detector=EchoDetector(), columns=["a"])
    done = score_file(
        tmp_path / "in.csv", tmp_path / "out.jsonl", detector=EchoDetector(), columns=["text"]
    )
    assert list(json.loads(done.destination.read_text("utf-8")))[:2] == ["text", output.COLUMNS[0]]


@pytest.mark.parametrize("extension", ["jsonl", "json", "parquet"])
def test_a_nested_text_is_judged_in_a_column_that_is_not_kept(
    tmp_path: Path, extension: str
) -> None:
    rows = [{"id": 1, "m": {"body": "a"}}, {"id": 2, "m": None}, {"id": 3, "m": {"body": "b"}}]
    source = tmp_path / f"in.{extension}"
    if extension == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), source)
    else:
        text = json.dumps(rows) if extension == "json" else "\n".join(map(json.dumps, rows))
        source.write_text(text, encoding="utf-8")
    done = score_file(
        source,
        tmp_path / "out.jsonl",
        detector=EchoDetector(),
        text_column="m.body",
        columns=["id"],
        only_flagged=True,
    )
    found = [(row["id"], row["scamdetect_language"]) for row in _read(done.destination)]
    assert found == [(1, "a"), (3, "b")]
    with pytest.raises(InputError, match=r"no column 'm\.body' to keep; its columns are: id, m;"):
        score_file(
            source,
            tmp_path / "b.jsonl",
            detector=EchoDetector(),
            text_column="m.body",
            columns=["m.body"],
        )


def test_flagged_rows_of_any_type_of_column_are_taken(
    tmp_path: Path, detector: ScamDetector
) -> None:
    texts = pa.array(["guaranteed profit bitcoin", "hello", None], pa.string_view())
    lists = pa.array([[{"a": 1}], None, []])
    pq.write_table(pa.table({"text": texts, "files": lists}), tmp_path / "in.parquet")
    target = tmp_path / "out.parquet"
    score_file(tmp_path / "in.parquet", target, detector=detector, only_flagged=True)
    (row,) = pq.read_table(target).to_pylist()
    assert row["text"] == "guaranteed profit bitcoin" and row["files"] == [{"a": 1}]
