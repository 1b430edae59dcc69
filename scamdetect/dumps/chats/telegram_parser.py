"""Follow the JSON of a Telegram export: which chat and which list of messages is read just now."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import ijson

from scamdetect.dumps.chats.telegram_slices import Begin, Slice

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
