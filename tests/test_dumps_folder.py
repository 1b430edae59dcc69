"""Folders, globs and Hive partitions as one dump."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sum_detector import SumDetector

from scamdetect.dumps.batch import Dump
from scamdetect.dumps.score import ScoreOptions, score_file
from scamdetect.dumps.source import find_source, open_dump
from scamdetect.errors import InputError


def write(folder: Path, **files: str) -> None:
    """Write files by name; a double underscore is a slash, ``_dot_`` a dot."""
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def rows(dump: Dump) -> list[dict[str, Any]]:
    """Return all rows of a dump."""
    return [row for batch in dump.batches() for row in batch.table.to_pylist()]


def names(source: str | Path) -> list[str]:
    """Return the names of the files of a source."""
    return [file.name for file in find_source(source).files]


def test_files_are_sorted_by_their_numbers_and_hidden_ones_skipped(tmp_path: Path) -> None:
    write(tmp_path, x10_dot_csv="a\n", x9_dot_csv="a\n", sub__b_dot_csv="a\n")
    write(tmp_path, _SUCCESS="", _dot_hidden="", _tmp__c_dot_csv="a\n", sub___chat_dot_txt="a\n")
    assert names(tmp_path) == ["sub/_chat.txt", "sub/b.csv", "x9.csv", "x10.csv"]
    assert names(f"{tmp_path}/*.csv") == ["x9.csv", "x10.csv"]
    assert names(f"{tmp_path}/**/b.*") == ["sub/b.csv"]
    assert names(f"{tmp_path}/s*") == ["sub/_chat.txt", "sub/b.csv"]
    with pytest.raises(InputError, match="no file found"):
        find_source(f"{tmp_path}/*.parquet")
    (tmp_path / "odd[1].csv").write_text("text\na\n")
    assert names(tmp_path / "odd[1].csv") == ["odd[1].csv"]


def test_links_to_folders_are_followed_but_no_circle(tmp_path: Path) -> None:
    write(tmp_path, data__a_dot_csv="text\na\n", other__b_dot_csv="text\nb\n")
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "other")
    (tmp_path / "other" / "back").symlink_to(tmp_path / "data")
    assert names(tmp_path / "data") == ["a.csv", "linked/b.csv"]


def test_columns_of_all_files_and_their_names(tmp_path: Path) -> None:
    write(tmp_path, a_dot_csv="text,x\na,1\n", b_dot_csv="y;text\n2;b\n", empty_dot_csv="")
    dump = open_dump(tmp_path)
    assert rows(dump) == [
        {"text": "a", "x": "1", "y": None, "scamdetect_file": "a.csv"},
        {"text": "b", "x": None, "y": "2", "scamdetect_file": "b.csv"},
    ]
    assert dump.notes[0] == "2 files read"
    assert "the file is empty and skipped (1 of 3 files)" in dump.notes


def test_hive_partitions_are_columns(tmp_path: Path) -> None:
    for folder in ("day=1/kind=a%20b", "day=2/kind=__HIVE_DEFAULT_PARTITION__"):
        path = tmp_path / folder / "part.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({"text": ["x"]}), path)
    dump = open_dump(tmp_path)
    assert dump.schema.field("day").type == pa.int64()
    assert [(row["day"], row["kind"]) for row in rows(dump)] == [(1, "a b"), (2, None)]


def test_types_are_unified_or_refused(tmp_path: Path) -> None:
    kinds = {"a": pa.int32(), "b": pa.float64(), "c": pa.string()}
    for name, kind in kinds.items():
        table = pa.table({"text": ["x"], "n": pa.array([1]).cast(kind)})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    with pytest.raises(InputError, match=r"c.parquet: column 'n' holds string, but double"):
        open_dump(tmp_path)
    (tmp_path / "c.parquet").unlink()
    assert [row["n"] for row in rows(open_dump(tmp_path))] == [1.0, 1.0]


def test_json_values_of_other_types_become_json_text(tmp_path: Path) -> None:
    write(tmp_path, a_dot_jsonl='{"text":"a","v":1}\nbad\n', b_dot_jsonl='{"text":"b","v":"s"}\n')
    dump = open_dump(tmp_path)
    assert [row["v"] for row in rows(dump)] == ["1", '"s"']
    (reject,) = [reject for batch in dump.batches() for reject in batch.rejects]
    assert (reject.file, reject.line) == ("a.jsonl", 2)


def test_other_formats_in_the_folder_are_refused(tmp_path: Path) -> None:
    write(tmp_path, a_dot_csv="text\na\n", b_dot_jsonl='{"text":"b"}\n')
    with pytest.raises(InputError, match=r"several formats: csv \(a.csv\), jsonl \(b.jsonl\)"):
        open_dump(tmp_path)
    write(tmp_path / "none", a_dot_csv="", b_dot_csv="")
    with pytest.raises(InputError, match="all its files are empty"):
        open_dump(tmp_path / "none")


def test_a_folder_becomes_one_parquet_next_to_it(tmp_path: Path) -> None:
    for number in range(30):
        write(tmp_path / "data", **{f"x{number}_dot_csv": f"text\nmessage {number}\n"})
    detector = SumDetector()
    options = ScoreOptions(columns=["text"])
    summary = score_file(tmp_path / "data", detector=detector, options=options)
    assert summary.destination == tmp_path / "data.scored.parquet"
    table = pq.read_table(summary.destination)
    assert table.column("text").to_pylist() == [f"message {number}" for number in range(30)]
    assert table.column("scamdetect_file")[9].as_py() == "x9.csv"
