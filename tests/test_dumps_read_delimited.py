"""The delimiter of CSV files: told by their records, or given."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from command_line import score
from hypothesis import given
from hypothesis import strategies as st
from test_dumps_resume import CountingDetector
from test_dumps_writers import EchoDetector

from scamdetect import ScamDetector
from scamdetect.dumps import score_file
from scamdetect.dumps.open import open_dump
from scamdetect.dumps.read_delimited import given_delimiter, open_delimited
from scamdetect.errors import InputError


def _write(folder: Path, content: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("id,text\n1,hello\n", ","),
        ("id;text\n1;hello\n", ";"),
        ("id\ttext\n1\thello\n", "\t"),
        ("id|text\n1|hello\n", "|"),
        ("id;text\n", ";"),
        ("text\nhello\n", ","),
        ("text\nhello; you; there\na;b;c\n", ","),
        ("text\nhello, you\na, b\n", ","),
        ("id,text\n1,a; b; c\n2,d; e; f\n", ","),
        ("id,text;note\n1,a;b\n2,c;d\n", ","),
        ("id;amount;text\n1;3,50;hi\n2;4,25;ho\n", ";"),
        ("id;amount;text\n1;3,50;one, two\n2;4,25;ho\n3;1;ho\n", ";"),
        ('id;text\n1;"a;b\nc, d"\n2;"e, f"\n', ";"),
        ('"id";"name, first";"text"\n1;"Doe, J";hi\n2;"Roe, K";ho\n', ";"),
        ("id|text\n1|a;b\n2|c;d\n", "|"),
        ("id,text\n1,a\n2\n3,b,c\n", ","),
        ("a;b\nfree text\nmore free text\n", ","),
        ("sep=;\r\nid;text\r\n1;hi\r\n", ";"),
        ('"sep=|"\nid|text\n1|a,b\n', "|"),
    ],
)
def test_delimiter_is_told(tmp_path: Path, content: str, expected: str) -> None:
    column = "a;b" if content.startswith("a;b") else "text"
    column = "text;note" if "text;note" in content else column
    dump = open_dump(_write(tmp_path, content), text_column=column)
    assert dump.delimiter == expected
    assert bool(dump.notes) == (expected != ",")
    assert dump.columns[-1] == column
    if expected != ",":
        assert dump.notes[0].startswith("cells are separated by ")
        assert dump.notes[0].endswith("--delimiter overrides")


_CELLS = st.text(alphabet='ab1 ,;|\t"\n', max_size=6)


@given(st.lists(st.tuples(_CELLS, _CELLS), min_size=1, max_size=8), st.sampled_from(",;|\t"))
def test_quoted_files_are_told(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], sign: str
) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=sign, quoting=csv.QUOTE_ALL).writerows([("id", "text"), *rows])
    path = _write(tmp_path_factory.mktemp("told"), written.getvalue())
    dump = open_dump(path)
    assert dump.delimiter == sign
    assert [t for batch in dump.batches() for t in batch.rows.texts()] == [row[1] for row in rows]


@pytest.mark.parametrize(
    ("name", "sign"),
    [("tab", "\t"), ("\\t", "\t"), ("\t", "\t"), ("Semicolon", ";"), ("^", "^"), ("pipe", "|")],
)
def test_delimiter_is_given(tmp_path: Path, name: str, sign: str) -> None:
    for file in ("a.csv", "a.tsv"):
        dump = open_dump(_write(tmp_path, f"id{sign}text\n1{sign}a,b\n", file), delimiter=name)
        assert (dump.columns, dump.delimiter, dump.notes) == (("id", "text"), sign, ())


@pytest.mark.parametrize("name", ["", "ab", '"', "\n", "colon"])
def test_impossible_delimiter_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="one character other than a quote, or comma, semicolon"):
        given_delimiter(name)


def test_other_formats_have_no_delimiter(tmp_path: Path) -> None:
    for file in ("a.txt", "a.jsonl", "a.parquet"):
        with pytest.raises(InputError, match="remove --delimiter"):
            open_dump(_write(tmp_path, "text\n", file), delimiter=";")


def test_tsv_is_parted_by_tabs(tmp_path: Path) -> None:
    dump = open_dump(_write(tmp_path, "id\ttext\n1\ta,b;c\n", "a.tsv"))
    assert (dump.delimiter, dump.notes) == ("\t", ())


@pytest.mark.parametrize("sign", [";", "\t"])
def test_csv_destination_keeps_delimiter_and_cells(
    tmp_path: Path, detector: ScamDetector, sign: str
) -> None:
    content = f'sep={sign}\r\n"id"{sign}text\r\n007{sign}"a{sign}""b"""\r\n'
    path = _write(tmp_path, content)
    found = score_file(path, detector=detector).destination.read_bytes().decode()
    for line, old in zip(found.split("\r\n")[1:-1], content.split("\r\n")[1:], strict=False):
        assert line.startswith(old + sign)
    assert found.startswith(f"sep={sign}\r\n")
    for name, other in (("b.tsv", "\t"), ("b.jsonl", None)):
        text = score_file(path, tmp_path / name, detector=detector).destination.read_text("utf-8")
        assert other is None or text.splitlines()[-1].count(other) >= 12


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"id,text\r1,hello\r2,lunch\r", "a.csv:1: the lines end in a carriage return"),
        (b"text," + b"x" * 70_000 + b"\nhello,\n", "a.csv:1: the first line is too long"),
        (b'id,"text\n1,hello\n', "a.csv:1: unclosed quote"),
        (b"id,t\xffext\n" + b"1,hello\n" * 9, "a.csv:1: not utf-8: .* the file's encoding with"),
        (b"sep=;\n", "a.csv: the file is empty; its first line must name the columns"),
    ],
)
def test_a_first_line_that_names_no_columns_is_refused(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=problem) as caught:
        open_dump(path)
    assert "hello" not in str(caught.value)


