"""Malformed dumps of fixed seeds: files of invented messages, and what can happen to them.

Each record has its own mark, so that a record can be found again wherever it ends up.
"""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

RECORDS = 12
MARK = re.compile(rb"zq\d{4}qz")
_WIDE_MARK = re.compile(rb"z\0{1,3}q\0{1,3}(?:\d\0{1,3}){4}q\0{1,3}z")
_HEADER = re.compile(rb"^[!-9;-~]+:.*$", re.MULTILINE)
_TEXTS = (
    "Hi, your parcel {} waits at customs, pay the fee at parcel.example today",
    'She said "come at noon", so {} is booked; bring the cake, please',
    "Guaranteed profit {}, ask Ann how she got her bitcoin back",
    "Ваша посылка {} ждёт, оплатите сбор на parcel.example",
    "明天中午见 {} 老地方，别忘了带伞",
    "สวัสดี {} พรุ่งนี้กินข้าวด้วยกันไหม",
    "Grüße aus Köln, {} wird später 😀",
    "two lines of a message\nand {} in the second",
)

Damage = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Case:
    """One malformed input: its file name and bytes, and how it came to be."""

    name: str
    form: str
    damage: str
    file: str
    content: bytes

    @property
    def marks(self) -> set[bytes]:
        """Return the marks of records that must be found again.

        Of a mail those below its headers, of which only known ones are kept.
        """
        if self.form in ("mbox", "eml"):
            return marks(_HEADER.sub(b"", self.content))
        return marks(self.content)


def cases(each: int) -> Iterator[Case]:
    """Yield ``each`` inputs of every format and damage."""
    for form, (file, build) in FORMS.items():
        for damage, spoil in (DAMAGES | DAMAGES_OF.get(form, {})).items():
            for seed in range(each):
                rnd = random.Random(f"{form} {damage} {seed}")
                content = spoil(build(rnd), rnd)
                name = f"{form}-{damage.replace(' ', '-')}-{seed}"
                end = {"cut gzip": ".gz", "cut zstd": ".zst"}.get(damage, "")
                yield Case(name, form, damage, f"{file}{end}", content)


def marks(content: bytes) -> set[bytes]:
    """Return the marks that are intact in the bytes, also with two or four bytes a character."""
    wide = {mark.replace(b"\0", b"") for mark in _WIDE_MARK.findall(content)}
    return set(MARK.findall(content)) | wide


def _messages(rnd: random.Random) -> list[str]:
    first = rnd.randrange(9000)
    return [rnd.choice(_TEXTS).format(f"zq{first + n:04}qz") for n in range(RECORDS)]


def _delimited(sign: str) -> Callable[[random.Random], bytes]:
    def build(rnd: random.Random) -> bytes:
        file = io.StringIO(newline="")
        rows = csv.writer(file, delimiter=sign, lineterminator=rnd.choice(("\n", "\r\n")))
        rows.writerow(["id", "sender", "text"])
        rows.writerows([n, f"+49 170 {n}", text] for n, text in enumerate(_messages(rnd)))
        return file.getvalue().encode()

    return build


def _objects(rnd: random.Random) -> list[dict[str, object]]:
    return [{"id": n, "from": {"a": [n]}, "text": text} for n, text in enumerate(_messages(rnd))]


def _jsonl(rnd: random.Random) -> bytes:
    ascii_only = rnd.random() < 0.3
    lines = [json.dumps(one, ensure_ascii=ascii_only) for one in _objects(rnd)]
    return ("\n".join(lines) + "\n").encode()


def _json(rnd: random.Random) -> bytes:
    return json.dumps(_objects(rnd), ensure_ascii=False, indent=rnd.choice((None, 0, 2))).encode()


def _parquet(rnd: random.Random) -> bytes:
    table = pa.Table.from_pylist([{"id": o["id"], "text": o["text"]} for o in _objects(rnd)])
    file = io.BytesIO()
    # Plain, so that a mark stands once in the file and damage shows.
    pq.write_table(
        table, file, compression="none", use_dictionary=False, write_statistics=False,
        row_group_size=5,
    )  # fmt: skip
    return file.getvalue()


