"""Every format of a dump: what its rows are, and what becomes of broken records."""

from __future__ import annotations

import base64
import codecs
import csv
import datetime
import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.dumps import read_csv, text
from scamdetect.dumps.batch import Batch, Dump, Reject, column_values
from scamdetect.dumps.source import open_dump
from scamdetect.errors import InputError

Rows = list[dict[str, Any]]


def read(folder: Path, name: str, raw: bytes, **options: str | None) -> tuple[Rows, list[Reject]]:
    """Write a file, and return its rows and rejects."""
    path = folder / name
    path.write_bytes(raw)
    batches = list(open_dump(path, **options).batches())
    rows = [row for batch in batches for row in batch.table.to_pylist()]
    return rows, [reject for batch in batches for reject in batch.rejects]


def cells(rows: Rows) -> list[list[Any]]:
    """Return the values of the rows without names."""
    return [list(row.values()) for row in rows]


# name, file, its bytes, the cells of its rows, the lines of its rejects
TABLES: list[tuple[str, str, bytes, list[str], list[int]]] = [
    ("plain", "a.csv", b"id,text\n1,hi\n2,\n", ["1|hi", "2|"], []),
    ("carriage returns", "a.csv", b"id,text\r\n1,hi\r\n", ["1|hi"], []),
    ("no last newline", "a.csv", b"id,text\n1,hi", ["1|hi"], []),
    ("quotes", "a.csv", b'id,text\n1,"a ""b"", c"\n', ['1|a "b", c'], []),
    ("text after a quote", "a.csv", b'id,text\n1,"Hi" dear\n', ["1|Hi dear"], []),
    ("a quote within", "a.csv", b'id,text\n1,5" nails\n', ['1|5" nails'], []),
    ("several lines", "a.csv", b'id,text\n1,"a\r\nb\n\nc"\n2,d\n', ["1|a\r\nb\n\nc", "2|d"], []),
    ("an unclosed quote", "a.csv", b'id,text\n1,"a\n2,b\n3,c\n', ["1|a", "2|b", "3|c"], []),
    ("it meets another", "a.csv", b'id,text\n1,"a\n2,"b"\n3,"c"\n', ["1|a", "2|b", "3|c"], []),
    ("blank lines", "a.csv", b"id,text\n\n1,a\n\r\n2,b\n", ["1|a", "2|b"], []),
    ("empty messages", "a.csv", b"text\n\na\n", ["", "a"], []),
    ("a lone CR", "a.csv", b'id,text\n1,a\rb\n2,"c\rd"\n', ["1|a\rb", "2|c\rd"], []),
    ("a NUL", "a.csv", b"id,text\n1,a\0b\n", ["1|a\0b"], []),
    ("too many cells", "a.csv", b"id,text\n1,a,b\n2,c\n", ["2|c"], [2]),
    ("bad byte", "a.csv", b"t,n\na,1\n\xff,2\nb,3\nc,4", ["a|1", "\ufffd|2", "b|3", "c|4"], [3]),
    ("semicolons", "a.csv", b"id;text\n1;a, b\n2;c, d\n", ["1|a, b", "2|c, d"], []),
    ("a hint for Excel", "a.csv", b"sep=|\r\nid|text\n1|a\n", ["1|a"], []),
    ("tabs", "a.tsv", b'id\ttext\n1\t"a\n2\t"b\tc"\n', ['1|"a', "2|b\tc"], []),
    ("text", "a.txt", b"one\n\n two, 3\n", ["one", "", " two, 3"], []),
    ("a bad byte in text", "a.txt", b"one\ntwo\n\xff\nsix\n", ["one", "two", "\ufffd", "six"], [3]),
]  # fmt: skip


@pytest.mark.parametrize("case", TABLES, ids=[case[0] for case in TABLES])
def test_tables(tmp_path: Path, case: tuple[str, str, bytes, list[str], list[int]]) -> None:
    _, name, raw, rows, lines = case
    found, rejects = read(tmp_path, name, raw)
    assert ["|".join(row.values()) for row in found] == rows
    assert [reject.line for reject in rejects] == lines


