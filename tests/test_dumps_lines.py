"""Lines: every byte in one of them, also of those that cannot be read."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect.dumps import lines
from scamdetect.dumps.batches import Dump, Reject
from scamdetect.dumps.lines import Line, read_lines
from scamdetect.dumps.open import open_dump
from scamdetect.errors import InputError

LONG = 100_000
CUT = "a line of more than 0 MiB, of which the first 64 KiB are kept here"
CHAT = "12/03/2024, 10:0{} - Ann: {}\n"


@pytest.fixture
def short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_RECORD_BYTES", LONG - 1)


def _write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _read(dump: Dump) -> tuple[list[str | None], list[Reject]]:
    batches = list(dump.batches())
    assert batches[-1].share == 1.0
    texts = [text for batch in batches for text in batch.rows.texts()]
    return texts, [reject for batch in batches for reject in batch.rejects]


def _lines(path: Path, content: bytes, encoding: str) -> list[Line]:
    path.write_bytes(content)
    return list(read_lines(path, encoding))


@given(
    st.text(alphabet=st.sampled_from("ab\n\r\0\u0a0a\u0a00\u0d0a\u0100😀"), max_size=60),
    st.sampled_from(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "cp037", "utf-8"]),
)
@settings(deadline=None)
def test_lines_are_those_of_the_text(
    tmp_path_factory: pytest.TempPathFactory, text: str, encoding: str
) -> None:
    if encoding == "cp037":
        text = text.encode("latin-1", "ignore").decode("latin-1")
    content = text.encode(encoding)
    path = tmp_path_factory.getbasetemp() / "lines"
    found = _lines(path, content, encoding)
    assert [line.text for line in found] == list(io.StringIO(text, newline="\n"))
    assert [line.number for line in found] == list(range(1, len(found) + 1))
    assert content.endswith(b"".join(line.raw for line in found))
    assert not found or found[-1].end == len(content)


@given(
    st.binary(max_size=60), st.sampled_from(["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
)
@settings(deadline=None)
def test_any_bytes_are_kept(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, encoding: str
) -> None:
    content = b"a\0\0\0" + content  # not as compressed files begin
    found = _lines(tmp_path_factory.getbasetemp() / "bytes", content, encoding)
    assert b"".join(line.raw for line in found) == content
    assert all(line.text.encode(encoding) == line.raw for line in found if not line.problem)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_lines_longer_than_what_is_read_at_once(tmp_path: Path, encoding: str) -> None:
    text = "".join(f"{chr(0xA0A + n) * n * 5000}\n" for n in range(9))
    found = _lines(tmp_path / "a", text.encode(encoding), encoding)
    assert "".join(line.text for line in found) == text
    assert len(found) == 9


@pytest.mark.parametrize(
    ("encoding", "unit", "shown"),
    [
        ("utf-16", b"\x3d\xd8", "bytes 0x3dd8"),
        ("utf-16-be", b"\xdc\x0a", "bytes 0xdc0a"),
        ("utf-32-le", b"\x00\x00\x11\x00", "bytes 0x00001100"),
    ],
)
def test_wrong_unit_costs_its_line(tmp_path: Path, encoding: str, unit: bytes, shown: str) -> None:
    before, after = "text,id\na,1\nb".encode(encoding), "x,2\nc,3\n"
    rest = after.encode("utf-16-le" if encoding == "utf-16" else encoding)
    path = _write(tmp_path, "a.csv", before + unit + rest)
    texts, (reject,) = _read(open_dump(path, encoding=encoding))
    assert texts == ["a", "c"]
    assert (reject.record, reject.line, reject.lines) == (2, 3, 1)
    assert reject.reason == f"not {encoding}: {shown} at offset {len(before)}"
    assert unit in reject.raw


def test_odd_byte_at_the_end(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.txt", "ab\ncd\nef".encode("utf-16") + b"g")
    texts, (reject,) = _read(open_dump(path))
    assert texts == ["ab", "cd"]
    assert reject.reason == "not utf-16: byte 0x67 at offset 18"
    assert reject.raw == b"e\0f\0g"


def test_wide_rejects_that_decode_are_in_utf8(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.csv", 'text,id\na,1\n"é\nb",2,3\n'.encode("utf-16"))
    _, (reject,) = _read(open_dump(path))
    assert reject.to_dict()["raw"] == '"é\nb",2,3\n'
    path = _write(tmp_path, "a.jsonl", '{"text":"a"}\n{"é\n'.encode("utf-16"))
    _, (reject,) = _read(open_dump(path))
    assert reject.to_dict()["raw"] == '{"é\n'


def test_wrong_wide_encoding_is_told(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.txt", b"".join(b"\xd8\xd8a\0\n\0" for _ in range(9)))
    with pytest.raises(InputError, match=r"a\.txt:1: not utf-16-le.*9 of the first 9.*--encoding"):
        _read(open_dump(path, encoding="utf-16-le"))
    with pytest.raises(InputError, match=r"a\.txt: not utf-16, .*byte-order mark.*utf-16-be"):
        _read(open_dump(path, encoding="utf-16"))


@pytest.mark.usefixtures("short_limit")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32-be", "cp1252", "cp037"])
@pytest.mark.parametrize("over", [0, 1, 2, 64 << 10, 200_000])
def test_too_long_line_is_cut(tmp_path: Path, encoding: str, over: int) -> None:
    long = "x" * (LONG + over)
    content = f"a\n{long}\nb\n".encode(encoding)
    first, cut, last = _lines(tmp_path / "a", content, encoding)
    assert (first.text, last.text, last.problem) == ("a\n", "b\n", None)
    assert (cut.problem, cut.is_cut, cut.undecodable, len(cut.raw)) == (CUT, True, False, 64 << 10)
    assert [line.number for line in (first, cut, last)] == [1, 2, 3]
    assert last.end == len(content)
    assert cut.end == len(content) - len(last.raw)


@pytest.mark.usefixtures("short_limit")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", f"text,id\na,1\n{'x' * LONG},2\nb,3\n"),
        ("a.csv", f'text,id\na,1\n"{"x" * LONG}\nrest",2\nb,3\n'),
        ("a.tsv", f"text\tid\na\t1\n{'x' * LONG}\t2\nb\t3\n"),
        ("a.txt", f"a\n{'x' * LONG}\nb\n"),
        ("a.jsonl", f'{{"text":"a"}}\n{{"text":"{"x" * LONG}"}}\n{{"text":"b"}}\n'),
        ("a.jsonl", f'{{"text":"a"}}\n{" " * LONG}x\n{{"text":"b"}}\n'),
        ("a.txt", CHAT.format(1, "a") + CHAT.format(2, "x" * LONG) + CHAT.format(3, "b") * 2),
    ],
)
def test_too_long_line_is_a_reject(tmp_path: Path, name: str, content: str) -> None:
    texts, rejects = _read(open_dump(_write(tmp_path, name, content)))
    assert texts[:2] == ["a", "b"]
    assert rejects[0].reason == CUT
    start = next(line for line in content.split("\n") if len(line) >= LONG)
    assert rejects[0].raw == start[: 64 << 10].encode()
    assert rejects[0].line == content.split("\n").index(start) + 1
    assert [reject.line for reject in rejects[1:]] == ([4] if "rest" in content else [])


@pytest.mark.usefixtures("short_limit")
def test_too_long_line_within_an_open_quote(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.csv", f'text,id\n"a\n{"x" * LONG}",1\nb,2\n')
    texts, rejects = _read(open_dump(path))
    assert texts == ["b"]
    assert [(one.line, one.reason) for one in rejects] == [
        (2, "unclosed quote"), (3, CUT),
    ]  # fmt: skip


@pytest.mark.usefixtures("short_limit")
def test_too_long_line_within_a_chat_message(tmp_path: Path) -> None:
    content = CHAT.format(1, "a") + f"{'x' * LONG}\nmore\n" + CHAT.format(2, "b") * 2
    texts, rejects = _read(open_dump(_write(tmp_path, "WhatsApp Chat with Ann.txt", content)))
    assert texts == ["b", "b"]
    assert [(one.line, one.lines, one.reason) for one in rejects] == [
        (1, 2, CUT), (3, 1, "a message of more than 1 MiB"),
    ]  # fmt: skip


@pytest.mark.usefixtures("short_limit")
def test_too_long_line_of_names_is_an_error(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.csv", f"text,{'x' * LONG}\na,1\n")
    with pytest.raises(InputError, match=r"a\.csv:1: the first line is too long"):
        open_dump(path)


@pytest.mark.usefixtures("short_limit")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_memory_is_bounded(tmp_path: Path, encoding: str) -> None:
    path = _write(tmp_path, "a.txt", f"a\n{'x' * 5_000_000}\nb\n".encode(encoding))
    tracemalloc.start()
    try:
        assert len(list(read_lines(path, encoding))) == 3
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("short_limit")
def test_too_long_last_line_without_its_end(tmp_path: Path) -> None:
    row = json.dumps({"text": "a", "n": 1})
    dump = open_dump(_write(tmp_path, "a.jsonl", f"{row}\n{'[' * LONG}"))
    assert (dump.columns, len(_read(dump)[1])) == (("text", "n"), 1)
