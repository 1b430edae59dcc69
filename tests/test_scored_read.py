"""Scored files are read back alike from every format, and other files are refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from scored_rows import scored_row, write_record, write_scored

from scamdetect.errors import InputError
from scamdetect.prediction import ALLOWED
from scamdetect.scored.read import ScoredDump, decided_otherwise, open_scored

SECRET = "call me at the harbour"
HEADER = "text,scamdetect_decision,scamdetect_scam_probability,scamdetect_kinds\n"
ROWS = [
    {"at": f"2026-01-0{n}", "text": text} | scored_row(p, kinds=kinds, language=language)
    for n, (text, p, kinds, language) in enumerate(
        [
            ("guaranteed profit", 0.95, ["investment", "crypto"], "en"),
            ('lunch, "tomorrow"?\nthanks', 0.123456, [], "en"),
            ("", None, [], None),
            ("прибыль 利润", 0.7, [], "ru"),
        ],
        1,
    )
]


def _table(dump: ScoredDump, *columns: str | None) -> pa.Table:
    return pa.concat_tables([batch.table for batch in dump.batches(*columns)])


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.csv.gz"])
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    dump = open_scored(write_scored(tmp_path / name, ROWS))
    assert dump.columns[:2] == ("at", "text") and dump.job is None
    table = _table(dump, "text", "at")
    assert table["decision"].to_pylist() == ["flag", "pass", "unscored", "review"]
    assert table["kinds"].to_pylist() == [["investment", "crypto"], [], [], []]
    assert table["language"].to_pylist() == ["en", "en", None, "ru"]
    assert table["probability"].to_pylist() == [
        None if p is None else pytest.approx(p, abs=1e-6) for p in (0.95, 0.123456, None, 0.7)
    ]
    assert set(table["schema_version"].to_pylist()) == {1}
    assert [text or "" for text in table["text"].to_pylist()] == [row["text"] for row in ROWS]
    assert table["time"].to_pylist()[0] == "2026-01-01"
    assert {"text", "time"}.isdisjoint(_table(dump).column_names)


def test_a_folder_is_read_as_one(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        write_scored(tmp_path / f"part-{number}.csv", ROWS[number % 3 :])
    (tmp_path / "_SUCCESS").write_text("", encoding="utf-8")
    texts = _table(open_scored(tmp_path), "text")["text"].to_pylist()
    assert len(texts) == 3 + 2 + 3 and texts[0] == ROWS[1]["text"]


def test_a_path_leads_into_nested_columns(tmp_path: Path) -> None:
    rows = [{"message": {"body": body, "n": 1}} | scored_row(0.5) for body in ("hi", None)]
    for name in ("a.parquet", "a.jsonl"):
        dump = open_scored(write_scored(tmp_path / name, rows))
        assert dump.has("message.body") and not dump.has("message.no")
        assert _table(dump, "message.body")["text"].to_pylist() == ["hi", None]
    with pytest.raises(InputError, match=r"no column 'no'; its columns are: message"):
        list(dump.batches(key="no"))


def test_other_delimiters_are_read(tmp_path: Path) -> None:
    text = HEADER.replace(",", ";") + "hi;flag;0.95;romance:0.91;\n".replace("91;", "91")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    table = _table(open_scored(tmp_path / "a.csv.gz"))
    assert table["decision"].to_pylist() == ["flag"]
    assert table["schema_version"].null_count == table["verdict"].null_count == 1


def test_text_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    texts = pa.array([b"caf\xe9", b"ok", None]).view(pa.string())
    columns = {"text": texts, "scamdetect_decision": ["pass"] * 3}
    table = pa.table(columns | {"scamdetect_scam_probability": [0.5] * 3})
    pq.write_table(table, tmp_path / "a.parquet")
    found = _table(open_scored(tmp_path / "a.parquet"), "text")["text"].to_pylist()
    assert found == ["caf�", "ok", None]


def test_memory_is_bounded_by_batches(tmp_path: Path) -> None:
    rows = pa.table({"scamdetect_decision": ["pass"] * 9000, "text": ["x" * 5000] * 9000})
    rows = rows.append_column("scamdetect_scam_probability", pa.array([0.5] * 9000))
    pq.write_table(rows, tmp_path / "a.parquet", use_dictionary=False)
    batches = list(open_scored(tmp_path / "a.parquet").batches("text"))
    assert sum(batch.table.num_rows for batch in batches) == 9000
    assert max(pc.sum(pc.utf8_length(b.table["text"])).as_py() for b in batches) < 12 << 20


def test_decisions_that_no_threshold_made() -> None:
    table = pa.table({"reason": [f"{ALLOWED} sender", None, "cleared"]})
    assert decided_otherwise(table).to_pylist() == [True, False, False]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "id,text\n1,hi\n", "score it first"),
        ("a.jsonl", '{"text": "hi"}\n', "scamdetect_decision"),
        ("a.csv", "text,scamdetect_decision\nhi,flag\n", "no column scamdetect_scam_probability"),
        ("a.csv", "", "the file is empty"),
        ("a.parquet", "PAR1 no more", "not a complete Parquet file"),
        ("a.xyz", "hi", "not a known format"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: str, expected: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=expected):
        open_scored(tmp_path / name)
    with pytest.raises(InputError, match=r"none\.csv"):
        open_scored(tmp_path / "none.csv")


@pytest.mark.parametrize(
    "cells", [f"{SECRET},0.5,", f"flag,{SECRET},", f"flag,0.5\n{SECRET}", ",,"]
)
def test_rows_that_score_does_not_write_are_named_without_their_text(
    tmp_path: Path, cells: str
) -> None:
    (tmp_path / "a.csv").write_text(f"{HEADER}ok,pass,0.1,\n{SECRET},{cells}\n", "utf-8")
    with pytest.raises(InputError, match="score again") as error:
        list(open_scored(tmp_path / "a.csv").batches("text"))
    assert SECRET not in str(error.value) and error.value.__cause__ is None


def test_a_job_that_wrote_only_flagged_rows_is_not_enough(tmp_path: Path) -> None:
    path = write_scored(tmp_path / "a.csv", ROWS[:1])
    write_record(path, 9, written=1, text_column="at")
    assert open_scored(path).text_column == "at"
    with pytest.raises(InputError, match="only flagged rows, but groups need all"):
        open_scored(path, all_rows="groups")


def test_a_file_that_changed_since_it_was_scored_is_refused(tmp_path: Path) -> None:
    path = write_scored(tmp_path / "a.csv", ROWS[:3])
    write_record(path, 4)
    with pytest.raises(InputError, match="has 3 rows instead of 4"):
        list(open_scored(path).rows({"by": "at"}))
