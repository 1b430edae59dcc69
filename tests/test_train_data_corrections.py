"""Readings of public rows: read back as written, applied, and refused when stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from scamdetect.errors import SourceError
from scamdetect.labels import Kind, Provenance, Verdict
from scamdetect.train.data.corrections import (
    Correction,
    apply_corrections,
    read_corrections,
    write_corrections,
)
from scamdetect.train.data.rows import Row

ROW = Row(
    row_hash="aa11",
    source="some_sms",
    text="win big",
    verdict=Verdict.SPAM,
    lang="en",
    channel="sms",
    orig_label="spam",
    verdict_provenance=Provenance.RULE,
    unsplit=True,
    slices=("marketing",),
)
READ = Correction(
    "aa11", "open", Verdict.SCAM, (Kind.LOTTERY,), 91, "r1", "public-001", "fee before a win"
)


def lines(tmp_path: Path, *rows: str) -> Path:
    head = "row_hash,old,new,kinds,probability,reader,batch,reason"
    (tmp_path / "some_sms.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return tmp_path


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    write_corrections(tmp_path / "some_sms.csv", [READ])
    (found,) = read_corrections(tmp_path, "some_sms")
    assert (found.row_hash, found.old, found.new, found.kinds) == (
        "aa11", "open", Verdict.SCAM, (Kind.LOTTERY,),
    )  # fmt: skip
    assert (found.probability, found.where) == (91, f"{tmp_path / 'some_sms.csv'}:2")
    assert read_corrections(tmp_path, "another") == []


def test_a_reading_replaces_verdict_kinds_and_what_was_open() -> None:
    (row,) = apply_corrections([ROW], [READ])
    assert (row.verdict, row.kinds, row.unsplit) == (Verdict.SCAM, (Kind.LOTTERY,), False)
    assert (row.verdict_provenance, row.kinds_provenance) == (Provenance.READ, Provenance.READ)
    assert row.probability == 91 and row.slices == ()


def test_rows_without_a_reading_stay() -> None:
    assert apply_corrections([ROW], []) == [ROW]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"row_hash": "bb22"}, "some_sms.csv:2: the source has no row bb22; delete"),
        ({"old": "legit"}, "aa11 is open now and was legit"),
    ],
)
def test_a_stale_correction_names_file_line_and_cure(
    tmp_path: Path, change: dict[str, str], message: str
) -> None:
    fields = {"row_hash": "aa11", "old": "open"} | change
    folder = lines(tmp_path, f"{fields['row_hash']},{fields['old']},scam,lottery,91,r1,b1,why")
    with pytest.raises(SourceError, match=message):
        apply_corrections([ROW], read_corrections(folder, "some_sms"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("aa11,open,fraud,,91,r1,b1,why", "verdict 'open' to 'fraud'; known: legit, spam, scam"),
        ("aa11,open,scam,theft,91,r1,b1,why", "unknown kind 'theft'; known: investment"),
        ("aa11,open,scam,lottery,often,r1,b1,why", "probability 'often'; allowed: 0 to 100"),
        ("aa11,open,scam", "not 8 fields"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(SourceError, match=rf"some_sms\.csv:2: {message}"):
        read_corrections(lines(tmp_path, line), "some_sms")


def test_a_row_is_corrected_once(tmp_path: Path) -> None:
    folder = lines(tmp_path, "aa11,open,scam,lottery,91,r1,b1,x", "aa11,open,spam,,9,r2,b2,y")
    with pytest.raises(SourceError, match=r"some_sms\.csv:3: aa11 is corrected twice"):
        read_corrections(folder, "some_sms")


def test_other_columns_are_refused(tmp_path: Path) -> None:
    (tmp_path / "some_sms.csv").write_text("hash,new\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"some_sms\.csv:1: the columns must be row_hash,old"):
        read_corrections(tmp_path, "some_sms")
