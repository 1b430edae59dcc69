"""Cells that a spreadsheet would run get an apostrophe, and only those."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from command_line import score
from hypothesis import given
from hypothesis import strategies as st

from scamdetect import ScamDetector
from scamdetect.dumps.delimited import Splitter, quote, unquote
from scamdetect.dumps.job import score_file
from scamdetect.dumps.spreadsheet import safe_cell
from scamdetect.errors import InputError

RUN = [
    "=1+1", '=HYPERLINK("http://a.example","x")', "+SUM(A1)", "-2+cmd|' /C calc'!A0", "@SUM(1)",
    " =1", "\t=1", "\tx", "\rx", "\nx", "'=1", '"=1', "\u200b=1", "\ufeff=1", "\xa0=1", "\0=1",
    "＝1+1", "＋1", "－1", "＠a", "-A1", "+1+A1", "-5\n=1", "-5e", "- hello", "=", "-e5", "+1e5e5",
    "+1e5+A1", "-1!A1", "+1;=2",
]  # fmt: skip
STAY = [
    "", "hello", "a=1", "5", "-5", "+5", "-3,50", "+1.234,50", "-1e9", "-1.5E-3", "-5 %",
    "+49 170 1234567", "+1 (555) 010-0199", " -5", "-", "3-4", "a@b.example", "(-5)", "😀=1",
]  # fmt: skip


@pytest.mark.parametrize("value", RUN)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_formulas_get_an_apostrophe(value: str, delimiter: str) -> None:
    for raw in (quote(value, delimiter), '"' + value.replace('"', '""') + '"'):
        assert unquote(safe_cell(raw, delimiter)) == f"'{value}"


@pytest.mark.parametrize("value", STAY)
def test_other_cells_stay_to_the_letter(value: str) -> None:
    for raw in (quote(value, ","), f'"{value}"', value):
        assert safe_cell(raw, ",") == raw


def test_quote_that_never_closes_is_doubled() -> None:
    assert safe_cell('"hello', "\t") == '"""hello"'
    assert safe_cell('"=1', "\t") == '"\'""=1"'


@pytest.mark.usefixtures("no_hang")
def test_long_numbers_take_no_quadratic_time() -> None:
    assert safe_cell("-" + "1" * 1_000_000 + "x", ",").startswith("'-1")


@given(st.text(alphabet="=+-@＝ \t\r\n\"'a1,", max_size=8), st.booleans())
def test_no_cell_begins_a_formula(value: str, as_it_stands: bool) -> None:
    raw = value if as_it_stands and not set(value) & set(",\r\n") else quote(value, ",")
    splitter = Splitter(",")
    splitter.feed(safe_cell(raw, ",").replace("\r", " ").replace("\n", " ") + "\n")
    (cell,) = splitter.cells
    found = unquote(cell)
    assert not found.startswith(("=", "@", "＝", "\t"))
    assert not found.startswith(("+", "-")) or "a" not in found


def test_safe_csv_and_tsv(tmp_path: Path, detector: ScamDetector) -> None:
    path = tmp_path / "a.csv"
    path.write_text('=id,text,"@x"\n-5,=1+1,"=a ""b"""\n+49 170 1,"  @x, y",z\n', encoding="utf-8")
    score_file(path, tmp_path / "plain.csv", detector=detector)
    plain = (tmp_path / "plain.csv").read_text("utf-8")
    assert plain.splitlines()[1].startswith('-5,=1+1,"=a ""b""",')
    for name, sign in (("b.csv", ","), ("b.tsv", "\t")):
        score_file(path, tmp_path / name, detector=detector, spreadsheet_safe=True)
        with (tmp_path / name).open(encoding="utf-8", newline="") as file:
            rows = [row[:3] for row in csv.reader(file, delimiter=sign)]
        assert rows == [
            ["'=id", "text", "'@x"], ["-5", "'=1+1", "'=a \"b\""], ["+49 170 1", "'  @x, y", "z"],
        ]  # fmt: skip
    text = (tmp_path / "b.csv").read_text("utf-8")
    assert text.splitlines()[2].startswith('+49 170 1,"\'  @x, y",z,')


def test_other_destinations_are_refused(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / "a.csv").write_text("text\n=1\n", encoding="utf-8")
    for name in ("b.jsonl", "b.parquet"):
        done = score(tmp_path, "a.csv", "-o", name, "--spreadsheet-safe", "--model", tiny_bundle)
        assert done.returncode == 2
        assert "only CSV and TSV can be made safe" in done.stderr
    done = score(tmp_path, "a.csv", "--spreadsheet-safe", "--model", tiny_bundle)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.scored.csv").read_text("utf-8").splitlines()[1].startswith("'=1,")


def test_resume_refuses_the_other(tmp_path: Path, detector: ScamDetector) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text\n" + "=1\n" * 5000, encoding="utf-8")
    asked = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 1

    with pytest.raises(Exception, match="interrupted"):
        score_file(path, detector=detector, part_rows=100, stop=stop)
    with pytest.raises(InputError, match="spreadsheet_safe then False, now True"):
        score_file(path, detector=detector, part_rows=100, resume=True, spreadsheet_safe=True)