def texts(*values: str) -> list[dict[str, Any]]:
    """Return rows of the single column ``t``."""
    return [{"t": value} for value in values]


HUGE = 123456789012345678901
JSONS: list[tuple[str, str, bytes, list[dict[str, Any]], list[int]]] = [
    ("lines", "a.jsonl", b'{"t":"a"}\n\n{"t":null}\n', [{"t": "a"}, {"t": None}], []),
    ("keys", "a.jsonl", b'{"t":"a"}\n{"n":1}\n', [{"t": "a", "n": None}, {"t": None, "n": 1}], []),
    ("nested", "a.jsonl", b'{"m":{"b":1}}\n{"m":"x"}\n', [{"m": '{"b": 1}'}, {"m": '"x"'}], []),
    ("a large number", "a.jsonl", b'{"n":%d}\n' % HUGE, [{"n": str(HUGE)}], []),
    ("broken", "a.jsonl", b'{"t":"a"}\n{"t":"b"\n[1]\n{"t":"c"}\n', texts("a", "c"), [2, 3]),
    ("a raw control character", "a.jsonl", b'{"t":"a\x01\tb"}\n', texts("a\x01\tb"), []),
    ("a lone surrogate", "a.jsonl", b'{"t":"p\\ud83dy"}\n', texts("p\ufffdy"), []),
    ("bytes", "a.jsonl", b'{"t":"a"}\n{"t":"\xff"}\n{"t":"b"}', texts("a", "\ufffd", "b"), [2]),
    ("an array", "a.json", b'\xef\xbb\xbf[{"t":"a"},\n{"t":"b"}]\n', texts("a", "b"), []),
    ("a raw newline", "a.json", b'[{"t":"a\nb"},{"t":"c"}]', texts("a\nb", "c"), []),
    ("a sequence", "a.json", b'{"t":"a"}{"t":"b"}\n[[{"t":"c"}]]', texts("a", "b", "c"), []),
    ("damage", "a.json", b'[{"t":"a"},\n{"t":"x" "y"},\n{"t":"c"}]', texts("a", "c"), [2]),
    ("cut off", "a.json", b'[{"t":"a"},\n{"t":"b', texts("a"), [2, 2]),
    ("an open array", "a.json", b'[{"t":"a"}', texts("a"), [1]),
    ("no object", "a.json", b'[{"t":"a"}, 5]', texts("a"), [1]),
]  # fmt: skip


@pytest.mark.parametrize("case", JSONS, ids=[case[0] for case in JSONS])
def test_json(
    tmp_path: Path, case: tuple[str, str, bytes, list[dict[str, Any]], list[int]]
) -> None:
    _, name, raw, rows, lines = case
    found, rejects = read(tmp_path, name, raw)
    assert found == rows
    assert [reject.line for reject in rejects] == lines


def test_rejects_keep_place_reason_and_bytes(tmp_path: Path) -> None:
    raw = b"id,text\n1,a,secret\n2,p\xffy\n3,b\n4,b\n"
    _, (wide, damaged) = read(tmp_path, "a.csv", raw, encoding="utf-8")
    assert json.loads(wide.to_json()) == {
        "line": 2, "offset": 8, "reason": "3 cells, but the header has 2", "raw": "1,a,secret\n",
    }  # fmt: skip
    assert damaged.kept
    assert damaged.raw == base64.b64decode(json.loads(damaged.to_json())["raw_base64"])
    assert damaged.raw == b"2,p\xffy\n"


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2),
        max_size=8,
    )
)
def test_csv_that_python_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([["id", "text"], *rows])
    raw = file.getvalue().encode()
    folder = tmp_path_factory.mktemp("csv")
    found, rejects = read(folder, "a.csv", raw, encoding="utf-8", delimiter=",")
    # A noncharacter stands for a carriage return within a line.
    assert cells(found) == [[cell.replace("\ufdd0", "\r") for cell in row] for row in rows]
    assert not rejects


