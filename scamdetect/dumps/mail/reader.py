"""Open an mbox file or a single mail as a dump with a row a mail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import islice
from pathlib import Path

import pyarrow as pa

from scamdetect.dumps.batches import Dump, Item, Reject
from scamdetect.dumps.mail import mbox
from scamdetect.dumps.mail.mbox import RawMail, read_mails, read_single, without_separator
from scamdetect.dumps.mail.message import Mail, read_mail
from scamdetect.dumps.records import record_dump
from scamdetect.dumps.streams import OtherContentError
from scamdetect.errors import InputError

_TEXTS = pa.list_(pa.string())
SCHEMA: pa.Schema = pa.schema(
    [
        (f.name, _TEXTS if f.name in ("attachments", "problems") else pa.string())
        for f in fields(Mail)
    ]
)
_JUDGED = ("text", "quoted", "subject")
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")


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
    first = next((mail for mail in read_mails(path) if mail.raw.strip()), None)
    if first is not None and not first.stray:
        return _dump(path, text_column, lambda: read_mails(path))
    if first is None or not _HEADER.match(without_separator(first.raw)):
        raise OtherContentError(
            f"{path}:1: begins with no mail header (From: ann@mail.example); "
            "give the right --format"
        )
    return _dump(path, text_column, lambda: read_single(path))


def _dump(path: Path, text_column: str, mails: Callable[[], Iterator[RawMail]]) -> Dump:
    if text_column not in _JUDGED:
        raise InputError(f"{path}: of a mail one of {', '.join(_JUDGED)} can be the text column")
    return record_dump(path, SCHEMA, lambda: _records(mails()), text_column=text_column)


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
            f"more than {mbox.MAX_MAIL_BYTES >> 20} MiB: bytes {mail.start} to {mail.end} of "
            f"the file; only its first {len(mail.raw)} bytes are kept here"
        )
    elif mail.stray:
        reason = "text before the first line that begins a mail"
    else:
        try:
            found = read_mail(without_separator(mail.raw))
        except Exception as problem:  # what hostile mails make the standard parser raise
            reason = f"cannot be parsed ({type(problem).__name__})"
        else:
            if found is not None:
                return found
            reason = "neither headers nor text"
    return Reject(number, mail.line, mail.lines, reason, mail.raw)
