"""Compressed dumps: the same rows as unpacked, and damage that is told."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect.dumps import batches
from scamdetect.dumps.batches import Dump
from scamdetect.dumps.lines import DamagedError, read_lines
from scamdetect.dumps.mail import mbox
from scamdetect.dumps.open import open_dump
from scamdetect.errors import InputError

MAIL = "From: ann@mail.example\nSubject: hello\n\nlunch\n"
FROM = "From ann@mail.example Tue Mar  5 10:00:00 2024\n"
MESSAGES = [{"id": 1, "type": "message", "text": "a"}, {"id": 2, "type": "message", "text": 5}]
CHAT = "12/31/23, 9:41\u202fPM - Ann: hi\n12/31/23, 9:42\u202fPM - Ben: <Media omitted>\n"
SAMPLES = {
    "a.csv": '\ufeffid,text\r\n1,"a\nb"\r\n2\r\n3,c\r\n',
    "a.tsv": "id\ttext\n1\ta\n",
    "a.txt": "a\n\nb",
    "a.jsonl": '{"text": "a"}\n{"n": 1}\n{\n',
    "a.json": '[{"text": "a"},\n {"n": 1}, 5]',
    "result.json": json.dumps({"type": "personal_chat", "id": 7, "messages": MESSAGES}),
    "WhatsApp Chat with Ann.txt": CHAT,
    "_chat.txt": CHAT,
    "a.mbox": f"stray\n\n{FROM}{MAIL}\n{FROM}{MAIL}",
    "a.eml": MAIL,
}
SUFFIXES = {".gz": "gzip", ".zst": "zstd"}


def _packed(content: bytes, compression: str) -> bytes:
    if compression == "gzip":
        return gzip.compress(content)
    return bytes(pa.compress(content, "zstd", asbytes=True))


def _write(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def _read(dump: Dump) -> list[Any]:
    return [(b.rows.table().to_pylist(), [r.to_dict() for r in b.rejects]) for b in dump.batches()]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", SAMPLES)
def test_rows_and_rejects_are_those_of_the_unpacked_file(
    tmp_path: Path, name: str, suffix: str
) -> None:
    content = SAMPLES[name].encode()
    plain = open_dump(_write(tmp_path / "x", name, content))
    path = _write(tmp_path / "x", name + suffix, _packed(content, SUFFIXES[suffix]))
    dump = open_dump(path)
    assert _read(dump) == _read(plain)
    assert (dump.columns, dump.bom, dump.notes) == (plain.columns, plain.bom, plain.notes)
    shares = [batch.share for batch in dump.batches()]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_compressed_text_in_another_encoding(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.txt.gz", gzip.compress("при\nвет\n".encode("utf-16")))
    assert [rows for rows, _ in _read(open_dump(path, encoding="utf-16"))] == [
        [{"text": "при"}, {"text": "вет"}]
    ]
    assert open_dump(path).encoding == "utf-16"
    with pytest.raises(InputError, match="--encoding utf-16"):
        open_dump(path, encoding="utf-8")


def test_mail_too_large_has_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mbox, "MAX_MAIL_BYTES", 1 << 20)
    monkeypatch.setattr(mbox, "HEAD_BYTES", 60)
    content = f"{MAIL}{'long line ' * 200_000}".encode()
    ((rows, (reject,)),) = _read(open_dump(_write(tmp_path, "a.eml.gz", gzip.compress(content))))
    assert rows == []
    assert f"bytes 0 to {len(content)} of the file" in reject["reason"]


@pytest.mark.parametrize("compression", SUFFIXES.values())
def test_files_put_together_are_read_on(tmp_path: Path, compression: str) -> None:
    parts = (b"text\na\n", b"b\n", b"")
    path = _write(tmp_path, "a.csv.gz", b"".join(_packed(part, compression) for part in parts))
    assert _read(open_dump(path)) == [([{"text": "a"}, {"text": "b"}], [])]


def test_the_content_tells_whether_it_is_compressed(tmp_path: Path) -> None:
    plain = _write(tmp_path, "a.csv.gz", b"text\na\n")
    packed = _write(tmp_path, "a.csv", gzip.compress(b"text\na\n"))
    assert _read(open_dump(plain)) == _read(open_dump(packed)) == [([{"text": "a"}], [])]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.txt", "a.json"])
@pytest.mark.parametrize("compression", SUFFIXES.values())
def test_a_file_that_was_cut_off_says_how_much_it_holds(
    tmp_path: Path, name: str, compression: str
) -> None:
    body = "".join(f'{{"text": "{n * n * 7919}"}}\n' for n in range(100_000))
    content = ("text\n" if name == "a.csv" else "") + body
    packed = _packed(content.encode(), compression)
    path = _write(tmp_path, name, packed[: len(packed) // 2])
    with pytest.raises(InputError, match=rf"{name}: {compression} data.* after \d\d,\d+ "):
        _read(open_dump(path))


def test_damage_within_is_told(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"text\n" + b"a\n" * 9))
    packed[-8] ^= 1  # the checksum
    with pytest.raises(DamagedError, match=r"a\.csv: gzip data .*incorrect data check"):
        _read(open_dump(_write(tmp_path, "a.csv", bytes(packed))))


@given(st.lists(st.text(max_size=9), max_size=30), st.floats(0, 1), st.sampled_from([*SUFFIXES]))
@settings(max_examples=60, deadline=None)
def test_what_is_read_of_a_cut_file_is_its_beginning(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], share: float, suffix: str
) -> None:
    content = "\n".join(lines).encode()
    packed = _packed(content, SUFFIXES[suffix])
    keep = max(4, int(len(packed) * share))
    path = _write(tmp_path_factory.mktemp("cut"), "a", packed[:keep])
    found = b""
    whole = True
    try:
        for line in read_lines(path, "utf-8"):
            found += line.raw
    except DamagedError:
        whole = False
    assert whole == (keep == len(packed))
    assert found == content if whole else content.startswith(found)


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 1000)
    content = "".join(f"{n * n * 7919}\n" for n in range(100_000)).encode()
    path = _write(tmp_path, "a.txt.gz", gzip.compress(content))
    found = open_dump(path).batches()
    first = next(found)
    assert (len(first.rows), first.share < 0.5) == (1000, True)
    assert sum(len(batch.rows) for batch in found) == 99_000


def test_what_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    packed = gzip.compress((tmp_path / "a.parquet").read_bytes())
    with pytest.raises(InputError, match="a Parquet file inside gzip"):
        open_dump(_write(tmp_path, "b.parquet.gz", packed))
    with pytest.raises(InputError, match="the file is empty"):
        open_dump(_write(tmp_path, "a.csv.gz", gzip.compress(b"")))