def test_a_long_open_quote_costs_no_later_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_csv, "_MAX_BYTES", 100)
    raw = b'id,text\n1,"open\n' + b"".join(b"%d,message\n" % n for n in range(2, 40))
    rows, rejects = read(tmp_path, "a.csv", raw)
    assert [row["id"] for row in rows] == [str(n) for n in range(1, 40)]
    assert not rejects


def test_a_line_that_is_too_long_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MAX_LINE_BYTES", 20)
    monkeypatch.setattr(text, "KEPT_BYTES", 5)
    for name, head in (("a.csv", b"text,n\n"), ("a.txt", b""), ("a.jsonl", b"")):
        good = b'{"text":"b"}\n' if name == "a.jsonl" else b"b,1\n"
        rows, (reject,) = read(tmp_path, name, head + b"x" * 50 + b"\n" + good)
        assert len(rows) == 1
        assert reject.raw == b"xxxxx"


@pytest.mark.parametrize(
    ("encoding", "sentence"),
    [
        ("cp1252", "Gr\u00fc\u00dfe aus M\u00fcnchen, sch\u00f6ne B\u00fccher"),
        ("cp1251", "\u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440 \u043a\u0430\u043a"),
        ("gb18030", "\u60a8\u597d\uff0c\u60a8\u7684\u5305\u88f9\u5df2\u5230"),
        ("cp932", "\u304a\u8377\u7269\u3092\u304a\u5c4a\u3051"),
        ("cp949", "\uace0\uac1d\ub2d8 \ud0dd\ubc30\uac00 \ub3c4\ucc29"),
        ("utf-16", "h\u00e9llo"),
        ("utf-16-le", "h\u00e9llo, w\u00f6rld"),
        ("utf-16-be", "\u60a8\u597d, \u60a8\u7684\u5305\u88f9"),
        ("utf-8-sig", "h\u00e9llo"),
    ],
)
def test_encodings_are_detected(tmp_path: Path, encoding: str, sentence: str) -> None:
    rows, rejects = read(tmp_path, "a.txt", f"{sentence}\n{sentence}\n".encode(encoding))
    assert cells(rows) == [[sentence], [sentence]]
    assert not rejects


def test_an_uncertain_or_wrong_encoding_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pass --encoding"):
        read(tmp_path, "a.txt", b"caf\x82\n" * 3)
    with pytest.raises(InputError, match="is not ascii"):
        read(tmp_path, "a.txt", "\u00e9\n\u00e9\n".encode(), encoding="ascii")
    with pytest.raises(InputError, match="unknown encoding 'klingon'"):
        read(tmp_path, "a.txt", b"a\n", encoding="klingon")
    with pytest.raises(InputError, match="must be UTF-8"):
        read(tmp_path, "a.json", "[]".encode("utf-16"))


def _zip(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, raw in members.items():
            archive.writestr(name.replace("_dot_", "."), raw)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.csv.gz", gzip.compress(b"text\na\nb\n", mtime=0)),
        ("a.csv.gz", gzip.compress(b"text\na\n", mtime=0) + gzip.compress(b"b\n", mtime=0)),
        ("a.csv.zst", pa.compress(b"text\na\nb\n", "zstd", asbytes=True)),
        ("a.csv", gzip.compress(b"text\na\nb\n", mtime=0)),
        ("a.zip", _zip(inner_dot_csv=b"text\na\nb\n")),
    ],
)
def test_compressed_files(tmp_path: Path, name: str, raw: bytes) -> None:
    rows, _ = read(tmp_path, name, raw)
    assert cells(rows) == [["a"], ["b"]]


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": pa.array(["a", None]).dictionary_encode(),
            "sent": pa.array([datetime.datetime(2024, 1, 2)] * 2, pa.timestamp("us")),
            "meta": [{"body": "x"}, None],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    dump = open_dump(tmp_path / "a.parquet")
    (batch,) = dump.batches()
    assert batch.table.schema.types == table.schema.types
    assert batch.table.to_pylist() == table.to_pylist()
    assert column_values(batch.table, "text") == ["a", None]
    assert column_values(batch.table, "meta.body") == ["x", None]
    assert column_values(batch.table, "meta.other") == [None, None]


