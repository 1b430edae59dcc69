"""Cut a JSON file into its records: an array of objects, or one object after another.

Arrays in arrays are opened too, as of pages that were put together. Damage costs the record that
holds it: what has no end is passed over up to where the next record seems to begin, which is told
by the indentation and the first key of the first one that was whole.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scamdetect.dumps.json_objects import read_object
from scamdetect.dumps.json_pieces import Window, opened
from scamdetect.errors import InputError

MAX_RECORD_BYTES = 16 << 20
# Each search for the end of a record that is in vain halves how far the next one goes, and each
# byte that is passed adds so many: a file of broken records would else take days.
_PATIENCE_GAINED = 4
_NO_VALUE = (b"}", b"]", b":")
# Bounded, since a search from each of a million line ends to the last would take hours.
_BEFORE = rb"[,\n]\s{0,200}"
_ANY_START = re.compile(_BEFORE + rb"\{")
_INDENT = re.compile(rb"\n[ \t]*\Z")
_FIRST_KEY = re.compile(rb'\{\s*("(?:[^"\\\n]|\\.){0,200}")\s*:')


@dataclass(frozen=True)
class Piece:
    """A record's bytes and object, or bytes and why they are no record, with their place."""

    raw: bytes
    value: dict[str, Any] | str
    line: int
    end: int  # bytes of the file read so far


def pieces(path: Path) -> Iterator[Piece]:
    """Yield the records and what is none between them; raise InputError where it is no JSON.

    All bytes but commas, blanks and the brackets of arrays are in one piece or another.
    """
    with opened(path) as window:
        window.grow()
        if window.data.startswith(codecs.BOM_UTF8):
            window.take(len(codecs.BOM_UTF8))
        if window.peek() not in (b"[", b"{"):
            raise InputError(
                f"{path}:{window.line}: begins with neither [ nor {{ and so is no JSON of "
                "records; give the right --format"
            )
        yield from _pieces(window)


def _pieces(window: Window) -> Iterator[Piece]:
    depth = 0  # of arrays
    patience = MAX_RECORD_BYTES
    following = _ANY_START  # how a record after another begins, as far as is known
    while byte := window.peek():
        if byte in (b",", b"[") or (byte == b"]" and depth):
            depth += {b"[": 1, b"]": -1}.get(byte, 0)
            window.take(window.at + 1)
            continue
        offset, line = window.offset, window.line
        value: dict[str, Any] | str = "no JSON value"
        if byte not in _NO_VALUE:
            end = _end(window, following, patience)
            if end is not None:
                raw = window.data[window.at : end]
                value = _read(raw, offset)
                # What is no object may be the rest of one that broke.
                if isinstance(value, dict) or window.followed_by(b",][{", len(raw)):
                    if following is _ANY_START and isinstance(value, dict):
                        following = _start(window)
                    patience = _more_patient(patience, len(raw))
                    window.take(window.at + len(raw))
                    yield Piece(raw, value, line, window.on_disk)
                    continue
            else:
                value = "a value without an end or with brackets that do not match"
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
    """Return how records begin of which one is at the position."""
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
