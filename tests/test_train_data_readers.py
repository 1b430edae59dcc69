"""Bytes become records in every format; what cannot be read is named."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from invented_source import make_source, write_files

from scamdetect.errors import SourceError
from scamdetect.train.data.readers import (
    decode,
    read_files,
    read_gzip_json_lines,
    read_records,
    read_records_as,
)


def records(folder: Path, files: dict[str, bytes], read: dict[str, Any]) -> list[dict[str, Any]]:
    write_files(folder, "one", files)
    source = make_source("one", files, read={"parts": [{"files": "*"}]} | read)
    return [record for _, record in read_records(source, folder / "one")]


def bare(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in record.items() if k not in ("file", "stem")} for record in found]


def zipped(members: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize(
    ("read", "content", "expected"),
    [
        (
            {"format": "csv"},
            'text , label\n"a, b\nc",ham\n\nshort\n'.encode("utf-8-sig"),
            [{"text": "a, b\nc", "label": "ham"}, {"text": "short"}],
        ),
        (
            {"format": "csv", "delimiter": "\t", "quoted": False, "header": False,
             "columns": ["label", "text"]},
            b'ham\tsay "hi\n',
            [{"label": "ham", "text": 'say "hi'}],
        ),
        ({"format": "csv", "header": False}, b"a,b\n", [{"0": "a", "1": "b"}]),
        ({"format": "csv"}, b"", []),
        ({"format": "csv", "columns": ["x", "y"]}, b"a,b\n1,2\n", [{"x": "1", "y": "2"}]),
        ({"format": "jsonl"}, b'{"a": 1}\n\n{"a": null}\n', [{"a": 1}, {"a": None}]),
        ({"format": "json"}, b'[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        ({"format": "json"}, b'{"a": 1}', [{"a": 1}]),
        ({"format": "lines"}, b"one\r\ntwo\n", [{"text": "one"}, {"text": "two"}, {"text": ""}]),
        (
            {"format": "lines", "encoding": "utf-8|cp1252"},
            "é\n".encode() + "é".encode("cp1252"),
            [{"text": "é"}, {"text": "é"}],
        ),
        ({"format": "lines", "encoding": "ascii", "errors": "replace"}, b"\xff", [{"text": "�"}]),
    ],
)  # fmt: skip
def test_formats(
    tmp_path: Path, read: dict[str, Any], content: bytes, expected: list[dict[str, Any]]
) -> None:
    assert bare(records(tmp_path, {"a.txt": content}, read)) == expected


def test_xlsx(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (("text ", "label"), ("hi", 1), (None, 2)):
        book.active.append(row)
    data = io.BytesIO()
    book.save(data)
    assert bare(records(tmp_path, {"a.xlsx": data.getvalue()}, {"format": "xlsx"})) == [
        {"text": "hi", "label": "1"},
        {"text": "", "label": "2"},
    ]


def test_members_of_an_archive(tmp_path: Path) -> None:
    data = zipped({"a/x": b"text\none\n", "b": b"text\ntwo\n", "__MACOSX/x": b"text\njunk\n"})
    found = records(tmp_path, {"a.zip": data}, {"format": "csv", "members": "*x"})
    assert found == [{"text": "one", "file": "a.zip", "stem": "x"}]


def test_parts_come_in_order_and_licences_not_at_all(tmp_path: Path) -> None:
    files = {"b.txt": b"b", "sub/a.txt": b"a", "LICENSE.txt": b"words"}
    write_files(tmp_path, "one", files)
    source = make_source(
        "one",
        {},
        files=[
            {"path": path, "sha256": "", "bytes": 1, "role": role}
            for path, role in (("b.txt", "data"), ("sub/a.txt", "data"), ("LICENSE.txt", "licence"))
        ],
        read={"format": "lines", "parts": [{"files": "sub/*", "lang": "fr"}, {"files": "*.txt"}]},
    )
    found = [
        (part.lang, r["file"], r["stem"]) for part, r in read_records(source, tmp_path / "one")
    ]
    assert found == [
        ("fr", "sub/a.txt", "a"), (None, "b.txt", "b"), (None, "sub/a.txt", "a"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("read", "content", "words"),
    [
        ({"format": "jsonl"}, b'{"a": 1}\n{"secret\n', "line 2"),
        ({"format": "json"}, b"[1, 2]", "expected objects, found int"),
        ({"format": "json"}, b"{", "cannot be read as json"),
        ({"format": "lines"}, b"\xff\xfe\xff", "cannot be read as lines"),
        ({"format": "lines", "encoding": "klingon"}, b"a", "klingon"),
        ({"format": "xlsx"}, b"no workbook", "cannot be read as xlsx"),
        ({"format": "csv", "members": "*"}, b"no archive", "not a ZIP archive"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, read: dict[str, Any], content: bytes, words: str
) -> None:
    with pytest.raises(SourceError) as caught:
        records(tmp_path, {"a.dat": content}, read)
    assert "one/a.dat" in str(caught.value)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_missing_file_names_the_command_that_gets_it(tmp_path: Path) -> None:
    source = make_source("one", {"sub/a.csv": b""}, files_of="two", read={
        "format": "csv", "parts": [{"files": "sub/*"}],
    })  # fmt: skip
    with pytest.raises(SourceError, match=r"sub/a.csv: missing; run: .* --only two$"):
        list(read_files(source, tmp_path / "two"))


def test_a_source_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    source = make_source("one", {"a.csv": b""}, read={
        "format": "csv", "parts": [{"files": "*.tsv"}],
    })  # fmt: skip
    with pytest.raises(SourceError, match=r"one: no listed file matches '\*.tsv'"):
        list(read_records(source, tmp_path))
    gone = make_source("one", {}, read=None, status="unobtainable", note="it was withdrawn")
    with pytest.raises(SourceError, match="unobtainable: it was withdrawn"):
        list(read_records(gone, tmp_path))


def test_a_source_with_an_adapter_is_read_as_another_format(tmp_path: Path) -> None:
    files = {"a.zip": zipped({"x": b"text\none\n"}), "b.csv": b"text\ntwo\n"}
    write_files(tmp_path, "one", files)
    parts = [{"files": "a.zip"}, {"files": "b.csv", "lang": "fr"}]
    source = make_source("one", files, read={"format": "adapter", "adapter": "x", "parts": parts})
    assert source.read is not None
    first, second = source.read.parts
    found = [
        *read_records_as(source, tmp_path / "one", "csv", [first], members="x"),
        *read_records_as(source, tmp_path / "one", "csv", [second]),
    ]
    assert [(part.lang, record["text"]) for part, record in found] == [(None, "one"), ("fr", "two")]


def test_gzip_json_lines(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"n": n}) for n in range(3)) + "\n\n"
    files = {"a.gz": gzip.compress(lines.encode())}
    write_files(tmp_path, "one", files)
    read = {"format": "adapter", "adapter": "x", "parts": [{"files": "*"}]}
    source = make_source("one", files, read=read)
    found = read_gzip_json_lines(source, tmp_path / "one")
    assert [record["n"] for _, record in found] == [0, 1, 2]
    files = {"a.gz": files["a.gz"][:-9]}
    write_files(tmp_path, "one", files)
    source = make_source("one", files, read=read)
    with pytest.raises(SourceError, match="one/a.gz: not a gzip file"):
        list(read_gzip_json_lines(source, tmp_path / "one"))


def test_decode_falls_back_line_by_line() -> None:
    assert decode("ä\r\n".encode() + b"\xe4\n", "utf-8|latin-1") == "ä\r\nä\n"
    with pytest.raises(UnicodeDecodeError):
        decode(b"\xe4", "utf-8")
