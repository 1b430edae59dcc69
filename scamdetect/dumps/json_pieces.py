"""Cut one value after another out of a JSON file that is too large to hold.

A parser, ijson too, stops at the first byte that is no JSON; here only the value that holds it is
lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scamdetect.dumps import streams

_CHUNK_BYTES = 1 << 20
# No pattern that is searched for is longer, spaces included.
_OVERLAP_BYTES = 4 << 10

# Up to the next bracket, over whole strings. No string of JSON holds a newline, so that a quote
# that never closes costs its line and no more.
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\\n]*(?:\\.[^"\\\n]*)*(?:"|\\?\n))*+([{}\[\]])')
_PAIRS = {b"{": b"}", b"[": b"]"}
_MISMATCH = -1
_SCALAR = re.compile(rb'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|[^\s,{}\[\]"]+')


class Window:
    """The part of a file around a position that only moves forward."""

    def __init__(self, file: streams.Stream) -> None:
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
        """Return how many bytes of the file itself have been read up to the position."""
        return self._file.on_disk(self.offset)

    @property
    def waiting(self) -> int:
        """Return the bytes that are held from the position on."""
        return len(self.data) - self.at

    def grow(self) -> bool:
        """Hold more of the file; return False at its end."""
        # As much again as there is, so that a value is not looked through once a chunk.
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
        """Move over whitespace and return the next byte, none at the end of the file."""
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

        None where its brackets do not match, or where ``most`` bytes bring no end.
        """
        while True:
            end = _value_end(self.data, self.at, self.at + most)
            # A number at the end of what is held may go on.
            if end is not None and (end < len(self.data) or self.ended):
                return None if end == _MISMATCH else end
            if self.waiting > most or not self.grow():
                return end

    def followed_by(self, signs: bytes, length: int) -> bool:
        """Tell whether one of the signs, or the end of the file, follows that many bytes."""
        while True:
            start = self.at + length
            rest = self.data[start : start + _OVERLAP_BYTES].lstrip()
            if rest or len(self.data) - start >= _OVERLAP_BYTES:
                return rest[:1] in (bytes([sign]) for sign in signs)
            if not self.grow():
                return True

    def skip_to(self, pattern: re.Pattern[bytes], start: int, most: int) -> Iterator[bytes]:
        """Yield what lies before the next match, in pieces of ``most`` bytes, and move onto it.

        The search begins ``start`` bytes after the position. Without a match the position is the
        end of the file.
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
    """Give a window at the start of the file; raise InputError where it cannot be read."""
    with streams.opened(path) as file:
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
