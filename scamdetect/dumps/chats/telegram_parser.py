"""Cut a Telegram export into slices that a parser of JSON can take, and follow where it is."""

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

# Telegram writes JSON that no parser takes: control characters as ``\x01`` (tdesktop issue 27571)
# and, in 2022, paths of custom emoji without quotes (24961). Both are mended here.


_CHUNK_BYTES = 256 << 10
# No token is longer.
_OVERLAP_BYTES = 4 << 10

# Neither can stand inside a string of JSON, where their quotes would be escaped. The blanks are
# bounded, so that a search through nothing else stays linear.
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
    """What a slice begins with."""

    LIST = "a list of messages"
    RECORD = "a message"
    PERHAPS = "what may be a message, behind damage"


_RECORDS = {"record": Begin.RECORD, "perhaps": Begin.PERHAPS}


class Slice(NamedTuple):
    """Some bytes of the file and the JSON that they stand for; ``begin`` if a part begins here.

    A list of messages begins with a slice of its own, and the end of an object or array is always
    the end of a slice.
    """

    raw: bytes
    json: bytes
    begin: Begin | None = None


def slices(file: Stream) -> Iterator[Slice]:
    """Yield all bytes of the file in slices."""
    data, ended = b"", False
    while not ended:
        chunk = file.read(_CHUNK_BYTES)
        ended = not chunk
        data += chunk
        # A token that begins behind this may not be whole yet.
        limit = len(data) if ended else max(0, len(data) - _OVERLAP_BYTES)
        done = yield from _slices(data, limit)
        data = data[done:]


def _slices(data: bytes, limit: int) -> Generator[Slice, None, int]:
    """Yield the slices up to the limit, or to the end of the token there; return where that is."""
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
    """Return the JSON that a token should have been, None where it is none to mend."""
    if token["hex"] is not None:
        return rb"\u00" + token["hex"]
    if token["path"] is not None:
        return token["key"] + json.dumps(token["path"].decode("utf-8", "replace")).encode()
    return None


Header = dict[str, Any]

_STARTS = ("start_map", "start_array")
_ENDS = ("end_map", "end_array")
# Deeper than any export. What goes on behind damage is read as if it stood less deep.
_MOST_OPEN = 20
_LONG = 40  # no number nor true, false or null is longer
# What bytes that do not decode, and Python's own parser, raise are ValueErrors.
_NO_JSON = (ijson.JSONError, ValueError, ArithmeticError, RecursionError)
_TO_QUOTE = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


@dataclass
class _Open:
    """An object or an array that is not closed yet."""

    is_object: bool
    header: Header = field(default_factory=dict)  # the members that are no objects or arrays
    key: str = ""


class Chats:
    """A parser that is fed with slices; it can begin anew behind damage.

    ``headers`` gets what the file says of each chat when the list of its messages begins; members
    behind the list are added later.
    """

    def __init__(self, headers: list[Header]) -> None:
        self.headers = headers
        self.in_list = False
        self.inside = 0  # how deep in a value of the list
        self.ended = 0  # values of the list that ended in the last slice
        self.silent = 0  # bytes since the last event, which the parser holds
        self._open: list[_Open] = []
        # ijson looks through an unfinished string anew with each slice, which would take forever.
        self._in_string = False
        self._held: list[bytes] = []
        self._events = ijson.sendable_list()
        self._parser = self._anew()

    def fits(self, begin: Begin | None) -> bool:
        """Tell whether this may begin here."""
        if begin is not None and self._in_string:
            return False
        if begin is Begin.RECORD:
            return self.in_list and not self.inside
        return begin is None or (not self.in_list and bool(self._open) and self._open[-1].is_object)

    def feed(self, piece: Slice) -> bool:
        """Take a slice; return False where it is no JSON, after which only ``begin`` goes on."""
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
        """Tell whether the JSON may end here."""
        try:
            self._parser.close()
        except _NO_JSON:
            return False
        return not self._open

    def close(self) -> None:
        """Drop the parser: the one in Python would else print the text that it does not take."""
        with suppress(*_NO_JSON):
            self._parser.close()

    def begin(self, begin: Begin, header: Header) -> None:
        """Begin anew with a message of the list that was read, or with a chat of this header."""
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
            # Only the bracket of its list is lost where the key stands.
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
        # Floats, since a number of 5,000 digits breaks the parser in C otherwise.
        return ijson.basic_parse_coro(self._events, multiple_values=True, use_float=True)

    def _ends_in_string(self, data: bytes) -> bool:
        """Tell whether the data ends within a string, as far as it must be known.

        A bracket has an event but within a string, and so has all else that is long.
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
