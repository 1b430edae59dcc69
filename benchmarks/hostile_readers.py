"""Dumps that somebody made to break a reader, to hide a scam or to attack who opens the result."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.hostile_scene import Ran, Scene, faults
from benchmarks.malformed_inputs import marks

LURE = "guaranteed profit bitcoin"
PIECES = (
    "\x1b[31m", "\x1b]52;c;aGk=\x07", "\x9b31m", "\u202e", "\u200e", "\u2066", "\x00", "\x08",
    "\x0b\x0c", "\x85", "\u2028", "\ufeff", "\r", "\r=40+2", "\n", '"', '""', "=40+2", "\t=1", "@a",
    "-2+3", "＝1+1", ",", ";", "|", "a" * 5000, "e\u0301" * 40, "\U000e0041", "../../etc/passwd",
    "%s%n", "{0}", "${a}", "<script>", "' or 1=1", "\\", "\\u0000", "guaranteed profit", "利润",
)  # fmt: skip
NAMES = (
    "id", "a\x1b[31mb", "\x1b]52;c;aGk=\x07", "b\u202ea", "", " ", "=40+2", "x" * 300, "a,b",
    'q"q', "\x00", "a\nb", "text.a", "é", "scamdetect_decision", "id", "__index_level_0__",
)  # fmt: skip
TARGETS = ("out.csv", "out.tsv", "out.jsonl", "out.parquet")
_PATTERN = re.compile(r"zq\d{4}qz")
_END = re.compile(r'^\{"event": "done".*$', re.MULTILINE)
_IGNORED = " \x00\x7f\xad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_NUMBER = re.compile(r"[ ]*[+-][\d .,()/%-]*(?:(?<=\d)[eE][+-]?\d+)?[ %]*")


def hostile_texts(rnd: random.Random, count: int) -> list[str]:
    """Return messages of hostile pieces, each with its own mark."""
    first = rnd.randrange(9000)
    found = []
    for number in range(count):
        pieces = [f" zq{first + number:04}qz ", *rnd.choices(PIECES, k=rnd.randrange(1, 5))]
        rnd.shuffle(pieces)
        found.append("".join(pieces))
    return found


def score(scene: Scene, source: Path, target: str, *options: str) -> Ran:
    """Score a dump by the command line, with its summary as JSON on stderr."""
    return scene.model_cli("score", source, "-o", scene.folder / target, "--log-json", *options)


def summary(ran: Ran) -> dict[str, Any]:
    """Return the summary of a run, which can be empty."""
    found = _END.search(ran.err)
    return json.loads(found[0]) if found else {}


def kept_marks(folder: Path, target: str) -> set[bytes]:
    """Return the marks in a result and its rejects."""
    found: set[bytes] = set()
    path, rejects = folder / target, folder / f"{target}.rejected.jsonl"
    if path.suffix == ".parquet" and path.exists():
        texts = [str(column.to_pylist()) for column in pq.read_table(path).select(["text"]).columns]
        found |= marks("".join(texts).encode("utf-8", "replace"))
    elif path.exists():
        found |= marks(path.read_bytes())
    for line in rejects.read_bytes().splitlines() if rejects.exists() else ():
        one = json.loads(line)
        raw = one["raw"].encode() if "raw" in one else base64.b64decode(one["raw_base64"])
        found |= marks(raw)
    return found


def _judged(
    scene: Scene, ran: Ran, target: str, texts: list[str], records: int | None
) -> Iterator[str]:
    """Yield the faults of a run over a dump of so many records with these texts."""
    yield from faults(ran)
    if ran.value != 0:
        return
    ended = summary(ran)
    found = ended["rows"] + ended["rejected"]
    if records is not None and found != records:
        yield f"{found} rows and rejects of {records} records"
    wanted = {mark.encode() for text in texts for mark in _PATTERN.findall(text)}
    if missing := wanted - kept_marks(scene.folder, target):
        yield f"{len(missing)} of {len(wanted)} messages are in neither result nor rejects"


def delimited(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Score CSV and TSV with hostile names and cells, quoted where they must be or not."""
    sign, extension = rnd.choice(((",", "csv"), ("\t", "tsv")))
    texts = hostile_texts(rnd, rnd.choice((1, 5, 40)))
    names = ["text", *rnd.sample(NAMES, rnd.randrange(4))]
    rows = [names, *([text, *rnd.choices(PIECES, k=len(names) - 1)] for text in texts)]
    end = rnd.choice(("\n", "\r\n"))
    content = "".join(sign.join(_cell(cell, sign, rnd) for cell in row) + end for row in rows)
    encoding = rnd.choice(("utf-8", "utf-8-sig", "utf-8", "utf-16"))
    source = packed(scene, rnd, f"in.{extension}", content.encode(encoding))
    target = rnd.choice(TARGETS)
    ran = score(scene, source, target, "--encoding", encoding)
    # An empty line is no record, so what is in one column alone is not counted.
    records = len(texts) if len(names) > 1 else None
    yield from _judged(scene, ran, target, texts, records)