def test_text_of_parquet_that_is_not_utf8_is_repaired() -> None:
    raw = pa.array([b"p\xffy", None]).cast(pa.binary())
    table = pa.table({"text": pa.Array.from_buffers(pa.string(), 2, raw.buffers())})
    assert column_values(table, "text") == ["p\ufffdy", None]


def test_paths_into_json(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"m":{"b":{"c":"x"}},"a.b":"y"}\n{"m":5}\n')
    (batch,) = open_dump(tmp_path / "a.jsonl").batches()
    assert column_values(batch.table, "m.b.c") == ["x", None]
    assert column_values(batch.table, "a.b") == ["y", None]


FAILURES = [
    ("a.csv", b"", "the file is empty"),
    ("a.csv", b"id\rtext\r1\ra\r", "carriage return without a newline"),
    ("a.csv", b"x" * (70 << 10), "too long for column names"),
    ("a.jsonl", b"hello\n", "no JSON object; line 1: broken JSON"),
    ("a.json", b"hello\n", "neither"),
    ("a.parquet", b"PAR1abcPAR1", "not a complete Parquet file"),
    ("a.csv.gz", gzip.compress(b"text\n" + bytes(range(256)) * 999)[:-400], "cut off or damaged"),
    ("a.zip", _zip(a=b"1", b=b"2"), "has 2 files; unpack it"),
    ("a.zip", b"PK\x03\x04 broken", "damaged or encrypted"),
    ("a.docx", b"PK", "extension '.docx' is not a known format"),
    ("a", b"text\n", "extension '' is not a known format"),
]


@pytest.mark.parametrize(("name", "raw", "message"), FAILURES)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, raw: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, name, raw, encoding="utf-8" if name.startswith("a.csv") else None)
    assert str(tmp_path / name) in str(caught.value)


def test_options_that_a_format_does_not_have(tmp_path: Path) -> None:
    for name, options in (("a.jsonl", {"delimiter": ";"}), ("a.csv", {"delimiter": "ab"})):
        with pytest.raises(InputError, match="delimiter"):
            read(tmp_path, name, b'{"a":1}\n', **options)
    with pytest.raises(InputError, match="no such|cannot be read"):
        open_dump(tmp_path / "missing.csv")
    with pytest.raises(InputError, match="unknown format"):
        read(tmp_path, "a.csv", b"a\n", source_format="xls")


def test_notes_tell_how_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("id;text;text\n1;a;b\n".encode("utf-16"))
    dump = open_dump(tmp_path / "a.csv")
    assert dump.schema.names == ["id", "text", "text.1"]
    assert [note.partition(" (")[0] for note in dump.notes] == [
        "read as utf-16", "cells are separated by semicolon",
        "some column names occur twice; the later ones got a number",
    ]  # fmt: skip


def test_batches_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"message\n" * 5000)
    batches = list(open_dump(tmp_path / "a.txt").batches())
    assert [batch.records for batch in batches] == [2048, 2048, 904]
    assert batches[-1].share == 1.0


def test_records_of_a_batch_count_kept_rejects_once() -> None:
    table = pa.table({"text": ["a"]})
    batch = Batch(table, (Reject(1, "", b"", kept=True), Reject(2, "", b"")), 1.0)
    assert batch.records == 2
    assert Dump(table.schema, lambda: iter([batch])).encoding is None


def test_byte_order_marks_are_no_part_of_the_data(tmp_path: Path) -> None:
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le")):
        rows, _ = read(tmp_path, "a.csv", mark + "text\na\n".encode(encoding))
        assert rows == [{"text": "a"}]
