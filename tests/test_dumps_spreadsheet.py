"""Cells that a spreadsheet would run get an apostrophe, and only those."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import score
from hypothesis import given
from hypothesis import strategies as st

from scamdetect import ScamDetector
from scamdetect.dumps import score_file
from scamdetect.dumps.delimited import has_stray_quote, quote, unquote
from scamdetect.dumps.spreadsheet import original, safe_cell, safe_row
from scamdetect.errors import InputError
from scamdetect.scored.groups import write_groups

RUN = [
    "=1+1", '=HYPERLINK("http://a.example","x")', "+SUM(A1)", "-2+cmd|' /C calc'!A0", "@SUM(1)",
    " =1", "\tx", "\rx", "\nx", "'=1", '"=1', "\u200b=1", "\ufeff=1", "\xa0=1", "\0=1",
    "＝1+1", "＋1", "－1", "＠a", "-A1", "+1+A1", "-5e", "- hello", "=", "-e5", "+1e5e5",
    "+1e5+A1", "-1!A1", "﹦1", "\u202e=1", "\U000e0020=1", "\u2800=1", "'\tx",
]  # fmt: skip
WITHIN = [
    ("hello\r=1", "hello\r'=1"), ("a\n=1", "a\n'=1"), ("a\r\n @x", "a\r\n' @x"),
    ("a\x0b-A1", "a\x0b'-A1"), ("a\x0c+A1", "a\x0c'+A1"), ("a\x85=1", "a\x85'=1"),
    ("a\u2028=1", "a\u2028'=1"), ("a\u2029＝1", "a\u2029'＝1"), ('a\n""=1', "a\n'\"\"=1"),
    ("\n=1", "'\n'=1"), ("-5\n=1", "'-5\n'=1"), ("a\n-5", "a\n'-5"),
    ("a\n\u200b=1", "a\n'\u200b=1"),
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


@pytest.mark.parametrize(("value", "safe"), WITHIN)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_formulas_behind_what_ends_a_row_get_an_apostrophe(
    value: str, safe: str, delimiter: str
) -> None:
    for raw in (value, quote(value, delimiter), '"' + value.replace('"', '""') + '"'):
        found = safe_cell(raw, delimiter)
        assert unquote(found) == safe
        assert not has_stray_quote(found) and found.startswith('"')
        assert original(safe, delimiter) == value


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_separator_of_another_country_begins_a_cell(sign: str, delimiter: str) -> None:
    found = unquote(safe_cell(quote(f"a{sign}=1", delimiter), delimiter))
    assert found == (f"a{sign}=1" if sign == delimiter else f"a{sign}'=1")


def test_number_that_runs_on_into_the_next_cell_gets_an_apostrophe() -> None:
    assert safe_row(["+49 170 1", "0+cmd|'/C calc'!A0;x"], ",")[0] == "'+49 170 1"
    assert safe_row(["+49 170 1", "hello; call me (today)"], ",")[0] == "+49 170 1"
    assert safe_row(["a", "-5", "SUM(A1)"], ",") == ["a", "-5", "SUM(A1)"]


@pytest.mark.parametrize("value", ["hello\rx", "a\x0bb", "a\u2028b", 'a"b', '"a"b', 'a"\rb'])
def test_what_ends_a_row_or_a_quote_is_within_quotes(value: str) -> None:
    found = safe_cell(value, ",")
    assert found.startswith('"') and not has_stray_quote(found)
    assert unquote(found) == unquote(value)


_CHARACTERS = "=+-@＝ \t\r\n\x0b\x0c\x85\u2028\"'a1,;|(\u200b"
_CELLS = st.text(alphabet=_CHARACTERS, max_size=8)


@given(st.lists(st.lists(_CELLS, min_size=3, max_size=3), min_size=1, max_size=3), st.booleans(),
       st.sampled_from(",;\t"), st.sampled_from(",;\t"))  # fmt: skip
def test_no_spreadsheet_finds_a_formula(
    rows: list[list[str]], as_it_stands: bool, delimiter: str, theirs: str
) -> None:
    text = ""
    for row in rows:
        raws = [
            cell
            if as_it_stands and not set(cell) & {delimiter, "\n", '"'}
            else quote(cell, delimiter)
            for cell in row
        ]
        text += delimiter.join(safe_row([*raws, "1"], delimiter)) + "\n"  # as our columns end it
    for cell in _naive_cells(text, theirs):
        plain = cell.strip(' \t\r\n\x0b\x0c\x85\u2028"\u200b')
        if plain.startswith(("+", "-")):  # a number, and perhaps other cells that call nothing
            number, _, others = plain.partition(delimiter)
            assert not set(number) & set('a|=@＝"'), repr(cell)
            assert not set(others) & set("(|[") or not set(others) & set("a|[="), repr(cell)
        assert not plain.startswith(("=", "@", "＝")), repr(cell)


def _naive_cells(text: str, delimiter: str) -> Iterator[str]:
    """Yield the cells as a spreadsheet of any country reads them: quotes count at their start."""
    cell, quoted, began = "", False, False
    place = 0
    while place < len(text):
        sign = text[place]
        if quoted:
            if text.startswith('""', place):
                cell += '"'
                place += 1
            elif sign == '"':
                quoted = False
            else:
                cell += sign
        elif sign == '"' and not began:
            quoted = began = True
        elif sign == delimiter or sign in "\r\n\x0b\x0c\x85\u2028\u2029":
            yield cell
            cell, began = "", False
        else:
            cell += sign
            began = True
        place += 1
    yield cell


@given(_CELLS, st.sampled_from(",;\t"))
def test_texts_come_back_without_the_apostrophes(value: str, delimiter: str) -> None:
    found = unquote(safe_cell(quote(value, delimiter), delimiter))
    assert original(found, delimiter) == value


def test_much_that_ends_rows_is_quick() -> None:
    assert safe_cell("\n" * 500_000 + "=1", ",").endswith("'=1\"")


def test_row_that_a_bare_carriage_return_ends(tmp_path: Path, detector: ScamDetector) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text,h\r=1\n1,=40+1,x\n2,hello\r=40+2,y\n")
    with pytest.raises(InputError, match="carriage return"):
        score_file(path, tmp_path / "b.csv", detector=detector, spreadsheet_safe=True)
    path.write_bytes(b'id,text,"h\n=1"\n1,=40+1,x\n2,hello\r=40+2,y\n')
    score_file(path, tmp_path / "b.csv", detector=detector, spreadsheet_safe=True)
    write_groups(tmp_path / "b.csv", by="text", spreadsheet_safe=True)
    for name in ("b.csv", "b.groups.csv"):
        raw = (tmp_path / name).read_bytes().decode()
        assert "\n'=1\"" in raw or name != "b.csv"
        assert "hello\r'=40+2" in raw
        assert not [cell for cell in _naive_cells(raw, ",") if cell.startswith("=")]


def test_delimiter_that_begins_a_formula_is_refused(tmp_path: Path, detector: ScamDetector) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text=other\nhello=1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"--delimiter '='.*--spreadsheet-safe"):
        score_file(path, detector=detector, delimiter="=", spreadsheet_safe=True)


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
    with pytest.raises(InputError, match="spreadsheet_safe was False, is True"):
        score_file(path, detector=detector, part_rows=100, resume=True, spreadsheet_safe=True)


@given(st.lists(st.one_of(_CELLS, st.sampled_from(["-5", "+49 170", "'-5", "1"])), max_size=3))
def test_values_of_a_row_come_back_too(values: list[str]) -> None:
    for delimiter in ",;\t":
        row = safe_row([quote(value, delimiter) for value in values], delimiter)
        assert [original(unquote(cell), delimiter) for cell in row] == values