def test_a_file_without_texts_is_opened_where_none_are_needed(tmp_path: Path) -> None:
    path = _write(tmp_path, "id,who,scamdetect_verdict\n1,eve,scam\n")
    dump = open_delimited(path, ",", "utf-8", "text", True, text_required=False)
    assert (dump.has_text, dump.columns) == (False, ("id", "who"))
    with pytest.raises(InputError, match="no column 'text'"):
        open_delimited(path, ",", "utf-8", "text", True)


def test_tsv_becomes_csv_of_commas(tmp_path: Path, detector: ScamDetector) -> None:
    path = _write(tmp_path, "id\ttext\n1\ta;b\n", "a.tsv")
    found = score_file(path, tmp_path / "b.csv", detector=detector).destination
    assert found.read_text("utf-8").startswith("id,text,scamdetect_verdict")


def test_delimiter_on_the_command_line(tmp_path: Path, tiny_bundle: Path) -> None:
    _write(tmp_path, "id;text\n1;guaranteed profit\n2;lunch\n")
    done = score(tmp_path, "a.csv", "--model", tiny_bundle)
    assert done.returncode == 0, done.stderr
    assert "cells are separated by semicolon (detected); --delimiter overrides" in done.stderr
    found = (tmp_path / "a.scored.csv").read_text("utf-8").splitlines()
    assert [line.split(";")[:3] for line in found[1:]] == [
        ["1", "guaranteed profit", "scam"], ["2", "lunch", "legit"],
    ]  # fmt: skip
    done = score(tmp_path, "a.csv", "--overwrite", "--delimiter", "comma", "--model", tiny_bundle)
    assert done.returncode == 2
    assert "no column 'text'; its columns are: id;text" in done.stderr


def test_resume_refuses_another_delimiter(tmp_path: Path) -> None:
    path = _write(tmp_path, "text\n" + "a;b\n" * 5000)
    with pytest.raises(KeyboardInterrupt):
        score_file(path, detector=CountingDetector(fail_at=2), part_rows=100)
    detector = EchoDetector()
    with pytest.raises(InputError, match="delimiter was ',', is ';'"):
        score_file(path, detector=detector, part_rows=100, delimiter=";", resume=True)
    assert score_file(path, detector=detector, part_rows=100, delimiter="comma", resume=True)


def test_a_delimiter_that_our_own_columns_hold_is_quoted(
    tmp_path: Path, detector: ScamDetector
) -> None:
    (tmp_path / "in.csv").write_text("id_text\n1_hello\n", encoding="utf-8")
    summary = score_file(
        tmp_path / "in.csv", tmp_path / "out.csv", detector=detector, delimiter="_"
    )
    with summary.destination.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file, delimiter="_")
    assert row["text"] == "hello" and row["scamdetect_model_id"] == detector.model_id