def _mail(rnd: random.Random, text: str, n: int) -> str:
    (mark,) = re.findall(r"zq\d{4}qz", text)
    head = f"From: Ann <ann{n}@mail.example>\nMessage-ID: <{mark}@mail.example>\nSubject: {mark}\n"
    if n % 3 == 0:
        body = base64.encodebytes(text.encode()).decode()
        kind = 'text/plain; charset="utf-8"\nContent-Transfer-Encoding: base64'
    elif n % 3 == 1:
        kind, body = 'text/html; charset="utf-8"', f"<p>Hi</p><div>{text}</div>\n"
    else:
        kind = 'multipart/alternative; boundary="b1"'
        body = f"--b1\nContent-Type: text/plain\n\n{text}\n--b1--\n"
    return f"{head}MIME-Version: 1.0\nContent-Type: {kind}\n\n{body}\n"


def _mbox(rnd: random.Random) -> bytes:
    mails = [_mail(rnd, text, n) for n, text in enumerate(_messages(rnd))]
    return "".join(f"From ann Thu Nov 26 08:00:00 2026\n{mail}" for mail in mails).encode()


def _eml(rnd: random.Random) -> bytes:
    return _mail(rnd, _messages(rnd)[0], rnd.randrange(3)).encode()


def _telegram(rnd: random.Random) -> bytes:
    messages = [
        {
            "id": n, "type": "message", "date": f"2026-11-26T08:00:{n:02}",
            "date_unixtime": str(1795680000 + n), "from": "Ann", "from_id": "user1",
            "text": text if n % 2 else [text, {"type": "bold", "text": "!"}],
        }
        for n, text in enumerate(_messages(rnd))
    ]  # fmt: skip
    chat = {"name": "Ann", "type": "personal_chat", "id": 7, "messages": messages}
    return json.dumps(chat, ensure_ascii=False, indent=1).encode()


def _whatsapp(rnd: random.Random) -> bytes:
    lines = [f"26/11/2026, 08:{n:02} - Ann: {text}" for n, text in enumerate(_messages(rnd))]
    return ("\n".join(lines) + "\n").encode()


def _text(rnd: random.Random) -> bytes:
    return "\n".join(text.replace("\n", " ") for text in _messages(rnd)).encode()


FORMS: dict[str, tuple[str, Callable[[random.Random], bytes]]] = {
    "csv": ("dump.csv", _delimited(",")),
    "csv of semicolons": ("dump.csv", _delimited(";")),
    "tsv": ("dump.tsv", _delimited("\t")),
    "jsonl": ("dump.jsonl", _jsonl),
    "json": ("dump.json", _json),
    "parquet": ("dump.parquet", _parquet),
    "txt": ("dump.txt", _text),
    "mbox": ("dump.mbox", _mbox),
    "eml": ("dump.eml", _eml),
    "telegram": ("result.json", _telegram),
    "whatsapp": ("WhatsApp Chat with Ann.txt", _whatsapp),
}


def _cut(data: bytes, rnd: random.Random) -> bytes:
    return data[: rnd.randrange(1, len(data))]


