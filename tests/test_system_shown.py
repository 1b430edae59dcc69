"""Errors show names of columns, and no message that is where a name should be."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import command, score
from hypothesis import given
from hypothesis import strategies as st

from scamdetect import ScamDetector
from scamdetect.errors import InputError
from scamdetect.system.shown import missing_column, shown, shown_names

HEADERS = [
    ["id", "body"], ["Message Body", "Date Sent", "x"], ["userId", "sentAt"], ["phone_number"],
    ["Nachricht", "Datum"], ["сообщение", "дата"], ["内容", "时间"], ["id;text"],
    ["text1", "text2"],
]  # fmt: skip
RECORDS = [
    ["Mum lost phone", "send cash"], ["Hello Mum"], ["hi", "ok"], ["1", "see you"],
    ["Anna", "hello"],
    ["+49 170 1234567", "call me"], ["https://a.example/x", "look"], ["482911"], ["SEND CASH NOW"],
    ["明天见", "好"], ["พรุ่งนี้เจอกันนะ"], ["anna@mail.example"], ["2026-05-01", "hello"],
]  # fmt: skip


@pytest.mark.parametrize("names", HEADERS)
def test_headers_are_shown(names: list[str]) -> None:
    found = str(missing_column("a.csv", "'y'", names, first_line=True, cure="z"))
    assert found == f"a.csv has no column 'y'; its columns are: {', '.join(names)}; z"


@pytest.mark.parametrize("names", RECORDS)
def test_records_are_not_shown(names: list[str]) -> None:
    found = str(missing_column("a.csv", "'y'", names, first_line=True, cure="z"))
    assert found == (
        "a.csv has no column 'y', and its first line does not look like a header; add a line with "
        "the column names, or z"
    )
    assert shown_names(names, first_line=True) == [f"({len(name)} characters)" for name in names]


def test_messages_in_a_line_that_looks_like_a_header_are_not_shown() -> None:
    names = ["id", "text", "send cash", "Sentiment", "Mum lost phone"]
    assert shown_names(names, first_line=True) == [
        "id", "text", "(9 characters)", "(9 characters)", "(14 characters)",
    ]  # fmt: skip
    assert shown_names(["id", "text", "Sentiment"], first_line=True)[-1] == "Sentiment"


@pytest.mark.parametrize(
    "name",
    ["n" * 41, "four words are many", "pay now!", "https://a.example", "a@b.example", "482911",
     "+49 170 12", "明天中午一起吃饭吗还是老地方呢", "👋 hi"],
)  # fmt: skip
def test_names_that_may_be_messages_are_told_by_their_size(name: str) -> None:
    assert shown(name) == f"({len(name)} characters)"
    assert shown_names(["id", name], first_line=False) == ["id", f"({len(name)} characters)"]


@given(st.lists(st.sampled_from(["lunch", "tomorrow", "cash", "Anna", "ok", "urgent"]), min_size=2))
def test_no_line_of_several_words_is_shown(words: list[str]) -> None:
    text = " ".join(words)
    assert text not in str(missing_column("f", "'y'", ["id", text], first_line=True, cure="z"))


def test_no_command_tells_a_message_of_a_file_without_a_header(
    tmp_path: Path, tiny_bundle: Path, detector: ScamDetector
) -> None:
    lines = ["Mum lost phone,send cash", "hello,ok", ""]
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "a.tsv").write_text("\n".join(lines).replace(",", "\t"), encoding="utf-8")
    folder = tmp_path / "many"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    (folder / "c.csv").write_text("text,hello\nok,ok\n", encoding="utf-8")
    text = ("--text-column", "send cash")  # as whoever knows it may give it
    for arguments in (
        ("score", "a.csv"), ("score", "a.tsv"), ("score", "many"),
        ("score", "a.csv", *text, "--columns", "x"),
        ("report", "a.csv"), ("drift", "a.csv", "a.csv"), ("queue", "a.csv"), ("labels", "a.csv"),
        ("calibrate", tiny_bundle, "--data", "a.csv", "--label-column", "label", "-o", "b",
         "--fpr", "0.1"),
    ):  # fmt: skip
        done = command(tmp_path, *arguments)
        assert done.returncode == 2, arguments
        assert "Mum" not in done.stderr, arguments
        assert "send cash" not in done.stderr, arguments
        assert "does not look like a header" in done.stderr, (arguments, done.stderr)
    assert score(tmp_path, "a.csv", *text, "--model", tiny_bundle).returncode == 0
    for arguments in (
        ("groups", "a.scored.csv", "--by", "sender"),
        ("groups", "a.scored.csv", "--by", "sender", "--source", "a.csv"),
        ("threads", "a.scored.csv", "--thread-column", "x", "--model", str(tiny_bundle)),
    ):
        done = command(tmp_path, *arguments)
        assert done.returncode == 2, arguments
        assert "Mum" not in done.stderr and "send cash" not in done.stderr, arguments
        assert "does not look like a header" in done.stderr, (arguments, done.stderr)
    done = score(tmp_path, "a.csv", "--allow-list", "a.csv")
    assert "Mum" not in done.stderr
    (tmp_path / "b.csv").write_text("send cash,send cash,text\na,b,c\n", encoding="utf-8")
    done = score(tmp_path, "b.csv", "-o", "b.jsonl", "--model", tiny_bundle)
    assert "several columns named (9 characters)" in done.stderr


def test_tables_and_keys(tmp_path: Path, detector: ScamDetector) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"Mum lost phone": ["a"], "send cash": ["b"]})
    with pytest.raises(InputError, match="does not look like a header"):
        detector.score_table(frame)
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"please call me back now": 1, "n": 2}) + "\n", encoding="utf-8")
    done = score(tmp_path, "a.jsonl")
    assert "its columns are: (23 characters), n;" in done.stderr
    pq.write_table(pa.table({"please call me back now": ["a"]}), tmp_path / "a.parquet")
    done = score(tmp_path, "a.parquet")
    assert "its columns are: (23 characters);" in done.stderr
