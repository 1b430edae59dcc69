"""Reading dumps: nothing is lost, nothing is changed, what cannot be read is named."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.dumps import batches, delimited, parquet
from scamdetect.dumps.batches import Dump, Reject
from scamdetect.dumps.delimited import Splitter, State, quote, unquote
from scamdetect.dumps.open import open_dump
from scamdetect.errors import InputError


def _write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _texts(dump: Dump) -> list[Any]:
    return [text for batch in dump.batches() for text in batch.rows.texts()]


def _rejects(dump: Dump) -> list[Reject]:
    return [reject for batch in dump.batches() for reject in batch.rejects]


def _places(dump: Dump) -> list[tuple[int, int, int]]:
    return [(reject.record, reject.line, reject.lines) for reject in _rejects(dump)]


@given(
    st.lists(
        st.lists(st.text(alphabet='a,;"\n\r\t é', max_size=6), min_size=3, max_size=3), max_size=5
    ),
    st.booleans(),
)
def test_splitter_reads_what_csv_writes(rows: list[list[str]], quote_all: bool) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, "unix" if quote_all else "excel").writerows(rows)
    found = []
    splitter = Splitter(",")
    for line in io.StringIO(written.getvalue(), newline="\n"):
        if splitter.feed(line) is State.DONE:
            found.append([unquote(cell) for cell in splitter.cells])
            splitter = Splitter(",")
    assert found == rows


@given(st.text(alphabet='a,"\n\r\t ', max_size=8))
def test_quoted_value_comes_back(value: str) -> None:
    assert unquote(quote(value, ",")) == value


@given(st.text(alphabet='a,"\n', max_size=40))
def test_no_csv_line_is_lost(tmp_path_factory: pytest.TempPathFactory, body: str) -> None:
    path = _write(tmp_path_factory.mktemp("fuzz"), "a.csv", f"text,n\n{body}")
    dump = open_dump(path)
    kept = []
    for batch in dump.batches():
        kept += [",".join(cells) for cells in batch.rows.cells(",")]
        kept += [reject.raw.decode().removesuffix("\n") for reject in batch.rejects]
    lines = sorted(line for record in kept for line in record.split("\n") if line)
    assert lines == sorted(line for line in body.split("\n") if line)


def test_csv_keeps_cells_to_the_letter(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.csv", 'id,text,x\r\n007,"a ""b""\r\nc",\r\n1e5,plain,""\r\n')
    dump = open_dump(path)
    rows = next(dump.batches()).rows
    assert list(rows.cells(",")) == [["007", '"a ""b""\r\nc"', ""], ["1e5", "plain", '""']]
    assert _texts(dump) == ['a "b"\r\nc', "plain"]
    assert dump.line_end == "\r\n"


def test_ragged_rows_are_rejected_with_their_place(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.csv", 'id,text\n1,"two\nlines"\n2,a,b\n3\n4,good\n')
    dump = open_dump(path)
    assert _texts(dump) == ["two\nlines", "good"]
    assert _places(dump) == [(2, 4, 1), (3, 5, 1)]
    assert [reject.reason for reject in _rejects(dump)] == [
        "3 cells, but the header has 2",
        "1 cells, but the header has 2",
    ]


@pytest.mark.parametrize(
    "body",
    [
        '1,"open\n2,good\n',
        '1,"open\n2,"good"\n',
        '1,good\n2,"open',
    ],
)
def test_open_quote_costs_only_its_line(tmp_path: Path, body: str) -> None:
    dump = open_dump(_write(tmp_path, "a.csv", f"id,text\n{body}"))
    assert _texts(dump) == ["good"]
    assert _rejects(dump)[0].reason == "unclosed quote"


def test_open_quote_is_not_followed_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "MAX_MULTILINE_BYTES", 20)
    path = _write(tmp_path, "a.csv", 'text\n"open\n' + "good\n" * 20 + 'end"\n')
    assert _texts(open_dump(path))[:20] == ["good"] * 20


def test_rest_of_a_broken_record_is_no_row(tmp_path: Path) -> None:
    body = '1,"first\nsaid "hi" to\nlast",x\n2,good\n'
    dump = open_dump(_write(tmp_path, "a.csv", f"text,id\n{body}"), text_column="id")
    assert _texts(dump) == ["good"]
    assert len(_rejects(dump)) == 3


def test_tsv_without_quoting_keeps_its_quotes(tmp_path: Path) -> None:
    dump = open_dump(_write(tmp_path, "a.tsv", 'id\ttext\n1\t"open\n2\t5" screen\n'))
    assert _texts(dump) == ['"open', '5" screen']
    assert not _rejects(dump)


def test_damaged_bytes_cost_only_their_record(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.csv", b"id,text\n1,ok\n2,caf\xe9\n3,fine\n")
    dump = open_dump(path)
    assert _texts(dump) == ["ok", "fine"]
    (reject,) = _rejects(dump)
    assert reject.reason == "not utf-8: byte 0xe9 at offset 18"
    assert reject.to_dict() == {
        "record": 2, "line": 3, "lines": 1, "reason": reject.reason, "raw_base64": "MixjYWbpCg==",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.jsonl"])
def test_wrong_encoding_of_the_whole_file_is_an_error(tmp_path: Path, name: str) -> None:
    lines = ["text", *(f'{{"text": "привет {n}"}}' for n in range(5))]
    path = _write(tmp_path, name, "\n".join(lines).encode("cp1251"))
    with pytest.raises(InputError, match=r"a\.\w+:2: not utf-8.*--encoding"):
        _texts(open_dump(path, encoding="utf-8"))


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "utf-8-sig", "utf-32-le"])
def test_encoding_can_be_named(tmp_path: Path, encoding: str) -> None:
    path = _write(tmp_path, "a.csv", '序号,text\n1,"你好\n朋友"\n2,再见\n'.encode(encoding))
    assert _texts(open_dump(path, encoding=encoding)) == ["你好\n朋友", "再见"]


def test_utf16_is_recognised(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.txt", "hello".encode("utf-16"))
    with pytest.raises(InputError, match="--encoding utf-16"):
        open_dump(path, encoding="utf-8")
    with pytest.raises(InputError, match="convert it to UTF-8"):
        open_dump(path, source_format="json")


@pytest.mark.parametrize("encoding", ["utf-99", "rot13", "base64", "a\0b"])
def test_unknown_encoding(tmp_path: Path, encoding: str) -> None:
    path = _write(tmp_path, "a.csv", "text\nhi\n")
    with pytest.raises(InputError, match="unknown encoding"):
        open_dump(path, encoding=encoding)


def test_bom_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    dump = open_dump(_write(tmp_path, "a.csv", b"\xef\xbb\xbftext\nhi\n"))
    assert (dump.columns, dump.bom, _texts(dump)) == (("text",), True, ["hi"])


def test_blank_lines(tmp_path: Path) -> None:
    assert _texts(open_dump(_write(tmp_path, "a.csv", "id,text\n1,a\n\n2,b\n\n"))) == ["a", "b"]
    assert _texts(open_dump(_write(tmp_path, "b.csv", "text\na\n\nb\n"))) == ["a", "", "b"]
    assert _texts(open_dump(_write(tmp_path, "c.txt", "a\r\n\r\nb\n"))) == ["a", "", "b"]
    assert _texts(open_dump(_write(tmp_path, "d.jsonl", '\n{"text":"a"}\n\n'))) == ["a"]


def test_only_newlines_end_a_line(tmp_path: Path) -> None:
    text = "a\x0bb\x0cc\x85d\u2028e\x00f"
    assert _texts(open_dump(_write(tmp_path, "a.txt", f"{text}\n"))) == [text]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.txt"])
def test_empty_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}.*empty"):
        open_dump(_write(tmp_path, name, b""))


def test_header_alone_is_a_dump_without_rows(tmp_path: Path) -> None:
    assert _texts(open_dump(_write(tmp_path, "a.csv", "id,text\n"))) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", "id,body\n1,x\n"), ("a.tsv", "id\tbody\n"), ("a.jsonl", '{"id":1,"body":"x"}')],
)
def test_missing_text_column_lists_the_columns(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(InputError, match=f"{name} has no column 'text'.*id, body"):
        open_dump(_write(tmp_path, name, content))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("text,text\n", "rename"),
        ('id,"text\n', "unclosed quote"),
        ("text\rhi\rho\r", "carriage return"),
        ("x" * 70_000 + ",text\n", "too long"),
        (b"te\xffxt\n", "--encoding"),
    ],
)
def test_header_that_cannot_be_used(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_dump(_write(tmp_path, "a.csv", header))


def test_output_columns_are_refused_or_dropped(tmp_path: Path) -> None:
    late = '{"text":"a"}\n' * 3000 + '{"text":"b","scamdetect_verdict":"scam","n":1.50}\n'
    for name, content in [
        ("a.csv", "scamdetect_verdict,text,n\nscam,b,1.50\n"),
        ("a.jsonl", late),
    ]:
        path = _write(tmp_path, name, content)
        with pytest.raises(InputError, match="scamdetect_verdict"):
            open_dump(path)
        dump = open_dump(path, overwrite_columns=True)
        assert dump.columns == ("text", "n")
        *_, last = [list(batch.rows.objects()) for batch in dump.batches()]
        assert "scamdetect_verdict" not in last[-1]
        assert "1.50" in last[-1]


def test_broken_json_lines_are_rejected_with_their_place(tmp_path: Path) -> None:
    lines = ['{"text":"a"}', '{"text": oops}', "", "[1]", '"x"', "null", "3", '{"text":"b"}', "{"]
    lines += ["[" * 100_000, '{"n": ' + "9" * 5000 + "}"]
    dump = open_dump(_write(tmp_path, "a.jsonl", "\n".join(lines)))
    assert _texts(dump) == ["a", "b"]
    rejects = _rejects(dump)
    assert [r.line for r in rejects] == [2, 4, 5, 6, 7, 9, 10, 11]
    assert [r.record for r in rejects] == [2, 3, 4, 5, 6, 8, 9, 10]
    assert rejects[0].reason == "broken JSON: Expecting value at character 10"
    assert rejects[1].reason == "a JSON array, not an object"
    assert rejects[0].to_dict()["raw"] == '{"text": oops}\n'


def test_jsonl_without_any_object(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no JSON object; line 1: a JSON array"):
        open_dump(_write(tmp_path, "a.jsonl", "[]\n"))


def test_jsonl_keeps_objects_to_the_letter(tmp_path: Path) -> None:
    raws = [
        r'{"z":1.10, "text":"\ud83d \u00e9","a":{"b":[1,  null]},"big":123456789012345678901234}',
        r'{ "text" : null }',
        r"{}",
    ]
    dump = open_dump(_write(tmp_path, "a.jsonl", "\n".join(raws)))
    rows = next(dump.batches()).rows
    assert list(rows.objects()) == raws
    assert list(rows.texts()) == ["\ud83d é", None, None]
    assert list(rows.cells(",")) == [
        ["1.10", "\ud83d é", '"{""b"":[1,  null]}"', "123456789012345678901234"],
        ["", "", "", ""],
        ["", "", "", ""],
    ]


def test_jsonl_columns_get_types(tmp_path: Path) -> None:
    lines = [
        '{"text":"a","i":1,"f":1,"b":true,"m":1,"n":null,"j":[1],"w":9007199254740993}',
        '{"text":"\\udc00","i":-2,"f":2.5,"b":null,"m":"x","w":0.5}',
    ]
    dump = open_dump(_write(tmp_path, "a.jsonl", "\n".join(lines)))
    table = next(dump.batches()).rows.table()
    assert table.schema == dump.schema
    assert [str(kind) for kind in table.schema.types] == [
        "string", "int64", "double", "bool", "string", "string", "string", "string",
    ]  # fmt: skip
    assert table.to_pydict() == {
        "text": ["a", "\\udc00"],
        "i": [1, -2],
        "f": [1.0, 2.5],
        "b": [True, None],
        "m": ["1", "x"],
        "n": [None, None],
        "j": ["[1]", None],
        "w": ["9007199254740993", "0.5"],
    }


def test_parquet_is_read_as_it_is(tmp_path: Path) -> None:
    table = pa.table(
        {"text": pa.array(["a", None, ""]).dictionary_encode(), "x": [[1], None, []]}
    ).replace_schema_metadata({"owner": "me"})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path)
    dump = open_dump(path)
    batch = next(dump.batches())
    assert batch.rows.table().equals(table)
    assert dump.schema.equals(pq.read_schema(path), check_metadata=True)
    assert _texts(dump) == ["a", None, ""]


@pytest.mark.parametrize("row_group_size", [500, 20_000])
def test_parquet_read_so_far_is_not_kept(tmp_path: Path, row_group_size: int) -> None:
    path = tmp_path / "a.parquet"
    texts = [os.urandom(400).hex() for _ in range(20_000)]
    pq.write_table(pa.table({"text": texts}), path, row_group_size, use_dictionary=False)
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in open_dump(path).batches()]
    assert max(held) < path.stat().st_size / 2


def test_parquet_values_as_json_and_cells(tmp_path: Path) -> None:
    columns = {
        "text": pa.array(["a", None, ""]),
        "time": pa.array([1_600_000_000_000_000_001, None, 0], pa.timestamp("ns")),
        "price": pa.array(["1.50", None, "2.00"]).cast(pa.decimal128(5, 2)),
        "blob": pa.array([b"\xff", None, b""]),
        "list": pa.array([[1.5, float("nan")], None, []]),
        "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int8())),
        "nan": [float("nan"), None, 0.5],
        "wait": pa.array([90, None, 0], pa.duration("s")),
    }
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), path)
    rows = next(open_dump(path).batches()).rows
    objects = [json.loads(text) for text in rows.objects()]
    assert objects[0] == {
        "text": "a", "time": "2020-09-13 12:26:40.000000001", "price": "1.50", "blob": "/w==",
        "list": [1.5, None], "map": [["k", 1]], "nan": None, "wait": "90",
    }  # fmt: skip
    assert list(objects[1].values()) == [None] * 8
    cells = list(rows.cells(","))
    assert cells[0] == [
        "a", "2020-09-13 12:26:40.000000001", "1.50", "/w==", '"[1.5, null]"', '"[[""k"", 1]]"',
        "nan", "90",
    ]  # fmt: skip
    assert cells[1] == [""] * 8
    assert cells[2][0] == '""'


def test_parquet_text_that_is_not_utf8_stays_bytes(tmp_path: Path) -> None:
    for kind in (pa.string(), pa.large_string()):
        raw = pa.array([b"ok", b"\xff", None], pa.large_binary()).cast(pa.binary())
        text = pa.Array.from_buffers(pa.string(), 3, raw.buffers()).cast(kind)
        path = tmp_path / "a.parquet"
        pq.write_table(pa.table({"text": text}), path)
        dump = open_dump(path)
        assert _texts(dump) == ["ok", b"\xff", None]
        with pytest.raises(InputError, match="column 'text' .* not UTF-8"):
            list(next(dump.batches()).rows.objects())


def test_parquet_column_of_numbers_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [1, 2]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="holds int64, not text.*--text-column"):
        open_dump(tmp_path / "a.parquet")


@pytest.mark.parametrize("keep", [3, 100, -20])
def test_truncated_parquet(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["hello"] * 1000}), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"a\.parquet: not a complete Parquet file"):
        open_dump(path)


def test_parquet_damaged_inside(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"hello {n}" for n in range(5000)]}), path)
    content = bytearray(path.read_bytes())
    content[200:2000] = b"\xff" * 1800
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.parquet: not a complete Parquet file"):
        _texts(open_dump(path))


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.csv.zip", "a.gz", "a.tar.gz"])
def test_unknown_extension_lists_the_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"\.csv, \.tsv.*\.parquet"):
        open_dump(_write(tmp_path, name, "text\n"))


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="not a file"):
        open_dump(tmp_path / "folder.csv")
    with pytest.raises(InputError, match="No such file"):
        open_dump(tmp_path / "none.csv")


def test_options_that_do_not_apply(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="--encoding"):
        open_dump(tmp_path / "a.parquet", encoding="utf-8")
    with pytest.raises(InputError, match="column 'text'"):
        open_dump(_write(tmp_path, "a.txt", "a\n"), text_column="body")


def test_batches_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 10)
    monkeypatch.setattr(batches, "BATCH_BYTES", 1000)
    body = "a\n" * 25 + ("x" * 600 + "\n") * 4
    found = list(open_dump(_write(tmp_path, "a.csv", f"text\n{body}")).batches())
    assert [len(batch.rows) for batch in found] == [10, 10, 7, 2]
    assert [batch.share for batch in found] == sorted(batch.share for batch in found)
    assert found[-1].share == 1.0


def test_the_share_of_parquet_grows_to_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "BATCH_ROWS", 10)
    pq.write_table(pa.table({"text": ["a"] * 25}), tmp_path / "a.parquet")
    found = [batch.share for batch in open_dump(tmp_path / "a.parquet").batches()]
    assert found == [0.4, 0.8, 1.0]
