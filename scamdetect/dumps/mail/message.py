"""One mail as a record: who wrote what to whom, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message

from scamdetect.dumps.mail.headers import decoded, iso_time, message_ids, sender
from scamdetect.dumps.mail.parts import header, parse, read_body
from scamdetect.dumps.mail.quotes import answers_another, part_quotes


@dataclass(frozen=True)
class Mail:
    """A mail; None for a header that it lacks, ``text`` is what is judged."""

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
    """Read a mail; None where it has neither a header nor text.

    ``text`` is what the sender wrote. The subject stands above it where no header names a mail
    before this one, whose subject it would be, and in its place where nothing else is left.
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
    """Return when it was sent, else when the last server took it."""
    received = (header(message, "received") or "").rpartition(";")[2]
    return iso_time(header(message, "date") or "") or iso_time(received)
