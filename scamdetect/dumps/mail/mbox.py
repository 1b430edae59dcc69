"""Split an mbox file into mails, or read a file as one mail, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from scamdetect.dumps.lines import Stream, opened

MAX_MAIL_BYTES = 32 << 20
HEAD_BYTES = 64 << 10  # kept of a larger mail
_CHUNK = 64 << 10

_FROM = b"From "
# Atomic, because a line with many days and times would otherwise try all pairs.
_DATED = re.compile(
    rb"From (?:(?>.*?\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b)(?>.*?\d:\d\d).*\d{4}"
    rb"|.*\d{4}-\d\d-\d\d[T ]\d\d:\d\d)"
)
_UNDATED = re.compile(rb"From (?:\S*|\S+@.*)\s*$")
_HEADER = re.compile(
    rb">?From |(?:x-[\w-]+|return-path|received(?:-spf)?|delivered-to|envelope-to|date|from|sender|"
    rb"to|cc|bcc|reply-to|subject|message-id|mime-version|content-[\w-]+|in-reply-to|references|"
    rb"status|dkim-signature|domainkey-signature|arc-[\w-]+|authentication-results|list-[\w-]+|"
    rb"precedence|importance|user-agent|return-receipt-to|errors-to|organization|lines)[ \t]*:",
    re.IGNORECASE,
)
_BODY = re.compile(rb"\r?\n\r?\n")
_ESCAPED = re.compile(rb"^>(?=>*From )", re.MULTILINE)
_OTHER_QUOTE = re.compile(rb">(?!>*From )")


class _Chunk(NamedTuple):
    """A line, or a piece of a very long one; ``first`` if a line starts with it."""

    content: bytes
    first: bool


@dataclass(frozen=True)
class RawMail:
    """The raw bytes of a mail, including its ``From `` line, and its place.

    Only the first ``MAX_MAIL_BYTES`` are kept; ``size`` is the full length. ``start`` is its offset
    in the unpacked file, ``read`` the number of file bytes read. A ``stray`` one precedes the first
    ``From `` line.
    """

    raw: bytes
    size: int
    start: int
    line: int
    lines: int
    stray: bool
    read: int

    @property
    def end(self) -> int:
        """Return the offset after it."""
        return self.start + self.size

    @property
    def is_cut(self) -> bool:
        """Return True if only its start is kept."""
        return self.size > len(self.raw)


@dataclass
class _Collector:
    """Collect one mail."""

    start: int
    line: int
    stray: bool
    size: int = 0
    lines: int = 0
    blank: bool = True  # whether the last line is empty
    _kept: BytesIO = field(default_factory=BytesIO)

    def add(self, chunk: _Chunk) -> None:
        self.size += len(chunk.content)
        self.lines += chunk.first
        self.blank = chunk.first and not chunk.content.strip()
        if self.size <= MAX_MAIL_BYTES:
            self._kept.write(chunk.content)
        elif self._kept.tell() > HEAD_BYTES:
            self._kept = BytesIO(self._kept.getvalue()[:HEAD_BYTES])

    def mail(self, file: Stream) -> RawMail:
        raw = self._kept.getvalue()
        read = file.on_disk(self.start + self.size)
        return RawMail(raw, self.size, self.start, self.line, self.lines, self.stray, read)


def read_mails(path: Path) -> Iterator[RawMail]:
    """Yield the mails; raise InputError.

    A ``From `` line starts a mail if it has a date and is after an empty line or before a mail
    header, or if it has only an address or a word and is both.
    """
    with opened(path) as file:
        mail = _Collector(file.skip_bom(), 1, stray=True)
        chunks = _chunks(file)
        chunk = next(chunks, None)
        while chunk is not None:
            following = next(chunks, None)
            if chunk.first and _separates(chunk.content, following, mail.blank):
                if mail.size:
                    yield mail.mail(file)
                end = mail.start + mail.size
                mail = _Collector(end, mail.line + mail.lines, stray=False)
            mail.add(chunk)
            chunk = following
        if mail.size:
            yield mail.mail(file)


def read_single(path: Path) -> Iterator[RawMail]:
    """Yield the whole file as one mail; raise InputError."""
    with opened(path) as file:
        mail = _Collector(file.skip_bom(), 1, stray=False)
        for chunk in _chunks(file):
            mail.add(chunk)
        yield mail.mail(file)


def without_separator(raw: bytes) -> bytes:
    """Return a mail of an mbox file as it was sent: without ``From `` line and its ``>`` escapes.

    In quoted lines the ``>`` is kept, because it is probably part of the quotation.
    """
    raw = raw.lstrip(b"\r\n")
    if raw.startswith(_FROM):
        raw = raw.partition(b"\n")[2]
    body = _BODY.search(raw)
    if body is None or b">From " not in raw:
        return raw

    def restored(escape: re.Match[bytes]) -> bytes:
        place = escape.start()
        before = raw.rfind(b"\n", 0, max(0, place - 1)) + 1
        after = raw.find(b"\n", place) + 1
        quoted = any(_OTHER_QUOTE.match(raw, line) for line in (before, after or len(raw)))
        return escape[0] if quoted or place < body.end() else b""

    return _ESCAPED.sub(restored, raw)


def _separates(line: bytes, following: _Chunk | None, after_blank: bool) -> bool:
    if not line.startswith(_FROM):
        return False
    headed = following is not None and bool(_HEADER.match(following.content))
    if _DATED.match(line):
        return after_blank or headed
    return after_blank and headed and bool(_UNDATED.match(line))


def _chunks(file: Stream) -> Iterator[_Chunk]:
    first = True
    while content := file.readline(_CHUNK):
        yield _Chunk(content, first)
        first = content.endswith(b"\n")
