"""Split a Telegram Desktop export into messages, even if it is damaged.

ijson reports where the JSON is broken. The rest is skipped until the next message or list of
messages. Each byte is parsed once, so damage never takes more than linear time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scamdetect.dumps.chats.telegram_parser import Begin, Chats, Header, Slice, slices
from scamdetect.dumps.lines import Stream, opened

MAX_RECORD_BYTES = 16 << 20
# Bytes kept outside of the lists, such as the head of a chat.
_HEADER_BYTES = 64 << 10
_HEADERS_TRIED = 5  # a name can contain brackets

_MOST_OF_A_SIGN = 3  # bytes of a value that was cut off
_BETWEEN = b" \t\r\n,"
_APART = re.compile(r"[ \t\r\n,]*")
_DECODER = json.JSONDecoder()
_TOO_MUCH = "JSON nested too deeply or with a number too long to read"


@dataclass(frozen=True)
class Piece:
    """A value of a list of messages, or unreadable bytes with the ``problem``.

    ``chat`` is the index of the list in the file, -1 before the first one; ``end`` is the number of
    file bytes read so far.
    """

    chat: int
    raw: bytes
    value: Any
    problem: str | None
    line: int
    end: int


@dataclass
class _Pending:
    """The slices since the last value, with the offset of the first one."""

    line: int = 1
    offset: int = 0
    raw: list[bytes] = field(default_factory=list)
    json: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, piece: Slice) -> None:
        self.raw.append(piece.raw)
        self.json.append(piece.json)
        self.size += len(piece.raw)

    def take(self) -> bytes:
        """Return the bytes and start again after them."""
        raw = b"".join(self.raw)
        self.line += raw.count(b"\n")
        self.offset += len(raw)
        self.raw, self.json, self.size = [], [], 0
        return raw

    def shorten(self, most: int) -> None:
        """Drop all but the last bytes."""
        if self.size > 2 * most:
            raw = self.take()
            self.line -= raw[-most:].count(b"\n")
            self.offset -= most
            self.add(Slice(raw[-most:], raw[-most:]))


def pieces(path: Path, headers: list[Header]) -> Generator[Piece]:
    """Yield every value of every list of messages; raise InputError if reading fails.

    The details of each chat are appended to ``headers`` when its list starts and completed when it
    ends.
    """
    with opened(path) as file:
        yield from _Reader(file, headers).pieces()


class _Reader:
    """Feed slices to the parser and separate messages from damage."""

    def __init__(self, file: Stream, headers: list[Header]) -> None:
        self._file = file
        self._chats = Chats(headers)
        self._pending = _Pending(offset=file.skip_bom())
        self._messages = 0
        self._problem: str | None = None  # why bytes are skipped

    def pieces(self) -> Iterator[Piece]:
        try:
            for piece in slices(self._file):
                yield from self._take(piece)
            yield from self._end()
        finally:
            self._chats.close()

    def _take(self, piece: Slice) -> Iterator[Piece]:
        chats, pending = self._chats, self._pending
        was_in_list, begin = chats.in_list, piece.begin
        if begin is Begin.PERHAPS:
            begin = Begin.RECORD if chats.in_list and self._problem is not None else None
        sound = self._problem is None and chats.fits(begin)
        if sound and begin is Begin.RECORD:
            yield from self._values()
        sound = sound and chats.feed(piece)
        if not sound and begin is not None:
            within = f"{begin.value} within another value"
            problem = self._problem or self._told(within, pending.offset + pending.size)
            header = _leading(b"".join(pending.json)) if begin is Begin.LIST else {}
            yield from self._passed(problem)
            self._problem = None
            chats.begin(begin, header)
            sound = chats.feed(piece)
        pending.add(piece)
        if not sound:
            self._problem = self._problem or self._broken(piece)
        elif was_in_list and not chats.in_list:
            yield from self._values(closed=True)
        elif not chats.in_list or begin is Begin.LIST:
            if begin is not None:  # the start of the list is intact
                pending.take()
            pending.shorten(_HEADER_BYTES)
        elif chats.ended and not chats.inside and piece.raw.endswith((b"}", b"]")):
            yield from self._values()
        if self._problem is None and max(chats.silent, pending.size) > MAX_RECORD_BYTES:
            self._problem = self._told(f"more than {MAX_RECORD_BYTES >> 20} MiB", pending.offset)
        if self._problem is not None and pending.size > MAX_RECORD_BYTES:
            yield from self._passed(self._problem)

    def _end(self) -> Iterator[Piece]:
        chats, pending = self._chats, self._pending
        end = pending.offset + pending.size
        if self._problem is not None:
            yield from self._passed(self._problem)
        elif chats.inside:
            yield from self._passed(self._told("the file ends inside a message,", end))
        elif chats.in_list:
            yield from self._values()
            yield self._piece(
                b"", self._told("the file ends before the list of messages ends,", end)
            )
        elif not chats.finish():
            yield self._piece(b"", self._told("the file ends before its JSON ends,", end))

    def _values(self, closed: bool = False) -> Iterator[Piece]:
        """Yield the complete pending values; ``closed`` if the end of a list follows."""
        line, is_plain = self._pending.line, self._pending.raw == self._pending.json
        text = b"".join(self._pending.json).decode("utf-8", "replace")
        raw = self._pending.take().strip(_BETWEEN)
        for start, end, value, problem in _decoded(text[: text.rindex("]")] if closed else text):
            own = text[start:end].encode() if is_plain else raw
            self._messages += isinstance(value, dict)
            yield self._piece(own, problem, value, line + text.count("\n", 0, start))

    def _passed(self, problem: str) -> Iterator[Piece]:
        """Yield the pending bytes as damage, except what Python can parse, such as NaN."""
        pending = self._pending
        raw = b"".join(pending.raw)
        found = next(_decoded(_text(raw)), None) if self._chats.in_list else None
        if found is not None and isinstance(found[2], dict):
            text = _text(raw)
            own, rest = text[: found[1]].encode(), raw[len(text[: found[1]].encode()) :]
            line = pending.line + text.count("\n", 0, found[0])
            pending.take()
            self._messages += 1
            yield self._piece(own.strip(_BETWEEN), None, found[2], line)
            pending.line -= rest.count(b"\n")
            pending.offset -= len(rest)
            pending.add(Slice(rest, rest))
        line, raw = pending.line, pending.take()
        if raw.strip(_BETWEEN):
            yield self._piece(raw, problem, line=line)

    def _piece(
        self, raw: bytes, problem: str | None, value: object = None, line: int | None = None
    ) -> Piece:
        end = self._file.on_disk(self._pending.offset)
        chat = len(self._chats.headers) - 1
        return Piece(chat, raw, value, problem, line or self._pending.line, end)

    def _broken(self, piece: Slice) -> str:
        """Return where the JSON breaks, as precisely as the pending bytes allow."""
        pending = self._pending
        broken = pending.offset + pending.size - len(piece.raw)
        raw = b"".join(pending.raw)
        text = _text(raw)
        undecoded = len(text.encode())
        if undecoded < len(raw) - _MOST_OF_A_SIGN:
            what = f"not utf-8: 0x{raw[undecoded]:02x}"
            return self._told(what, pending.offset + undecoded)
        if not self._chats.in_list and not raw.lstrip(_BETWEEN).startswith(b"{"):
            return self._told("broken JSON", broken)
        for _, end, _, problem in _decoded(text):
            if problem is not None:
                broken = pending.offset + len(text[:end].encode())
        return self._told("broken JSON", broken)

    def _told(self, what: str, offset: int) -> str:
        count = self._messages
        return f"{what} at byte {offset}, after {count:,} message{'' if count == 1 else 's'}"


def _text(raw: bytes) -> str:
    """Return the text of the bytes up to the first byte that is not UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return raw[: error.start].decode("utf-8")


def _decoded(text: str) -> Iterator[tuple[int, int, Any, str | None]]:
    """Yield the places and values of JSON separated by commas; the last may be a problem."""
    start = _after_blanks(text, 0)
    while start < len(text):
        try:
            value, end = _DECODER.raw_decode(text, start)
        except json.JSONDecodeError as error:
            yield start, error.pos, None, "broken JSON"
            return
        except (ValueError, RecursionError):
            yield start, len(text), None, _TOO_MUCH
            return
        yield start, end, value, None
        start = _after_blanks(text, end)


def _after_blanks(text: str, at: int) -> int:
    found = _APART.match(text, at)
    return at if found is None else found.end()


def _leading(before: bytes) -> Header:
    """Return the keys of the object that is open at the end of these bytes, if known."""
    before = before[-_HEADER_BYTES:]
    start = len(before)
    for _ in range(_HEADERS_TRIED):
        start = before.rfind(b"{", 0, start)
        if start < 0:
            break
        try:
            found = json.loads(before[start:] + b'"messages":[]}')
        except (ValueError, RecursionError):
            continue
        return {name: value for name, value in found.items() if isinstance(value, str | int)}
    return {}
