"""Read JSONL, and JSON files of objects, in an array or one after the other."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

import pyarrow as pa

from scamdetect.dumps.batch import JSON, Batch, Dump, Item, Reject, grouped, problem_of
from scamdetect.dumps.text import EmptyFileError, Stream, read_lines
from scamdetect.errors import InputError
from scamdetect.frames.arrow import array, encodable

Opener = Callable[[], Stream]
Types = dict[str, set[str]]  # the types of the values of each column

_INT64, _EXACT_IN_FLOAT = range(-(2**63), 2**63), range(-(2**53), 2**53 + 1)
_CHUNK_BYTES, _MAX_RECORD = 1 << 20, 16 << 20
_BETWEEN = re.compile(r"[\s,\[\]]*")
_NEXT = re.compile(r"[,\n]\s*(?=\{)")  # where a record after damage may start
UNDECODED = re.compile("[\udc80-\udcff]")  # bytes that are not UTF-8, as surrogates
# Strings may hold raw control characters: a sender can write them, and not every exporter escapes.
_DECODER = json.JSONDecoder(strict=False)


def open_json(
    opener: Opener, where: str, encoding: str, *, lines: bool, survey: bool = True
) -> Dump:
    """Open objects in lines (JSONL), in an array or one after the other; raise InputError."""

    def items() -> Iterator[Item]:
        return _line_items(opener(), encoding) if lines else _array_items(opener(), where)

    # A first pass finds every column before the first row is written; scoring takes much longer.
    types: Types = {}
    reject: Reject | None = None
    for group in grouped(items(), encoding, where):
        reject = reject or next((reject for reject in group.rejects if not reject.kept), None)
        _collect(types, group.records)
        if not survey:
            break
    if not types:
        if reject is None:
            raise EmptyFileError(f"{where}: contains no JSON object")
        raise InputError(f"{where}: contains no JSON object; line {reject.line}: {reject.reason}")
    schema = _schema(types)
    with closing(opener()) as stream:
        total = stream.size

    def batches() -> Iterator[Batch]:
        for group in grouped(items(), encoding, where):
            seen = types if survey else _collect({}, group.records)
            table = _table(group.records, seen, schema if survey else _schema(seen))
            share = group.offset / total if total else 0.0
            yield Batch(table, tuple(group.rejects), share)

    return Dump(schema, batches, encoding)


def _collect(types: Types, records: Iterable[dict[str, Any]]) -> Types:
    for record in records:
        for name, value in record.items():
            types.setdefault(name, set()).add(_type_name(value))
    return types


def _type_name(value: object) -> str:
    if isinstance(value, int) and value not in _EXACT_IN_FLOAT:
        return "long" if value in _INT64 else "longer"
    return type(value).__name__


def _schema(types: Types) -> pa.Schema:
    return pa.schema([_field(name, kinds - {"NoneType"}) for name, kinds in types.items()])


def _field(name: str, kinds: set[str]) -> pa.Field:
    """Return a plain type that represents all values exactly, or JSON text."""
    name = encodable(name)
    if not kinds:
        return pa.field(name, pa.null())
    if kinds == {"str"}:
        return pa.field(name, pa.string())
    if kinds == {"bool"}:
        return pa.field(name, pa.bool_())
    if kinds <= {"int", "long"}:
        return pa.field(name, pa.int64())
    if kinds <= {"int", "float"}:
        return pa.field(name, pa.float64())
    return pa.field(name, pa.string(), metadata=JSON)


def _table(records: list[dict[str, Any]], types: Types, schema: pa.Schema) -> pa.Table:
    columns = []
    for name, field in zip(types, schema, strict=True):
        values = [record.get(name) for record in records]
        if field.metadata:
            values = [v if v is None else json.dumps(v, ensure_ascii=False) for v in values]
        columns.append(array(values, field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _line_items(stream: Stream, encoding: str) -> Iterator[Item]:
    for line in read_lines(stream, encoding):
        if not line.text.strip():
            continue
        note = problem_of(line)
        value = note.reason if note and line.is_cut else read_object(line.text)
        record: Any = value
        if isinstance(value, str):
            record = Reject(line.number, value, line.raw, offset=line.offset)
        yield Item(record, len(line.raw), stream.position, note)


def read_object(text: str) -> dict[str, Any] | str:
    """Return the JSON object of a text, or the reason it is not one."""
    try:
        value, end = _DECODER.raw_decode(text.strip())
    except json.JSONDecodeError as problem:
        return _broken(problem)
    except (ValueError, RecursionError):
        return "JSON nested too deeply or with a number too long to read"
    if end != len(text.strip()):
        return f"broken JSON: Extra data at character {end + 1}"
    return value if isinstance(value, dict) else _not_object(value)


def _broken(problem: json.JSONDecodeError) -> str:
    # Some messages quote a character of the text.
    return f"broken JSON: {problem.msg.partition(':')[0]} at character {problem.pos + 1}"


def _not_object(value: object) -> str:
    names = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return f"a JSON {names.get(type(value), 'number')}, not an object"


class Buffer:
    """Decoded text around a position in a file; bytes that are not UTF-8 are surrogates."""

    def __init__(self, stream: Stream) -> None:
        self.text, self.at = "", 0
        self.line, self.offset = 1, 0  # of the position
        self.ended = False
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def grow(self) -> None:
        """Read more, at least as much as there is, so that no value is often read again."""
        data = self._stream.read(max(_CHUNK_BYTES, len(self.text) - self.at))
        self.text = self.text[self.at :] + self._decoder.decode(data, final=not data)
        self.at, self.ended = 0, not data

    def take(self, end: int) -> bytes:
        """Return the bytes up to ``end`` and move there."""
        raw = self.text[self.at : end].encode("utf-8", "surrogateescape")
        self.line += raw.count(b"\n")
        self.offset += len(raw)
        self.at = end
        return raw

    def skip(self) -> int:
        """Skip what is between records; return by how many arrays it goes in."""
        depth = 0
        while True:
            between = _BETWEEN.match(self.text, self.at)
            end = between.end() if between else self.at
            raw = self.take(end)
            depth += raw.count(b"[") - raw.count(b"]")
            if end < len(self.text) or self.ended:
                return depth
            self.grow()


def _array_items(stream: Stream, where: str) -> Iterator[Item]:
    """Yield the objects; damage costs the bytes up to where a record may start again."""
    with closing(stream):
        buffer = Buffer(stream)
        buffer.grow()
        buffer.text = buffer.text.removeprefix("\ufeff")
        if buffer.text.lstrip()[:1] not in ("[", "{"):
            raise InputError(
                f"{where}:1: starts with neither [ nor {{, so it is not JSON; pass the right "
                "--format"
            )
        depth = buffer.skip()
        while buffer.at < len(buffer.text):
            line, offset = buffer.line, buffer.offset
            value: Any
            value, end = next_value(buffer)
            text = buffer.text[buffer.at : end]
            raw = buffer.take(end)
            note = None
            if isinstance(value, str):
                value = Reject(line, value, raw, offset=offset)
            elif UNDECODED.search(text):
                value = _DECODER.decode(UNDECODED.sub("\ufffd", text))
                note = Reject(line, "not utf-8; U+FFFD instead", raw, offset=offset, kept=True)
            yield Item(value, len(raw), stream.position, note)
            depth += buffer.skip()
        if depth > 0:
            problem = Reject(buffer.line, "the file ends before its array does", b"")
            yield Item(problem, 0, stream.position)


def next_value(buffer: Buffer, start: re.Pattern[str] = _NEXT) -> tuple[dict[str, Any] | str, int]:
    """Return the object at the position, or why there is none, and where it ends."""
    while True:
        try:
            value, end = _DECODER.raw_decode(buffer.text, buffer.at)
            # A number at the end of what was read may go on.
            if end < len(buffer.text) or buffer.ended:
                return value if isinstance(value, dict) else _not_object(value), end
        except json.JSONDecodeError as problem:
            reason = f"broken JSON: {problem.msg.partition(':')[0]}"
        except (ValueError, RecursionError):
            reason = "JSON nested too deeply or with a number too long to read"
        if buffer.ended or len(buffer.text) - buffer.at > _MAX_RECORD:
            following = start.search(buffer.text, buffer.at + 1)
            return reason, following.end() if following else len(buffer.text)
        buffer.grow()
