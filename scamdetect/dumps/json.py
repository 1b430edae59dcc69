"""Read JSONL and JSON files of records, so that damage costs only the damaged record."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from scamdetect.dumps import lines
from scamdetect.dumps.batches import Batch, Dump, Item, Reject, grouped
from scamdetect.dumps.lines import EmptyFileError, Line, read_lines, rejected_raw
from scamdetect.dumps.rows import MOST_MEMBERS, JsonRows, find_text, leads_to_member, object_members
from scamdetect.dumps.unify import column_type
from scamdetect.errors import InputError
from scamdetect.frames.arrow import encodable

# Parsers, ijson too, stop at the first invalid byte; here only the damaged value is lost.


_CHUNK_BYTES = 1 << 20
# The longest pattern searched for, spaces included.
_OVERLAP_BYTES = 4 << 10

# Up to the next bracket, skipping complete strings. A JSON string contains no newline, so an
# unclosed quote costs only its line.
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\\n]*(?:\\.[^"\\\n]*)*(?:"|\\?\n))*+([{}\[\]])')
_PAIRS = {b"{": b"}", b"[": b"]"}
_MISMATCH = -1
_SCALAR = re.compile(rb'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|[^\s,{}\[\]"]+')


class Window:
    """The bytes of a file around a position that only moves forward."""

    def __init__(self, file: lines.Stream) -> None:
        self.data = b""
        self.at = 0
        self.line = 1
        self.ended = False
        self._file = file
        self._offset = 0  # of the data in the file

    @property
    def offset(self) -> int:
        """Return the position in the unpacked file, in bytes."""
        return self._offset + self.at

    @property
    def on_disk(self) -> int:
        """Return how many bytes of the file have been read up to the position."""
        return self._file.on_disk(self.offset)

    @property
    def waiting(self) -> int:
        """Return the buffered bytes from the position on."""
        return len(self.data) - self.at

    def grow(self) -> bool:
        """Read more of the file; return False at its end."""
        # Double the buffer, so that a value is not searched again for each chunk.
        chunk = self._file.read(max(_CHUNK_BYTES, self.waiting))
        self.ended = not chunk
        self._offset += self.at
        self.data = self.data[self.at :] + chunk
        self.at = 0
        return bool(chunk)

    def take(self, end: int) -> bytes:
        """Return the data up to ``end`` and move there."""
        taken = self.data[self.at : end]
        self.line += taken.count(b"\n")
        self.at = end
        return taken

    def peek(self) -> bytes:
        """Skip whitespace and return the next byte; empty at the end of the file."""
        while True:
            rest = self.data[self.at : self.at + _OVERLAP_BYTES]
            blanks = len(rest) - len(rest.lstrip())
            self.take(self.at + blanks)
            if blanks < len(rest):
                return rest[blanks : blanks + 1]
            if not rest and not self.grow():
                return b""

    def value_end(self, most: int) -> int | None:
        """Return where the value at the position ends.

        None if its brackets do not match, or if it does not end within ``most`` bytes.
        """
        while True:
            end = _value_end(self.data, self.at, self.at + most)
            # A number at the end of the buffer may be incomplete.
            if end is not None and (end < len(self.data) or self.ended):
                return None if end == _MISMATCH else end
            if self.waiting > most or not self.grow():
                return end

    def followed_by(self, signs: bytes, length: int) -> bool:
        """Return True if one of these characters, or the file's end, follows that many bytes."""
        while True:
            start = self.at + length
            rest = self.data[start : start + _OVERLAP_BYTES].lstrip()
            if rest or len(self.data) - start >= _OVERLAP_BYTES:
                return rest[:1] in (bytes([sign]) for sign in signs)
            if not self.grow():
                return True

    def skip_to(self, pattern: re.Pattern[bytes], start: int, most: int) -> Iterator[bytes]:
        """Yield the data before the next match, in pieces of ``most`` bytes, and move to it.

        The search starts ``start`` bytes after the position. Without a match, move to the end of
        the file.
        """
        searched = start
        while True:
            found = pattern.search(self.data, self.at + searched)
            if found is not None:
                yield self.take(found.start())
                return
            searched = max(searched, self.waiting - _OVERLAP_BYTES)
            if self.waiting > most:
                yield self.take(len(self.data) - _OVERLAP_BYTES)
                searched = 0
            if not self.grow():
                yield self.take(len(self.data))
                return


@contextmanager
def opened(path: Path) -> Iterator[Window]:
    """Yield a window at the start of the file; raise InputError if it cannot be read."""
    with lines.opened(path) as file:
        yield Window(file)


def _value_end(data: bytes, at: int, last: int) -> int | None:
    if data[at : at + 1] not in (b"{", b"["):
        scalar = _SCALAR.match(data, at)
        return None if scalar is None else scalar.end()
    closing = bytearray()
    while (bracket := _TO_BRACKET.match(data, at, last)) is not None:
        at = bracket.end()
        sign = bracket[1]
        if sign in _PAIRS:
            closing += _PAIRS[sign]
        elif closing.pop() != sign[0]:
            return _MISMATCH
        elif not closing:
            return at
    return None


