r"""Cut a Telegram export into slices, each of which a parser of JSON can take by itself.

Telegram writes JSON that no parser takes: control characters as ``\x01`` (tdesktop issue 27571)
and, in 2022, paths of custom emoji without quotes (24961). Both are mended here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from enum import Enum
from typing import NamedTuple

from scamdetect.dumps.streams import Stream

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
