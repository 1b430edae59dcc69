"""Roles by row: the file of them, and the rows of the one source that has one."""

from __future__ import annotations

from pathlib import Path

import pytest
from invented_source import description, make_source, write_files, write_toml

from scamdetect.errors import SourceError
from scamdetect.train.data.registry import ROLES_BY_ROW, load_source
from scamdetect.train.data.rows import Row, load_rows, read_row_roles, row_hash

SLUG = "imc25_sample"
REPORTS = (
    "row\tlanguage\tscam_type\ttext\n"
    "3\ten\tdelivery\tyour parcel waits\\nat the depot\n"
    "5\tde\tothers\tkomme etwas später\n"
    "8\ten\tothers\thello there\n"
    "9\ten\tothers\twithheld\n"
)
TEXTS = {3: "your parcel waits\nat the depot", 5: "komme etwas später", 8: "hello there"}
HEAD = "row\tpart\tverdict\trow_hash\n"


def line(row: int, part: str, verdict: str) -> str:
    return f"{row}\t{part}\t{verdict}\t{row_hash(SLUG, TEXTS[row])}\n"


ROLES = HEAD + line(3, "dev", "scam") + line(5, "train", "legit") + line(8, "train", "open")


def rows(tmp_path: Path, roles: str = ROLES, reports: str = REPORTS) -> list[Row]:
    files = {"a.tsv": reports.encode()}
    write_files(tmp_path / "raw", SLUG, files)
    source = make_source(
        SLUG, files, role_file="roles.tsv", labels={"*": "drop"},
        read={"format": "adapter", "adapter": "numbered_reports", "parts": [{"files": "*.tsv"}]},
        row={"text": [], "channel": "sms"},
    )  # fmt: skip
    (tmp_path / "roles.tsv").write_text(roles, encoding="utf-8")
    return load_rows(source, tmp_path / "raw", tmp_path)


def test_rows_get_part_and_verdict_by_their_number(tmp_path: Path) -> None:
    found = [(row.text, row.role, row.verdict.value, row.lang) for row in rows(tmp_path)]
    assert found == [(TEXTS[3], "dev", "scam", "en"), (TEXTS[5], "train", "legit", "de")]


def test_the_public_file_and_a_transcription_with_other_columns_read_alike(tmp_path: Path) -> None:
    wide = "\n".join(
        "\t".join([a, b, c, "sender", "shortener", d])
        for a, b, c, d in (text.split("\t") for text in REPORTS.splitlines())
    )
    assert rows(tmp_path, reports=wide) == rows(tmp_path)


@pytest.mark.parametrize(
    ("reports", "words"),
    [
        (REPORTS.replace("parcel", "letter"), "row 3 has another text in the file of"),
        (REPORTS.replace("5\tde", "6\tde"), "row 5 is missing in the file of"),
        (REPORTS.replace("scam_type", "type"), "no column scam_type"),
    ],
)
def test_a_row_that_changed_since_it_was_read_is_refused(
    tmp_path: Path, reports: str, words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        rows(tmp_path, reports=reports)


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ("row\tpart\n", r"roles\.tsv:1: the columns must be row, part, verdict, row_hash"),
        (HEAD, r"roles\.tsv: sets no roles"),
        (HEAD + "3\tdev\n", r"roles\.tsv:2: not 4 fields"),
        (ROLES.replace("dev", "test"), "part 'test'; known: train, dev"),
        (ROLES.replace("legit", "ham"), "verdict 'ham'; known: legit, spam, scam, open"),
        (ROLES + line(3, "train", "scam"), r"roles\.tsv:5: row 3 occurs twice"),
    ],
)
def test_a_wrong_role_file_is_named(tmp_path: Path, roles: str, words: str) -> None:
    path = tmp_path / "roles.tsv"
    path.write_text(roles, encoding="utf-8")
    with pytest.raises(SourceError, match=words):
        read_row_roles(path)


def test_no_other_source_may_have_roles_by_row(tmp_path: Path) -> None:
    table = description("other", {"a.csv": b"text,label\n"}, role_file="roles.tsv")
    write_toml(tmp_path / "other.toml", table)
    with pytest.raises(SourceError, match="role_file gives roles by row, which only imc25_sample"):
        load_source(tmp_path / "other.toml")
    assert frozenset({SLUG}) == ROLES_BY_ROW
    write_toml(tmp_path / f"{SLUG}.toml", description(SLUG, {"a.csv": b""}))
    with pytest.raises(SourceError, match="role_file is missing"):
        load_source(tmp_path / f"{SLUG}.toml")
