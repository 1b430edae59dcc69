"""JSON, compressed files and nested columns on the real command line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from command_line import score


def test_json_array_is_scored(tmp_path: Path, tiny_bundle: Path) -> None:
    rows = [{"id": 1, "text": "guaranteed profit"}, {"id": 2, "text": "lunch"}, {"id": 3}, 4]
    (tmp_path / "a.json").write_text(json.dumps(rows, indent=2), encoding="utf-8")
    done = score(tmp_path, "a.json", "--model", tiny_bundle)
    assert done.returncode == 0, done.stderr
    assert "flagged 1, review 0, passed 1, unscored 1, rejected 1" in done.stderr
    found = pq.read_table(tmp_path / "a.scored.parquet")
    assert found.column("id").to_pylist() == [1, 2, 3]
    done = score(tmp_path, "a.json", "-o", "b.jsonl", "--model", tiny_bundle)
    assert done.returncode == 0, done.stderr
    first = (tmp_path / "b.jsonl").read_text("utf-8").splitlines()[0]
    assert first.startswith('{"id": 1,"text": "guaranteed profit", "scamdetect_verdict": "scam"')


@pytest.mark.parametrize("content", ["<html>my-secret-words", '{"body": "my-secret-words"}'])
def test_other_json_is_one_line_and_exit_code_2(
    tmp_path: Path, tiny_bundle: Path, content: str
) -> None:
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    done = score(tmp_path, "a.json", "--model", tiny_bundle)
    assert done.returncode == 2
    assert done.stderr.startswith("scamdetect: a.json")
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_compressed_csv_is_scored(tmp_path: Path, tiny_bundle: Path) -> None:
    content = gzip.compress(b"id,text\n1,guaranteed profit\n2,lunch\n")
    (tmp_path / "a.csv.gz").write_bytes(content)
    done = score(tmp_path, "a.csv.gz", "--model", tiny_bundle)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "a.scored.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[:4] for line in lines[1:]] == [
        ["1", "guaranteed profit", "scam", "flag"], ["2", "lunch", "legit", "pass"],
    ]  # fmt: skip
    (tmp_path / "b.csv.gz").write_bytes(content[:-4])
    done = score(tmp_path, "b.csv.gz", "--model", tiny_bundle)
    assert done.returncode == 2
    assert done.stderr.startswith("scamdetect: b.csv.gz: gzip data is cut off or damaged")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "b.scored.csv").exists()


def test_nested_column_is_judged(tmp_path: Path, tiny_bundle: Path) -> None:
    lines = ['{"message": {"body": "guaranteed profit", "n": 1.50}}', '{"message": null}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    done = score(tmp_path, "a.jsonl", "--text-column", "message.body", "--model", tiny_bundle)
    assert done.returncode == 0, done.stderr
    assert "flagged 1, review 0, passed 0, unscored 1, rejected 0" in done.stderr
    found = (tmp_path / "a.scored.jsonl").read_text("utf-8").splitlines()
    assert [line[: len(old) - 1] + "}" for line, old in zip(found, lines, strict=True)] == lines
    (tmp_path / "a.scored.jsonl").unlink()
    done = score(tmp_path, "a.jsonl", "--text-column", "message.text", "--model", tiny_bundle)
    assert done.returncode == 2
    assert "its columns are: message, message.body, message.n; name another" in done.stderr
