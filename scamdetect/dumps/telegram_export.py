r"""Find the chats of a Telegram Desktop export and cut it into messages, whatever is broken.

Telegram writes JSON that no parser takes: control characters as ``\x01`` (tdesktop issue 27571)
and, in 2022, paths of custom emoji without quotes (24961). Both are mended here.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scamdetect.dumps.json_pieces import Window, opened

MAX_RECORD_BYTES = 16 << 20
_HEADER_BYTES = 64 << 10

# Neither can stand inside a string of JSON, where their quotes would be escaped.
LIST = re.compile(rb'"messages"\s*:\s*\[')
RECORD = re.compile(rb'\{\s*"id"\s*:\s*-?\d+\s*,\s*"type"\s*:\s*"(?:message|service|unsupported)"')
_LIST_OR_RECORD = re.compile(LIST.pattern + b"|" + RECORD.pattern)

_NO_VALUE = (b"}", b":")

_HEX_ESCAPE = re.compile(rb"(?<!\\)((?:\\\\)*)\\x([0-9A-Fa-f]{2})")
_BARE_PATH = re.compile(rb'("document_id":[ ])(?!["\d])([^\n"]*?)(?=,?\r?\n)')

Header = dict[str, Any]


@dataclass(frozen=True)
class Piece:
    """A value of a list of messages, or bytes that are none: ``problem`` tells why.

    ``chat`` counts the lists of the file from 0; ``offset`` is a place in it, unpacked, and
    ``end`` the bytes of it that have been read so far.
    """

    chat: int
    raw: bytes
    value: Any
    problem: str | None
    line: int
    offset: int
    end: int


def pieces(path: Path, headers: list[Header]) -> Generator[Piece]:
    """Yield every value of every list of messages; raise InputError where reading fails.

    What the file says of each chat is appended to ``headers`` when its list begins and completed
    when it ends.
    """
    with opened(path) as window:
        before, closed = b"", True
        while True:
            tail: deque[bytes] = deque([before], 4)
            line, start = window.line, window.offset
            passed = b""
            for passed in window.skip_to(_LIST_OR_RECORD, 0, MAX_RECORD_BYTES):
                tail.append(passed[-_HEADER_BYTES:])
                if not closed and passed.strip():
                    problem = "the messages of a chat seem to end here, but the chat does not"
                    yield Piece(
                        len(headers) - 1, passed, None, problem, line, start, window.on_disk
                    )
                    line, start = window.line, window.offset
            if not window.waiting:
                return
            header = b"".join(tail)
            found = LIST.match(window.data, window.at)
            leading = _leading(header)
            headers.append(leading if found and leading else {})
            if found:
                window.take(found.end())
            if closed and (not found or (leading is None and header.strip())):
                problem = (
                    "the head of a chat that is no JSON"
                    if found
                    else "the head of a chat without its list of messages"
                )
                raw = before + passed
                yield Piece(len(headers) - 1, raw, None, problem, line, start, window.on_disk)
            before = yield from _list(window, len(headers) - 1)
            if window.waiting < _HEADER_BYTES:
                window.grow()
            rest = window.data[window.at : window.at + _HEADER_BYTES]
            trailing = _trailing(rest)
            closed = trailing is not None or not rest.strip() or bool(before)
            headers[-1] = (trailing or {}) | headers[-1]


def _list(window: Window, chat: int) -> Generator[Piece, None, bytes]:
    """Yield the values up to the end of the list; return what was passed of the next chat."""
    while True:
        byte = window.peek()
        if byte == b",":
            window.take(window.at + 1)
            continue
        if byte == b"]":
            window.take(window.at + 1)
            return b""
        start, line = window.offset, window.line
        if not byte:
            ended = "the file ends before the list of messages does"
            yield Piece(chat, b"", None, ended, line, start, window.on_disk)
            return b""
        end = None if byte in _NO_VALUE else window.value_end(MAX_RECORD_BYTES)
        reason = "no value of a list of messages"
        if end is not None:
            raw = window.data[window.at : end]
            value, problem = _parse(raw, start)
            whole = problem is None and isinstance(value, dict)
            swallowed = _LIST_OR_RECORD.search(raw, 1)
            # What is no object may be the rest of one that broke.
            if not swallowed and (whole or window.followed_by(b",]", len(raw))):
                window.take(window.at + len(raw))
                yield Piece(chat, raw, value, problem, line, start, window.on_disk)
                continue
            reason = problem or "a value with messages within it"
        elif byte not in _NO_VALUE:
            reason = "a value without an end or with brackets that do not match"
        # It has swallowed others or has no end: it is lost up to where one begins.
        passed = b""
        for passed in window.skip_to(_LIST_OR_RECORD, 1, MAX_RECORD_BYTES):
            yield Piece(chat, passed, None, reason, line, start, window.on_disk)
            start, line = window.offset, window.line
        if not window.waiting:
            return b""
        if LIST.match(window.data, window.at):
            return passed[-_HEADER_BYTES:]


def _parse(raw: bytes, start: int) -> tuple[Any, str | None]:
    """Return the value, or None and what is wrong with it."""
    try:
        return _loads(raw), None
    except UnicodeDecodeError as error:
        byte = raw[error.start]
        return None, f"not utf-8: byte 0x{byte:02x} at offset {start + error.start}"
    except json.JSONDecodeError as error:
        return None, f"broken JSON: {error.msg} after {error.pos} characters"
    except (ValueError, RecursionError):
        return None, "JSON nested too deeply or with a number too long to read"


def _loads(raw: bytes) -> Any:  # noqa: ANN401 - any JSON value
    text = raw.decode("utf-8")
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        mended = _HEX_ESCAPE.sub(rb"\1\\u00\2", raw)
        mended = _BARE_PATH.sub(
            lambda path: path[1] + json.dumps(path[2].decode()).encode(), mended
        )
        return json.loads(mended)


def _leading(before: bytes) -> Header | None:
    """Return the members of the object that is open at the end of these bytes, None without one."""
    start = len(before)
    for _ in range(100):
        start = before.rfind(b"{", 0, start)
        if start < 0:
            break
        try:
            found = json.loads(before[start:] + b'"messages":[]}')
        except (ValueError, RecursionError):
            continue
        return _scalars(found)
    return None


def _trailing(after: bytes) -> Header | None:
    """Return the members of an object from behind its list on, None where none ends there."""
    try:
        text = '{"messages":[]' + after.decode("utf-8", "replace")
        return _scalars(json.JSONDecoder().raw_decode(text)[0])
    except (ValueError, RecursionError):
        return None


def _scalars(found: Header) -> Header:
    return {name: value for name, value in found.items() if isinstance(value, str | int)}