def _cut_start(data: bytes, rnd: random.Random) -> bytes:
    return data[rnd.randrange(1, len(data) // 2) :]


def _hole(data: bytes, rnd: random.Random) -> bytes:
    start = rnd.randrange(len(data))
    return data[:start] + data[start + rnd.randrange(1, 300) :]


def _flip(data: bytes, rnd: random.Random) -> bytes:
    spoilt = bytearray(data)
    for _ in range(rnd.choice((1, 3, 20))):
        spoilt[rnd.randrange(len(spoilt))] ^= 1 << rnd.randrange(8)
    return bytes(spoilt)


def _fuzz(data: bytes, rnd: random.Random) -> bytes:
    """Put signs that mean something where they mean nothing, and take others away."""
    spoilt = bytearray(data)
    for _ in range(rnd.choice((1, 5, 30))):
        place = rnd.randrange(len(spoilt) + 1)
        if rnd.random() < 0.5:
            spoilt[place:place] = rnd.choice((b'"', b"\n", b",", b"\\", b"{", b"]", b"\r", b"\xff"))
        else:
            del spoilt[place : place + rnd.randrange(1, 4)]
    return bytes(spoilt)


def _quotes(data: bytes, rnd: random.Random) -> bytes:
    places = [n for n, byte in enumerate(data) if byte == ord('"')]
    spoilt = bytearray(data)
    for place in sorted(rnd.sample(places, min(len(places), rnd.choice((1, 3)))), reverse=True):
        spoilt[place : place + 1] = rnd.choice((b"", b'""'))
    return bytes(spoilt)


def _zeros(data: bytes, rnd: random.Random) -> bytes:
    place = rnd.randrange(len(data))
    return data[:place] + b"\0" * rnd.choice((1, 4, 600)) + data[place:]


def _line_ends(data: bytes, rnd: random.Random) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r")


def _shuffled(data: bytes, rnd: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    rnd.shuffle(lines)
    return b"".join(lines)


def _repeated(data: bytes, rnd: random.Random) -> bytes:
    return data + data[rnd.randrange(len(data)) :] + data


def _giant(data: bytes, rnd: random.Random) -> bytes:
    place = rnd.randrange(len(data))
    return data[:place] + rnd.choice((b"a", b'"', b"\n", "é".encode())) * 300_000 + data[place:]


def _nested(data: bytes, rnd: random.Random) -> bytes:
    place = data.index(b"\n") + 1 if b"\n" in data else 1
    deep = rnd.choice((b'{"a":', b"[")) * 50_000
    return data[:place] + deep + data[place:]


def _other_encoding(data: bytes, rnd: random.Random) -> bytes:
    name = rnd.choice(("cp1252", "gb18030", "utf-16", "utf-16-le", "utf-32", "utf-7", "cp1251"))
    return data.decode("utf-8", "replace").encode(name, "replace")


def _surrogates(data: bytes, rnd: random.Random) -> bytes:
    place = rnd.choice([found.end() for found in MARK.finditer(data)])
    return (
        data[:place] + rnd.choice((b"\\ud83d", b"\xed\xa0\xbd", b"\\udc00\\ud800")) + data[place:]
    )


def _garbage(data: bytes, rnd: random.Random) -> bytes:
    return rnd.randbytes(rnd.choice((1, 50, 5000)))


def _packed(pack: Callable[[bytes], bytes]) -> Damage:
    def cut(data: bytes, rnd: random.Random) -> bytes:
        return _cut(pack(data), rnd)

    return cut


def _columns(data: bytes, rnd: random.Random) -> bytes:
    """Swap, drop and add cells of some lines."""
    lines = data.split(b"\n")
    sign = rnd.choice((b",", b";", b"\t"))
    for place in rnd.sample(range(len(lines)), 5):
        cells = lines[place].split(sign)
        rnd.shuffle(cells)
        lines[place] = sign.join(cells if rnd.random() < 0.5 else [*cells, b"x"])
    return b"\n".join(lines)


DAMAGES: dict[str, Damage] = {
    "cut": _cut,
    "cut start": _cut_start,
    "hole": _hole,
    "bit flips": _flip,
    "fuzz": _fuzz,
    "zero bytes": _zeros,
    "giant record": _giant,
    "garbage": _garbage,
    "repeated": _repeated,
}
_PLAIN: dict[str, Damage] = {
    "quotes": _quotes,
    "line ends": _line_ends,
    "shuffled lines": _shuffled,
    "deep nesting": _nested,
    "other encoding": _other_encoding,
    "surrogates": _surrogates,
    "cut gzip": _packed(gzip.compress),
    "cut zstd": _packed(lambda data: pa.compress(data, codec="zstd", asbytes=True)),
}
DAMAGES_OF: dict[str, dict[str, Damage]] = {
    form: _PLAIN | ({"columns": _columns} if form.startswith(("csv", "tsv")) else {})
    for form in FORMS
    if form != "parquet"
}