def _cell(cell: str, sign: str, rnd: random.Random) -> str:
    plain = not any(special in cell for special in (sign, '"', "\n", "\r"))
    return cell if plain and rnd.random() < 0.7 else '"' + cell.replace('"', '""') + '"'


def packed(scene: Scene, rnd: random.Random, name: str, content: bytes) -> Path:
    """Write a file as it is or compressed, in one piece or several."""
    form = rnd.choice(("", "", ".gz", ".gz", ".zst"))
    half = rnd.randrange(len(content) + 1)
    if form == ".gz":
        content = gzip.compress(content[:half]) + gzip.compress(content[half:])
    elif form == ".zst":
        content = pa.compress(content, codec="zstd", asbytes=True)
    return scene.write(f"{name}{form}", content)


def objects(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Score JSONL and JSON with hostile keys, huge numbers, deep values and surrogates."""
    texts = hostile_texts(rnd, rnd.choice((1, 8, 40)))
    lines = []
    for text in texts:
        members = [("text", json.dumps(text, ensure_ascii=rnd.random() < 0.5))]
        members += [(rnd.choice(NAMES), _json_value(rnd)) for _ in range(rnd.randrange(4))]
        rnd.shuffle(members)
        lines.append("{" + ",".join(f"{json.dumps(k)}:{v}" for k, v in members) + "}")
    array = rnd.random() < 0.4
    content = "[" + ",\n".join(lines) + "]" if array else "\n".join(lines) + "\n"
    source = packed(scene, rnd, "in.json" if array else "in.jsonl", content.encode())
    target = rnd.choice(TARGETS)
    ran = score(scene, source, target)
    yield from _judged(scene, ran, target, texts, len(texts))


def _json_value(rnd: random.Random) -> str:
    deep = rnd.choice((5, 200, 5000))
    return rnd.choice(
        (
            "null", "true", "1e400", "-1e400", "9" * 30, "9" * 5000, "1e-400", "NaN", "-0.0",
            "9223372036854775808", '"\\ud83d"', '"\\udc00\\ud800"', '"\\u0000"', '"\\u001b[31m"',
            "[" * deep + "]" * deep, '{"a":' * deep + "1" + "}" * deep, '[1,"a",{"a":[null]}]',
            '{"text":"a","text":"b"}', '"=40+2"', "[]", "{}", '{"":1}', '"a\\r=40+2"',
        )
    )  # fmt: skip


def nested_parquet(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Score Parquet of odd and nested types with values out of range."""
    texts = hostile_texts(rnd, 6)
    columns: list[tuple[str, pa.Array]] = [("text", pa.array(texts))]
    source = scene.folder / "in.parquet"
    for number in range(rnd.randrange(1, 4)):
        name = rnd.choice((*NAMES[:9], f"c{number}"))
        tried = [*columns, (name, _array(rnd, len(texts), rnd.randrange(3)))]
        table = pa.table([one for _, one in tried], names=[one for one, _ in tried])
        try:
            pq.write_table(table, source)
        except (pa.ArrowException, OverflowError):
            continue  # what no program writes
        columns = tried
    pq.write_table(pa.table([one for _, one in columns], names=[n for n, _ in columns]), source)
    target = rnd.choice(TARGETS)
    yield from _judged(scene, score(scene, source, target), target, texts, len(texts))


def _array(rnd: random.Random, size: int, depth: int) -> pa.Array:
    """Return an array of a random type, nested to this depth."""
    if depth:
        inner = _array(rnd, size, depth - 1)
        kind = rnd.randrange(4)
        if kind == 0:
            other = _array(rnd, size, depth - 1)
            names = rnd.choice((["x", "x"], ["x", "\x1b[31m"], ["", "x"]))
            return pa.StructArray.from_arrays([inner, other], names=names)
        offsets = pa.array([0, *sorted(rnd.choices(range(size), k=size - 1)), size], pa.int32())
        if kind == 1:
            return pa.ListArray.from_arrays(offsets, inner)
        if kind == 2:
            keys = pa.array([rnd.choice(("k", "\x1b[31m")) for _ in range(size)])
            return pa.MapArray.from_arrays(offsets, keys, inner)
        return inner
    kinds = rnd.choice((_wide_type, _narrow_type, _plain_array))
    found = kinds(rnd)
    if isinstance(found, pa.DataType):
        bits = found.bit_width
        edge = (1 << (bits - 1)) - 1
        pool = (0, -1, 1, edge, -edge - 1, rnd.randint(-edge, edge), None)
        numbers = rnd.choices(pool, k=size)
        return pa.array(numbers, {64: pa.int64(), 32: pa.int32(), 16: pa.int16()}[bits]).view(found)
    return found(size)


def _wide_type(rnd: random.Random) -> pa.DataType:
    unit = rnd.choice(("s", "ms", "us", "ns"))
    zones = (None, None, "UTC", "Europe/Berlin", "Mars/Olympus", "+99:99", "\x1b[31m", "")
    return rnd.choice(
        (
            pa.timestamp(unit, rnd.choice(zones)), pa.time64(rnd.choice(("us", "ns"))),
            pa.duration(unit), pa.date64(), pa.uint64(), pa.float64(),
        )
    )  # fmt: skip


def _narrow_type(rnd: random.Random) -> pa.DataType:
    unit = rnd.choice(("s", "ms"))
    return rnd.choice((pa.date32(), pa.time32(unit), pa.uint32(), pa.float32(), pa.float16()))


def _plain_array(rnd: random.Random) -> Any:  # noqa: ANN401
    pieces = rnd.choices(PIECES, k=8)
    return rnd.choice(
        (
            lambda size: pa.nulls(size),
            lambda size: pa.array(rnd.choices([None, True, False], k=size)),
            lambda size: pa.array([rnd.randbytes(5) for _ in range(size)]),
            lambda size: pa.array([rnd.randbytes(3) for _ in range(size)], pa.binary(3)),
            lambda size: pa.array(rnd.choices(pieces, k=size)),
            lambda size: pa.array(rnd.choices(pieces, k=size)).dictionary_encode(),
            lambda size: pa.array(rnd.choices(pieces, k=size), pa.large_string()),
            lambda size: pa.array([Decimal("-" + "9" * 38)] * size, pa.decimal128(38, 0)),
            lambda size: pa.array([Decimal("9e-70")] * size, pa.decimal256(76, 75)),
        )
    )


def spreadsheet(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Score with ``--spreadsheet-safe``; no cell may begin a formula as a spreadsheet splits."""
    texts = hostile_texts(rnd, 12)
    source_sign, target_sign = rnd.choice(",\t"), rnd.choice(",\t")
    lines = [source_sign.join(("id", "text", rnd.choice(("note", "=1+1"))))]
    for number, text in enumerate(texts):
        # A bare CR may be in a cell without quotes, a newline may not.
        bare = text.replace("\n", " ").replace(source_sign, " ").replace('"', "")
        note = rnd.choice(("\r=40+2", "a\r@x", "x", '"=1"', "'=1", "\t=1", " =1", "\x00=1"))
        note = note.replace(source_sign, "")
        lines.append(source_sign.join((str(number), bare, note)))
    extension = {",": "csv", "\t": "tsv"}
    source = scene.write(f"in.{extension[source_sign]}", "\n".join(lines) + "\n")
    target = f"out.{extension[target_sign]}"
    ran = score(scene, source, target, "--spreadsheet-safe", "--encoding", "utf-8")
    yield from _judged(scene, ran, target, texts, len(texts))
    if ran.value == 0:
        cells = sheet_cells((scene.folder / target).read_text("utf-8-sig"), target_sign)
        if running := sum(map(runs, cells)):
            yield f"{running} cells run as formulas"


def sheet_cells(content: str, sign: str) -> Iterator[str]:
    """Yield the cells as spreadsheets split a file: CR and LF end a row outside of quotes."""
    cell, quoted, place = "", False, 0
    while place < len(content):
        one = content[place]
        place += 1
        if quoted and one == '"' and content[place : place + 1] == '"':
            cell, place = cell + '"', place + 1
        elif one == '"' and (quoted or not cell):
            quoted = not quoted
        elif not quoted and one in (sign, "\r", "\n"):
            yield cell
            cell = ""
        else:
            cell += one
    yield cell


def runs(cell: str) -> bool:
    """Tell whether a spreadsheet may run the cell: a formula after what it passes over."""
    bare = cell.lstrip(_IGNORED)
    return bare[:1] in tuple("=+-@\t\r＝＋－＠") and bare != "" and not _NUMBER.fullmatch(cell)


def _whatsapp(scene: Scene, rnd: random.Random, lines: list[str]) -> tuple[Ran, list[Any]]:
    """Score an export of these lines as Android or an iPhone writes it; return its rows too."""
    iphone = rnd.random() < 0.5
    heads = ("[26/11/2026, 08:{:02}:00] ", "26/11/2026, 08:{:02} - ")
    head = heads[0] if iphone else heads[1]
    content = "".join(f"{head.format(n % 60)}{line}\n" for n, line in enumerate(lines))
    ran = score(scene, scene.write("WhatsApp Chat with Ann.txt", content), "out.parquet")
    path = scene.folder / "out.parquet"
    return ran, pq.read_table(path).to_pylist() if path.exists() else []


def whatsapp_notice(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Begin messages with U+200E, the sender's name or both; all must be scored."""
    name = rnd.choice(("Ann", "Ann Example", "+49 170 1234567", "Анна", "安娜", "~ Ann"))
    group = rnd.random() < 0.4
    first = "\u200eMessages and calls are end-to-end encrypted."
    lines = [f"{name}: {first}" if group else "Ben: hello", "Ben: hello lunch"]
    texts = []
    for number in range(6):
        mark = f"zq{rnd.randrange(1000) * 9 + number:04}qz"
        begin = rnd.choice(("\u200e{} ", "\u200e", "\u200e\u200e{} ", "\u200f{} ", "\u200e{}: "))
        texts.append(f"{begin.format(name)}{LURE} {mark}")
        lines.append(f"{name}: {texts[-1]}")
    ran, rows = _whatsapp(scene, rnd, lines)
    yield from faults(ran)
    scored = {row["text"] for row in rows if row["scamdetect_decision"] != "unscored"}
    found = marks("".join(map(str, scored)).encode())
    wanted = marks("".join(texts).encode())
    if missing := wanted - found:
        yield f"{len(missing)} of {len(wanted)} messages are not scored"


def other_calendars(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Write Buddhist and Persian years: in range, rejected or said in a note."""
    style = rnd.choice(("{}/{}/{:02}, 09:{:02} - ", "[{}/{}/{:02}, 09:{:02}:10] "))
    year = rnd.choice((67, 68, 69, 1402, 1403, 2567, 2569))
    day = rnd.randrange(13, 28)
    lines = [style.format(day, 11, year, n) + f"Ann: hello lunch {n}" for n in range(30)]
    if year == 1402:
        lines = [f"{year}/{11:02}/{day}, 09:{n:02} - Ann: hello lunch {n}" for n in range(30)]
    source = scene.write("WhatsApp Chat with Ann.txt", "\n".join(lines) + "\n")
    ran = score(scene, source, "out.parquet")
    yield from faults(ran)
    if ran.value != 0:
        return
    rows = pq.read_table(scene.folder / "out.parquet").to_pylist()
    years = {int(row["time"][:4]) for row in rows if row["time"]}
    said = any(re.search("calendar|Buddhist|Persian", n) for n in summary(ran)["notes"])
    if not said and not all(2009 <= one <= date.today().year + 1 for one in years):
        yield f"the year {min(years)} without a note"


def damaged_telegram(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Break an export midway, so large that work which grows as its square would hang."""
    wrong = rnd.choice(('{"id":', "[" * 3, '{"messages": [', '{"id": 1, "type": "message", '))
    texts = [f"hello lunch zq{n:04}qz" for n in range(30)]
    whole = [
        json.dumps({"id": n, "type": "message", "from": "Ann", "text": text})
        for n, text in enumerate(texts)
    ]
    copies = rnd.choice((10_000, 40_000))
    content = '{"name": "Ann", "type": "personal_chat", "id": 7, "messages": ['
    content += ",\n".join(whole) + ",\n" + wrong * copies
    ran = score(scene, scene.write("result.json", content), "out.jsonl")
    yield from faults(ran, codes=(0, 2, 3, 4))


def hostile_telegram(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Score an export with members of other types, deep values and keys twice."""
    texts = hostile_texts(rnd, 10)
    lines = []
    for number, text in enumerate(texts):
        members = [("id", str(number)), ("type", '"message"'), ("text", json.dumps(text))]
        keys = ("from", "date", "date_unixtime", "actor", "text", "reply_to_message_id", "media")
        if rnd.random() < 0.7:
            key = rnd.choice(keys)
            members = [one for one in members if one[0] != key] if key != "text" else members
            members.insert(rnd.choice((2, 3)), (key, _json_value(rnd)))
        lines.append("{" + ", ".join(f'"{k}": {v}' for k, v in members) + "}")
    content = f'{{"name": {_json_value(rnd)}, "type": "personal_chat", "id": 7, "messages": ['
    ran = score(scene, scene.write("result.json", f"{content}{','.join(lines)}]}}"), "out.csv")
    yield from faults(ran)


def nul_lines(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """End short lines with NUL; they are read one by one or refused, never as UTF-16."""
    size = rnd.choice((3, 4, 5, 8))
    texts = [f"ok{n:0{size}}"[-size:] for n in rnd.sample(range(999), rnd.choice((40, 400)))]
    end = rnd.choice(("\0", "\0\n", "\n\0", "\0\0"))
    name = rnd.choice(("in.txt", "in.csv", "in.tsv"))
    lines = texts if name == "in.txt" else ["text", *texts]
    ran = score(scene, scene.write(name, end.join(lines) + end), "out.jsonl")
    yield from faults(ran)
    if ran.value == 0:
        written = (scene.folder / "out.jsonl").read_text("utf-8")
        rejects = scene.folder / "out.jsonl.rejected.jsonl"
        written += rejects.read_text("utf-8") if rejects.exists() else ""
        if missing := sum(text not in written for text in texts):
            yield f"{missing} of {len(texts)} messages are in neither result nor rejects"


def no_header(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Score a table without a header; its first message must not be in the error."""
    mark = f"zq{rnd.randrange(9000):04}qz"
    cells = rnd.choice(
        (
            (f"Mum lost {mark}", " send cash"), (f"{mark} please send money to me now", "ok"),
            ("ok", f"call me {mark} today at noon", "1"), (f"hi {mark}", "see you at 5 at the bar"),
            (f"ok {mark}", "yes", "no, I do not think that I can come"),
        )
    )  # fmt: skip
    sign, extension = rnd.choice(((",", "csv"), ("\t", "tsv"), (";", "csv")))
    content = "\n".join(sign.join(cells) for _ in range(3)) + "\n"
    option = rnd.choice(((), ("--text-column", "body"), ("--columns", "a,b")))
    ran = score(scene, scene.write(f"in.{extension}", content), "out.jsonl", *option)
    yield from faults(ran, codes=(2,))


def mail(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Score mail with odd charsets, thousands of parts, deep nesting and huge headers."""
    charset = rnd.choice(("rot13", "idna", "punycode", "zip", "hex", "undefined", "x" * 999, "\0"))
    encoding = rnd.choice(("base64", "quoted-printable", "x-uuencode", "\x1b[31m", "7bit"))
    mark = f"zq{rnd.randrange(9000):04}qz"
    body = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n"
    body += f"{LURE} {mark}\n" + "begin 644 a\n=\n" * rnd.choice((0, 1000))
    for level in range(rnd.choice((1, 30, 300))):
        kind = rnd.choice((f'multipart/mixed; boundary="b{level}"', "message/rfc822"))
        if kind == "message/rfc822":
            body = f"Content-Type: {kind}\n\n{body}"
        else:
            parts = f"--b{level}\n" * rnd.choice((1, 1, 40))
            body = f"Content-Type: {kind}\n\n{parts}{body}\n--b{level}--\n"
    heads = rnd.choice(
        (
            "From: \x1b]52;c;aGk=\x07 <a@mail.example>\n", "From: =?rot13?b?zq?=\n" * 500,
            f"Subject: {'=?utf-8?q?' * 2000}\n", f"From: {'(' * 5000}a@mail.example\n",
            f"To: {'a,' * 20000}\n", "Date: Thu, 99 Nov 99999999 08:00:00 +9999\n",
        )
    )  # fmt: skip
    whole = f"{heads}{body}"
    form = rnd.choice(("eml", "mbox"))
    whole = f"From a Thu Nov 26 08:00:00 2026\n{whole}\n" * 3 if form == "mbox" else whole
    ran = score(scene, scene.write(f"in.{form}", whole), rnd.choice(TARGETS))
    yield from faults(ran)


def grouped(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Score groups, threads and times over hostile senders and times of every kind."""
    texts = hostile_texts(rnd, 20)
    times = ("2026-11-26", "0001-01-01", "99999-01-01", "1e400", "-1", "12:00", "\x1b", "", "١")
    rows = [
        {"text": text, "who": rnd.choice(PIECES), "at": rnd.choice(times), "chat": rnd.choice("ab")}
        for text in texts
    ]
    source = scene.write("in.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    target = rnd.choice(TARGETS)
    ran = score(scene, source, target)
    yield from _judged(scene, ran, target, texts, len(texts))
    scored = scene.folder / target
    by = ("--by", rnd.choice(("who", "chat", "text", "at")), "--time-column", "at")
    yield from faults(scene.cli("groups", scored, *by))
    threads = ("--thread-column", rnd.choice(("chat", "who")), "--time-column", "at")
    more = ("--sender-column", "who", *rnd.choice(((), ("--me", "\u202e"))))
    yield from faults(scene.model_cli("threads", scored, *threads, *more))


CASES = (
    delimited, objects, nested_parquet, spreadsheet, whatsapp_notice, other_calendars,
    damaged_telegram, hostile_telegram, nul_lines, no_header, mail, grouped,
)  # fmt: skip
