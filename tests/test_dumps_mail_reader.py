"""Mail as a dump: rows, rejects, columns, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scamdetect import ScamDetector
from scamdetect.dumps import score_file
from scamdetect.dumps.mail import mbox, reader
from scamdetect.dumps.open import open_dump
from scamdetect.errors import InputError
from scamdetect.frames import columns as output

FROM = "From ann@mail.example Tue Mar  5 10:00:00 2024\n"
MAIL = (
    "From: Ann <ann@mail.example>\nTo: bo@mail.example\nSubject: hello\n"
    "Date: Tue, 5 Mar 2024 10:00:00 +0100\n"
    'Content-Type: multipart/mixed; boundary="b"\n\n--b\n\nguaranteed profit bitcoin\n--b\n'
    "Content-Type: image/png; name=a.png\n\nxx\n--b--\n"
)


def _write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _rows(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows, rejects = [], []
    for batch in open_dump(path).batches():
        rows += batch.rows.table().to_pylist()
        rejects += [reject.to_dict() for reject in batch.rejects]
    return rows, rejects


def test_rows_and_rejects_of_an_mbox_file(tmp_path: Path) -> None:
    content = f"rest of a mail\n\n{FROM}{MAIL}\n{FROM}\n{FROM}\xe9 no header\n"
    rows, rejects = _rows(_write(tmp_path, "a.mbox", content))
    assert [row["text"] for row in rows] == ["hello\n\nguaranteed profit bitcoin", "é no header"]
    assert rows[0]["attachments"] == ["a.png"]
    assert rows[1]["problems"] == ["no headers", "headers that end in an invalid line"]
    assert rejects == [
        {"record": 1, "line": 1, "lines": 2, "raw": "rest of a mail\n\n",
         "reason": "text before the first line that starts a mail"},
        {"record": 3, "line": 19, "lines": 2, "raw": f"{FROM}\n",
         "reason": "neither headers nor text"},
    ]  # fmt: skip


def test_byte_order_mark_before_an_mbox_file(tmp_path: Path) -> None:
    rows, rejects = _rows(_write(tmp_path, "a.mbox", f"\ufeff{FROM}{MAIL}\n{FROM}{MAIL}"))
    assert [row["subject"] for row in rows] == ["hello", "hello"]
    assert rejects == []


def test_mail_too_large_is_rejected_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mbox, "MAX_MAIL_BYTES", 1 << 20)
    monkeypatch.setattr(mbox, "HEAD_BYTES", 60)
    large = f"Subject: x\n\n{'long line ' * 200_000}\n"
    content = f"{FROM}Subject: a\n\none\n\n{FROM}{large}\n{FROM}Subject: b\n\ntwo\n"
    rows, (reject,) = _rows(_write(tmp_path, "a.mbox", content))
    assert [row["subject"] for row in rows] == ["a", "b"]
    start = content.index(large) - len(FROM)
    assert reject["reason"] == (
        f"more than 1 MiB: bytes {start} to {start + len(FROM + large) + 1} of the file; "
        "only the first 60 bytes are kept here"
    )
    assert reject["raw"] == content[start : start + 60]
    rows, (reject,) = _rows(_write(tmp_path, "a.eml", large))
    assert (rows, reject["raw"]) == ([], large[:60])


def test_mail_that_the_parser_cannot_take_is_rejected(tmp_path: Path) -> None:
    nested = "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(1500)
    )
    content = f"{FROM}{nested}\n{FROM}Subject: a\n\nfine\n"
    rows, (reject,) = _rows(_write(tmp_path, "a.mbox", content))
    assert [row["subject"] for row in rows] == ["a"]
    assert reject["reason"] == "cannot be parsed (RecursionError)"


@pytest.mark.parametrize(
    ("content", "subjects"),
    [
        (MAIL, ["hello"]),
        (MAIL.replace("\n", "\r\n"), ["hello"]),
        ("\ufeff\n" + MAIL, ["hello"]),
        (FROM + MAIL, ["hello"]),
        (f"{FROM}{MAIL}\n{FROM}{MAIL}", ["hello", "hello"]),
        ("\ufeff" + FROM + MAIL, ["hello"]),
        ("From the desk of Ann\n" + MAIL, ["hello"]),
    ],
)
def test_single_mail(tmp_path: Path, content: str, subjects: list[str]) -> None:
    rows, rejects = _rows(_write(tmp_path, "a.EML", content))
    assert [row["subject"] for row in rows] == subjects
    assert rejects == []
    assert all(row["text"] == "hello\n\nguaranteed profit bitcoin" for row in rows)


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("a.mbox", MAIL, {}, "a.mbox:1: no line starts a mail.*--format eml"),
        ("a.mbox", b"\x00\xff" * 99, {}, "no line starts a mail"),
        ("a.mbox", "", {}, "the file is empty"),
        ("a.eml", "hello there\n", {}, "a.eml:1: does not start with a mail header.*--format"),
        ("a.eml", b"\x89PNG\r\n", {}, "does not start with a mail header"),
        ("a.eml", MAIL, {"encoding": "cp1251"}, "remove --encoding"),
        ("a.eml", MAIL, {"text_column": "to"}, "one of text, quoted, subject"),
        ("Inbox", FROM + MAIL, {}, "no extension is not a known format.*--format"),
        ("Inbox", FROM + MAIL, {"source_format": "pst"}, "unknown format 'pst'; .* csv, "),
    ],
)
def test_what_is_refused(
    tmp_path: Path, name: str, content: str | bytes, options: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        open_dump(_write(tmp_path, name, content), **options)  # type: ignore[arg-type]


def test_format_by_name(tmp_path: Path, detector: ScamDetector) -> None:
    summary = score_file(
        _write(tmp_path, "Inbox", FROM + MAIL), detector=detector, source_format="mbox"
    )
    assert summary.destination == tmp_path / "Inbox.scored.parquet"
    table = _write(tmp_path, "table.dat", "text\nhello\n")
    summary = score_file(table, detector=detector, source_format="csv")
    assert summary.destination == tmp_path / "table.scored.csv"


@pytest.mark.parametrize("extension", ["csv", "tsv", "jsonl", "parquet"])
def test_every_destination(tmp_path: Path, detector: ScamDetector, extension: str) -> None:
    content = f"{FROM}{MAIL}\n{FROM}Subject:\n\n\ud83d lunch\n".encode("utf-8", "surrogatepass")
    path = tmp_path / f"out.{extension}"
    score_file(_write(tmp_path, "a.mbox", content), path, detector=detector)
    if extension == "parquet":
        rows = pq.read_table(path).to_pylist()
    elif extension == "jsonl":
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    else:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t" if extension == "tsv" else ","))
    assert list(rows[0]) == [*reader.SCHEMA.names, *output.COLUMNS]
    assert rows[0]["time"] == "2024-03-05T10:00:00+01:00"
    files = rows[0]["attachments"]
    assert (json.loads(files) if extension in ("csv", "tsv") else files) == ["a.png"]
    assert [row["scamdetect_decision"] for row in rows] == ["flag", "pass"]


def test_quoted_text_can_be_judged_instead(tmp_path: Path, detector: ScamDetector) -> None:
    mail = f"{FROM}Subject: Fwd: a\n\n-----Original Message-----\nguaranteed profit bitcoin\n"
    source = _write(tmp_path, "a.mbox", mail)
    assert score_file(source, detector=detector).flagged == 0
    found = score_file(source, tmp_path / "b.csv", detector=detector, text_column="quoted")
    assert found.flagged == 1
