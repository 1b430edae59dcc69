"""Open an mbox file or a single mail as a dump with a row a mail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa

from scamdetect.arrays import list_array, plain_array
from scamdetect.dumps.batches import Batch, Dump, Item, Reject, grouped
from scamdetect.dumps.mail.mbox import (
    HEAD_BYTES,
    MAX_MAIL_BYTES,
    RawMail,
    read_mails,
    without_separator,
)
from scamdetect.dumps.mail.message import Mail, read_mail
from scamdetect.dumps.rows import ArrowRows, encodable
from scamdetect.dumps.streams import beginning, opened
from scamdetect.errors import InputError

_TEXTS = pa.list_(pa.string())
SCHEMA: pa.Schema = pa.schema(
    [
        (name, _TEXTS if name in ("attachments", "problems") else pa.string())
        for name in Mail.__dataclass_fields__
    ]
)
_JUDGED = ("text", "quoted", "subject")
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")
_BOM = b"\xef\xbb\xbf"


def open_mbox(path: Path, text_column: str) -> Dump:
    """Open an mbox file; raise InputError where no line of it begins a mail."""
    if all(mail.stray for mail in islice(read_mails(path), 2)):
        raise InputError(
            f"{path}:1: no line begins a mail as in an mbox (From ann@mail.example Mon Jan  1 "
            "10:00:00 2024); for a single mail give --format eml"
        )
    return _dump(path, text_column, lambda: read_mails(path))


def open_eml(path: Path, text_column: str) -> Dump:
    """Open a file of one mail, or of several after all; raise InputError where it has no header."""
    start = beginning(path, HEAD_BYTES).removeprefix(_BOM).lstrip(b"\r\n")
    if start.startswith(b"From "):
        return open_mbox(path, text_column)
    if not _HEADER.match(start):
        raise InputError(
            f"{path}:1: begins with no mail header (From: ann@mail.example); "
            "give the right --format"
        )
    return _dump(path, text_column, lambda: _single(path))


def _single(path: Path) -> Iterator[RawMail]:
    with opened(path) as file:
        raw = file.read(MAX_MAIL_BYTES + 1)
        size = len(raw)
        if size > MAX_MAIL_BYTES:
            raw = raw[:HEAD_BYTES]
            while more := file.read(HEAD_BYTES):
                size += len(more)
        read = file.on_disk(size)
    yield RawMail(raw, size, 0, 1, len(raw.splitlines()), False, read)


def _dump(path: Path, text_column: str, mails: Callable[[], Iterator[RawMail]]) -> Dump:
    if text_column not in _JUDGED:
        raise InputError(f"{path}: of a mail one of {', '.join(_JUDGED)} can be the text column")

    def batches() -> Iterator[Batch]:
        size = path.stat().st_size
        for group in grouped(_records(mails()), path, "utf-8"):
            rows = ArrowRows(str(path), (text_column,), tuple(SCHEMA.names), _table(group.values))
            yield Batch(rows, tuple(group.rejects), group.end / size)

    return Dump(tuple(SCHEMA.names), SCHEMA, batches)


def _records(mails: Iterator[RawMail]) -> Iterator[Item[Mail]]:
    number = 0
    for mail in mails:
        if mail.stray and not mail.raw.strip():
            continue
        number += 1
        yield Item(_record(mail, number), len(mail.raw), mail.read)


def _record(mail: RawMail, number: int) -> Mail | Reject:
    reason = None
    if mail.is_cut:
        reason = (
            f"more than {MAX_MAIL_BYTES >> 20} MiB: bytes {mail.start} to {mail.end} of the file; "
            f"only its first {len(mail.raw)} bytes are kept here"
        )
    elif mail.stray:
        reason = "text before the first line that begins a mail"
    else:
        try:
            found = read_mail(without_separator(mail.raw.removeprefix(_BOM).lstrip(b"\r\n")))
        except Exception as problem:  # what hostile mails make the standard parser raise
            reason = f"cannot be parsed ({type(problem).__name__})"
        else:
            if found is not None:
                return found
            reason = "neither headers nor text"
    return Reject(number, mail.line, mail.lines, reason, mail.raw)


def _table(mails: list[Mail]) -> pa.Table:
    columns = []
    for name, kind in zip(SCHEMA.names, SCHEMA.types, strict=True):
        values = [getattr(mail, name) for mail in mails]
        if kind == _TEXTS:
            items = plain_array([encodable(x) for row in values for x in row], pa.string())
            columns.append(list_array(values, items, kind))
        else:
            texts = [None if value is None else encodable(value) for value in values]
            columns.append(plain_array(texts, kind))
    return pa.Table.from_arrays(columns, schema=SCHEMA)