# A JSON string contains no line end, so these are blanks between tokens.
_LINE_ENDS = re.compile(r"[\r\n][ \t\r\n]*")
_NAMES = {
    list: "array", str: "string", int: "number", float: "number", bool: "boolean",
    type(None): "null",
}  # fmt: skip


def read_object(text: str) -> dict[str, Any] | str:
    """Return the object, or the reason the text is not one."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as problem:
        return f"broken JSON: {problem.msg} at character {problem.pos + 1}"
    except (ValueError, RecursionError):
        return "JSON nested too deeply or with a number too long to read"
    return value if isinstance(value, dict) else f"a JSON {_NAMES[type(value)]}, not an object"


def in_one_line(text: str) -> str:
    """Return a valid JSON text without line ends and the blanks after them."""
    return _LINE_ENDS.sub("", text) if "\n" in text or "\r" in text else text


# Arrays in arrays are opened too, for concatenated pages. Damage costs only its record: a value
# without an end is skipped until the next record seems to start, judged by the indentation and the
# first key of the first intact record.


MAX_RECORD_BYTES = 16 << 20
# Each unsuccessful search for the end of a record halves the limit of the next one, and each
# skipped byte raises it again: otherwise a file of broken records would take days.
_PATIENCE_GAINED = 4
_NO_VALUE = (b"}", b"]", b":")
# Limited, because searching from each of a million line ends to the last would take hours.
_BEFORE = rb"[,\n]\s{0,200}"
_ANY_START = re.compile(_BEFORE + rb"\{")
_INDENT = re.compile(rb"\n[ \t]*\Z")
_FIRST_KEY = re.compile(rb'\{\s*("(?:[^"\\\n]|\\.){0,200}")\s*:')


@dataclass(frozen=True)
class Piece:
    """The bytes and object of a record, or bytes that are not one and why, with their place."""

    raw: bytes
    value: dict[str, Any] | str
    line: int
    end: int  # bytes of the file read so far


def pieces(path: Path) -> Iterator[Piece]:
    """Yield the records and the damage between them; raise InputError if the file is not JSON.

    Every byte except commas, blanks and the brackets of arrays is part of a piece.
    """
    with opened(path) as window:
        window.grow()
        if window.data.startswith(codecs.BOM_UTF8):
            window.take(len(codecs.BOM_UTF8))
        if window.peek() not in (b"[", b"{"):
            raise InputError(
                f"{path}:{window.line}: starts with neither [ nor "
                "{, so it is not JSON; pass the right --format"
            )
        yield from _pieces(window)


def _pieces(window: Window) -> Iterator[Piece]:
    depth = 0  # of arrays
    patience = MAX_RECORD_BYTES
    following = _ANY_START  # how a record after another starts, as far as is known
    while byte := window.peek():
        if byte in (b",", b"[") or (byte == b"]" and depth):
            depth += {b"[": 1, b"]": -1}.get(byte, 0)
            window.take(window.at + 1)
            continue
        offset, line = window.offset, window.line
        value: dict[str, Any] | str = "not a JSON value"
        if byte not in _NO_VALUE:
            end = _end(window, following, patience)
            if end is not None:
                raw = window.data[window.at : end]
                value = _read(raw, offset)
                # Other values may be the rest of a broken object.
                if isinstance(value, dict) or window.followed_by(b",][{", len(raw)):
                    if following is _ANY_START and isinstance(value, dict):
                        following = _start(window)
                    patience = _more_patient(patience, len(raw))
                    window.take(window.at + len(raw))
                    yield Piece(raw, value, line, window.on_disk)
                    continue
            else:
                value = "a value without an end or with unmatched brackets"
        patience //= 2
        for passed in window.skip_to(following, 1, MAX_RECORD_BYTES):
            patience = _more_patient(patience, len(passed))
            yield Piece(passed, value, line, window.on_disk)
            line = window.line
        if not window.waiting:
            return
    if depth:
        yield Piece(b"", "the file ends before its array does", window.line, window.on_disk)


def _more_patient(patience: int, read: int) -> int:
    return min(patience + _PATIENCE_GAINED * read, MAX_RECORD_BYTES)


def _start(window: Window) -> re.Pattern[bytes]:
    """Return how records start, given the one at the position."""
    key = _FIRST_KEY.match(window.data, window.at)
    if key is None:
        return _ANY_START
    indent = _INDENT.search(window.data, max(0, window.at - 200), window.at)
    before = _BEFORE if indent is None else re.escape(indent[0])
    return re.compile(before + rb"\{\s*" + re.escape(key[1]) + rb"\s*:")


def _end(window: Window, following: re.Pattern[bytes], patience: int) -> int | None:
    end = window.value_end(patience)
    if end is None and following.search(window.data, window.at + 1) is None:
        end = window.value_end(MAX_RECORD_BYTES)
    return end


def _read(raw: bytes, offset: int) -> dict[str, Any] | str:
    try:
        return read_object(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        byte = raw[error.start]
        return f"not utf-8: byte 0x{byte:02x} at offset {offset + error.start}"


Object = tuple[str, dict[str, Any]]  # its text and its value
_INT64 = range(-(2**63), 2**63)
_EXACT_IN_FLOAT = range(-(2**53), 2**53 + 1)


def open_jsonl(
    path: Path,
    encoding: str,
    text_column: str,
    overwrite_columns: bool,
    text_required: bool = True,
) -> Dump:
    """Open a JSONL file; raise InputError."""
    return _open(
        path,
        encoding,
        lambda: object_lines(path, encoding),
        text_column,
        overwrite_columns,
        text_required,
    )


def open_json(
    path: Path, text_column: str, overwrite_columns: bool, text_required: bool = True
) -> Dump:
    """Open a JSON file with an array of objects, or concatenated objects; raise InputError."""
    return _open(
        path, "utf-8", lambda: _records(path), text_column, overwrite_columns, text_required
    )


def _open(
    path: Path,
    encoding: str,
    items: Callable[[], Iterator[Item[Object]]],
    text_column: str,
    overwrite_columns: bool,
    text_required: bool,
) -> Dump:
    """Open a dump of objects, which are read again on each pass; raise InputError.

    The file is read once in advance, which is fast compared with scoring: so every column is known
    before the first row is written.
    """
    types, members = _survey(path, encoding, items(), text_column)
    has_text = text_column in types or text_column in members
    text_path, kept = find_text(
        text_column,
        tuple(types),
        members,
        overwrite_columns=overwrite_columns,
        where=str(path),
        required=text_required,
    )
    dropped = frozenset(types) - frozenset(kept)
    schema = pa.schema([(encodable(name), column_type(types[name])) for name in kept])

    def batches() -> Iterator[Batch]:
        size = path.stat().st_size
        for group in grouped(items(), path, encoding):
            raws = [raw for raw, _ in group.values]
            values = [value for _, value in group.values]
            rows = JsonRows(kept, schema, text_path, dropped, raws, values)
            yield Batch(rows, tuple(group.rejects), group.end / size)

    return Dump(
        kept,
        schema,
        batches,
        json_types=tuple(frozenset(types[name]) for name in kept),
        has_text=has_text,
    )


def _survey(
    path: Path, encoding: str, items: Iterator[Item[Object]], text_column: str
) -> tuple[dict[str, set[str]], list[str]]:
    """Return the types of each name, and dotted paths into nested objects.

    Both are ordered by first occurrence; the paths are limited to the text's and some others.
    """
    types: dict[str, set[str]] = {}
    members: dict[str, None] = {}
    wanted = tuple(text_column.split("."))
    objects = 0
    first_reject: Reject | None = None
    for group in grouped(items, path, encoding):
        objects += len(group.values)
        first_reject = first_reject or next(iter(group.rejects), None)
        for _, value in group.values:
            for name, item in value.items():
                types.setdefault(name, set()).add(_type_name(item))
                if isinstance(item, dict) and "." not in name and len(members) < MOST_MEMBERS:
                    members |= dict.fromkeys(islice(object_members(name, item), MOST_MEMBERS))
            if text_column not in members and leads_to_member(value, wanted):
                members[text_column] = None
    if not objects:
        why = f"; line {first_reject.line}: {first_reject.reason}" if first_reject else ""
        problem = InputError if first_reject else EmptyFileError
        raise problem(f"{path}: contains no JSON object{why}")
    return types, list(members)


def object_lines(path: Path, encoding: str) -> Iterator[Item[Object]]:
    """Yield the objects of a JSONL file, and its other lines as rejects; raise InputError."""
    number = 0
    for line in read_lines(path, encoding):
        if not line.text.strip() and not line.problem:
            continue
        number += 1
        yield Item(_line(line, number, encoding), len(line.raw), line.end)


def _line(line: Line, number: int, encoding: str) -> Object | Reject:
    raw = line.text.strip(" \t\r\n")
    value = line.problem or read_object(raw)
    if isinstance(value, dict):
        return raw, value
    return Reject(number, line.number, 1, value, rejected_raw([line], encoding), line.undecodable)


def _records(path: Path) -> Iterator[Item[Object]]:
    for number, piece in enumerate(pieces(path), 1):
        yield Item(_record(piece, number), len(piece.raw), piece.end)


def _record(piece: Piece, number: int) -> Object | Reject:
    if isinstance(piece.value, dict):
        return in_one_line(piece.raw.decode("utf-8")), piece.value
    return Reject(number, piece.line, piece.raw.count(b"\n") + 1, piece.value, piece.raw)


def _type_name(value: object) -> str:
    if isinstance(value, int) and value not in _EXACT_IN_FLOAT:
        return "long" if value in _INT64 else "longer"
    return type(value).__name__
