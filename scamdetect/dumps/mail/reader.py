"""Open an mbox file or a single mail as a dump with one row per mail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from email.message import Message
from itertools import islice
from pathlib import Path

import pyarrow as pa

from scamdetect.dumps.batches import Dump, Item, Reject, record_dump
from scamdetect.dumps.lines import OtherContentError
from scamdetect.dumps.mail import mbox
from scamdetect.dumps.mail.headers import decoded, iso_time, message_ids, sender
from scamdetect.dumps.mail.mbox import RawMail, read_mails, read_single, without_separator
from scamdetect.dumps.mail.parts import header, parse, read_body
from scamdetect.dumps.mail.quotes import answers_another, part_quotes
from scamdetect.errors import InputError


@dataclass(frozen=True)
class Mail:
    """A mail; missing headers are None, ``text`` is what is scored."""

    message_id: str | None
    in_reply_to: str | None
    time: str | None
    sender: str | None
    sender_name: str | None
    reply_to: str | None
    to: str | None
    cc: str | None
    subject: str | None
    text: str
    quoted: str
    attachments: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_mail(raw: bytes) -> Mail | None:
    """Read a mail; return None if it has neither a header nor text.

    ``text`` is what the sender wrote. It starts with the subject unless a header refers to an
    earlier mail, whose subject it would be; without other text it is only the subject.
    """
    message = parse(raw)
    problems = []
    subject = _decoded(message, "subject")
    parents = [
        *_ids(message, "in-reply-to")[:1],
        *reversed(_ids(message, "references")),
    ]
    answers = bool(parents) or answers_another(subject or "")
    time = _time(message)
    if time is None and (said := _decoded(message, "date")):
        problems.append(f"no date: {said[:100]}")
    body = read_body(message)
    parted = part_quotes(body.text, answers=answers)
    name, address = _sender(message)
    text = parted.authored
    if subject and not text.startswith(subject) and not (text and parents):
        text = f"{subject}\n\n{text}".strip()
    if not message.keys():
        if not body.text.strip():
            return None
        problems.append("no headers")
    return Mail(
        message_id=next(iter(_ids(message, "message-id")), None),
        in_reply_to=next(iter(parents), None),
        time=time,
        sender=address,
        sender_name=name,
        reply_to=_decoded(message, "reply-to"),
        to=_decoded(message, "to"),
        cc=_decoded(message, "cc"),
        subject=subject,
        text=text,
        quoted=parted.quoted,
        attachments=body.attachments,
        problems=problems + body.problems,
    )


def _decoded(message: Message, name: str) -> str | None:
    value = header(message, name)
    return None if value is None else decoded(value)


def _ids(message: Message, name: str) -> list[str]:
    return message_ids(header(message, name) or "")


def _sender(message: Message) -> tuple[str | None, str | None]:
    """Return name and address from the first of the headers that has any."""
    for name in ("from", "sender", "return-path"):
        if any(found := sender(header(message, name) or "")):
            return found
    return None, None


def _time(message: Message) -> str | None:
    """Return when it was sent, or else when the last server received it."""
    received = (header(message, "received") or "").rpartition(";")[2]
    return iso_time(header(message, "date") or "") or iso_time(received)


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
    """Open an mbox file; raise InputError if no line starts a mail."""
    if all(mail.stray for mail in islice(read_mails(path), 2)):
        raise InputError(
            f"{path}:1: no line starts a mail as in an mbox (From ann@mail.example Mon Jan  1 "
            "10:00:00 2024); for a single mail pass --format eml"
        )
    return _dump(path, text_column, lambda: read_mails(path))


def open_eml(path: Path, text_column: str) -> Dump:
    """Open a file of one mail, or of several; raise InputError if it has no header."""
    first = next((mail for mail in read_mails(path) if mail.raw.strip()), None)
    if first is not None and not first.stray:
        return _dump(path, text_column, lambda: read_mails(path))
    if first is None or not _HEADER.match(without_separator(first.raw)):
        raise OtherContentError(
            f"{path}:1: does not start with a mail header (From: ann@mail.example); pass the "
            "right --format"
        )
    return _dump(path, text_column, lambda: read_single(path))


def _dump(path: Path, text_column: str, mails: Callable[[], Iterator[RawMail]]) -> Dump:
    if text_column not in _JUDGED:
        raise InputError(f"{path}: the text column of a mail must be one of {', '.join(_JUDGED)}")
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
            f"the file; only the first {len(mail.raw)} bytes are kept here"
        )
    elif mail.stray:
        reason = "text before the first line that starts a mail"
    else:
        try:
            found = read_mail(without_separator(mail.raw))
        except Exception as problem:  # what malicious mails make the standard parser raise
            reason = f"cannot be parsed ({type(problem).__name__})"
        else:
            if found is not None:
                return found
            reason = "neither headers nor text"
    return Reject(number, mail.line, mail.lines, reason, mail.raw)
