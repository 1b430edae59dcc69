"""Split a Telegram export into slices that a JSON parser accepts, and track its structure."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

import ijson

from scamdetect.dumps.lines import Stream

# Telegram writes invalid JSON: control characters as ``\x01`` (tdesktop issue 27571) and, in 2022,
# paths of custom emoji without quotes (24961). Both are repaired here.


_CHUNK_BYTES = 256 << 10
# No token is longer.
_OVERLAP_BYTES = 4 << 10

# Neither can occur inside a JSON string, where their quotes would be escaped. The number of blanks
# is limited, so that searching through blanks is linear.
LIST = re.compile(rb'"messages"\s{0,200}:\s{0,200}\[')
_PERHAPS = rb'\{\s{0,200}"id"\s{0,200}:\s{0,200}-?\d{1,40}\s{0,200},\s{0,200}(?=")'
_RECORD = _PERHAPS + rb'"type"\s{0,200}:\s{0,200}"(?:message|service|unsupported)"'
_TOKEN = re.compile(
    rb"(?P<list>"
    + LIST.pattern
    + rb")|(?P<record>"
    + _RECORD
    + rb")|(?P<perhaps>"
    + _PERHAPS
    + rb")|(?P<end>[}\]])"
    rb"|(?P<escape>\\(?:x(?P<hex>[0-9A-Fa-f]{2})|.))"
    rb'|(?P<key>"document_id":[ ])(?P<path>(?!["\d\[{]|-\d|(?:null|true|false)\b)'
    rb'[^\n"]{0,1000}?)(?=,?\r?\n)',
    re.DOTALL,
)


class Begin(Enum):
    """The part of an export that starts with a slice."""

    LIST = "a list of messages"
    RECORD = "a message"
    PERHAPS = "a possible message after damage"


_RECORDS = {"record": Begin.RECORD, "perhaps": Begin.PERHAPS}


class Slice(NamedTuple):
    """Bytes of the file and the JSON for them; ``begin`` if a part of the export starts here.

    A list of messages starts a new slice, and the end of an object or array always ends a slice.
    """

    raw: bytes
    json: bytes
    begin: Begin | None = None


def slices(file: Stream) -> Iterator[Slice]:
    """Yield all bytes of the file as slices."""
    data, ended = b"", False
    while not ended:
        chunk = file.read(_CHUNK_BYTES)
        ended = not chunk
        data += chunk
        # A token that starts after this may be incomplete.
        limit = len(data) if ended else max(0, len(data) - _OVERLAP_BYTES)
        done = yield from _slices(data, limit)
        data = data[done:]


def _slices(data: bytes, limit: int) -> Generator[Slice, None, int]:
    """Yield the slices up to the limit, or to the end of the token there; return that position."""
    at = 0
    begin: Begin | None = None
    for token in _TOKEN.finditer(data):
        start, end = token.span()
        if start >= limit:
            break
        limit = max(limit, end)
        kind = token.lastgroup
        if kind == "end":
            yield Slice(data[at:end], data[at:end], begin)
            at, begin = end, None
            continue
        mended = _mended(token)
        if kind == "escape" and mended is None:
            continue
        if start > at:
            yield Slice(data[at:start], data[at:start], begin)
            at, begin = start, None
        if kind in _RECORDS:
            begin = _RECORDS[kind]
        else:
            yield Slice(token[0], mended or token[0], Begin.LIST if kind == "list" else begin)
            at, begin = end, None
    if limit > at:
        yield Slice(data[at:limit], data[at:limit], begin)
    return max(at, limit)


def _mended(token: re.Match[bytes]) -> bytes | None:
    """Return the JSON intended by a token, or None if it needs no repair."""
    if token["hex"] is not None:
        return rb"\u00" + token["hex"]
    if token["path"] is not None:
        return token["key"] + json.dumps(token["path"].decode("utf-8", "replace")).encode()
    return None


Header = dict[str, Any]

_STARTS = ("start_map", "start_array")
_ENDS = ("end_map", "end_array")
# Deeper than any export. After damage, the depth is counted from where parsing resumes.
_MOST_OPEN = 20
_LONG = 40  # no number, true, false or null is longer
# Undecodable bytes and Python's own parser raise ValueErrors.
_NO_JSON = (ijson.JSONError, ValueError, ArithmeticError, RecursionError)
_TO_QUOTE = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


@dataclass
class _Open:
    """An object or an array that is not closed yet."""

    is_object: bool
    header: Header = field(default_factory=dict)  # values that are not objects or arrays
    key: str = ""


class Chats:
    """A push parser that can restart after damage.

    ``headers`` gets the details of each chat when its list of messages starts; values after the
    list are added later.
    """

    def __init__(self, headers: list[Header]) -> None:
        self.headers = headers
        self.in_list = False
        self.inside = 0  # nesting depth in a value of the list
        self.ended = 0  # values of the list that ended in the last slice
        self.silent = 0  # bytes since the last event, held by the parser
        self._open: list[_Open] = []
        # ijson scans an unfinished string again with each slice, which takes quadratic time.
        self._in_string = False
        self._held: list[bytes] = []
        self._events = ijson.sendable_list()
        self._parser = self._anew()

    def fits(self, begin: Begin | None) -> bool:
        """Return True if this can start here."""
        if begin is not None and self._in_string:
            return False
        if begin is Begin.RECORD:
            return self.in_list and not self.inside
        return begin is None or (not self.in_list and bool(self._open) and self._open[-1].is_object)

    def feed(self, piece: Slice) -> bool:
        """Parse a slice; return False for invalid JSON, after which only ``begin`` can continue."""
        self.ended = 0
        data = piece.json
        if self._in_string:
            self._held.append(data)
            self.silent += len(data)
            if not _TO_QUOTE.match(data):
                return True
            data = b"".join(self._held)
            self._held.clear()
        try:
            self._parser.send(data)
        except _NO_JSON:
            self._events.clear()
            return False
        self._in_string = self._ends_in_string(data)
        self.silent = 0 if self._events else self.silent + len(data)
        for event, value in self._events:
            if self.in_list:
                self._in_list(event)
            else:
                self._outside(event, value, piece.begin is Begin.LIST)
        self._events.clear()
        return True

    def finish(self) -> bool:
        """Return True if the JSON can end here."""
        try:
            self._parser.close()
        except _NO_JSON:
            return False
        return not self._open

    def close(self) -> None:
        """Drop the parser; Python's would otherwise print the text it rejects."""
        with suppress(*_NO_JSON):
            self._parser.close()

    def begin(self, begin: Begin, header: Header) -> None:
        """Restart with a message of the same list, or with a chat of this header."""
        if len(self._open) > _MOST_OPEN:
            self._open = self._open[-2:] if self.in_list else self._open[-1:]
        if begin is Begin.LIST:
            if self.in_list:
                self._open.pop()
            if self._open and self._open[-1].is_object:
                self._open.pop()
            self._open.append(_Open(is_object=True, header=header))
            self.in_list = False
        elif not self.in_list:
            # Only the bracket of its list is lost if the key is there.
            if not (self._open and self._open[-1].key == "messages"):
                self._open.append(_Open(is_object=True, header=header))
            self._open.append(_Open(is_object=False))
            self._begin_list()
        self.inside = self.silent = 0
        self.close()
        self._parser = self._anew()
        if self._open:
            path = b"".join(b'{"":' if one.is_object else b"[" for one in self._open)
            self._parser.send(path if begin is Begin.RECORD else path.removesuffix(b'"":'))
        self._events.clear()
        self._held.clear()
        self._in_string = False

    def _anew(self) -> Any:  # noqa: ANN401 - a coroutine of ijson, which has no types
        # Floats, because a number of 5,000 digits breaks the C parser otherwise.
        return ijson.basic_parse_coro(self._events, multiple_values=True, use_float=True)

    def _ends_in_string(self, data: bytes) -> bool:
        """Return True if the data ends inside a string, as far as that matters.

        Brackets, and everything else that is long, emit an event unless they are in a string.
        """
        if data.endswith((b"}", b"]")):
            return not self._events or self._events[-1][0] not in _ENDS
        return data.startswith(b"\\") or (
            not self._events and len(data.strip(b" \t\r\n,:")) > _LONG
        )

    def _in_list(self, event: str) -> None:
        if event in _STARTS:
            self.inside += 1
            return
        if event in _ENDS:
            if not self.inside:
                self.in_list = False
                self._open.pop()
                return
            self.inside -= 1
        self.ended += not self.inside

    def _outside(self, event: str, value: object, begins_list: bool) -> None:
        inner = self._open[-1] if self._open else None
        if event == "map_key":
            if inner is not None:
                inner.key = str(value)
        elif event in _STARTS:
            self._open.append(_Open(is_object=event == "start_map"))
            if begins_list and event == "start_array":
                self._begin_list()
        elif event in _ENDS:
            self._open.pop()
        elif inner is not None and isinstance(value, str | int):
            inner.header.setdefault(inner.key, value)

    def _begin_list(self) -> None:
        self.in_list = True
        self.headers.append(self._open[-2].header)
