"""Read a chat exported as text by WhatsApp on Android or an iPhone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scamdetect.dumps.batches import Dump, Item, Reject, counted
from scamdetect.dumps.chats.messages import Message, MessageKind, message_dump, schema
from scamdetect.dumps.chats.whatsapp_bodies import (
    begins_export,
    phone_of,
    read_body,
    read_unsigned,
    split_sender,
)
from scamdetect.dumps.chats.whatsapp_dates import DateForm, Head, OrderVote, Style, read_head
from scamdetect.dumps.delimited import strip_line_end
from scamdetect.dumps.formats import unpacked
from scamdetect.dumps.lines import Line, read_lines, rejected_raw
from scamdetect.errors import InputError

SCHEMA = schema("stamp")
# A message has 65,536 characters at most.
MAX_MESSAGE_BYTES = 1 << 20
_SHARE_OF_A_STYLE = 5  # a second style has at least a fifth of the heads

_NAMED = re.compile(
    r"(?:.*\bWhatsApp[ -]Chat(?: -| with| mit)|.*\bWhatsApp\b.*? (?:with|mit|con|avec|com|met|ile|"
    r"dengan|с контактом|с|z|kasama si|với|na|مع|با|עם|-)) (?P<chat>.+)"
)

_LOG_LEVEL = re.compile(
    r"(?:.*[. ])?(?:trace|debug|info|notice|warn(?:ing)?|error|critical|fatal)$"
)


def is_whatsapp(path: Path, lines: list[str]) -> bool:
    """Return True if the name and first lines of a text file are those of a WhatsApp export.

    The first line must start with a date and time as in exports, and one line must name a sender.
    That is enough if the file has a name that WhatsApp gives. Otherwise, either the lines contain a
    WhatsApp notice and a quarter of them name senders, or half of all lines do, there are at least
    two and they do not look like a log. The test is strict, because a wrong result would leave
    messages unscored.
    """
    lines = [line for line in lines if line.strip()]
    heads = [(line, head) for line in lines if (head := read_head(line)) is not None]
    if not heads or heads[0][0] is not lines[0]:
        return False
    style = heads[0][1].style
    if not style.bracketed and style.seconds:  # only logs use this, no phone
        return False
    alike = [_parted(line, head) for line, head in heads if head.style == style]
    senders = [sender.casefold() for sender, _ in alike if sender]
    if senders and (unpacked(path).stem == "_chat" or named_chat(path) is not None):
        return True
    if _speaks(alike):
        return len(senders) * 4 >= len(alike)
    return (
        len(senders) > 1
        and len(senders) * 2 >= len(lines)
        and not (style.bracketed and style.year_first)
        and not any(map(_LOG_LEVEL.match, senders))
    )


def _parted(line: str, head: Head) -> tuple[str | None, str]:
    return split_sender(line[head.end :].rstrip("\r\n"))


def _speaks(parted: list[tuple[str | None, str]]) -> bool:
    """Return True if the lines contain a notice written by WhatsApp."""
    sender, body = parted[0]
    return begins_export(body, sender) or any(
        sender and read_body(body).kind is not MessageKind.MESSAGE for sender, body in parted
    )


@dataclass
class _Survey:
    """The form of the messages in a whole file."""

    styles: Counter[Style] = field(default_factory=Counter)
    votes: dict[Style, OrderVote] = field(default_factory=dict)
    first_style: Style | None = None
    first_sender: str | None = (
        None  # from the first notice on an iPhone: the group, or the other person
    )

    def add(self, line: str, head: Head) -> None:
        """Add a line that starts with a head."""
        vote = self.votes.setdefault(head.style, OrderVote())
        vote.add(head.date, head.american)
        self.styles[head.style] += 1
        sender, body = split_sender(line[head.end :])
        if self.first_style is None:
            self.first_style = head.style
            if begins_export(body, sender):
                self.first_sender = sender

    def orders(self) -> dict[Style, DateForm]:
        """Return the styles in use; a style of only a few lines was pasted into messages."""
        least = self.styles.total() / _SHARE_OF_A_STYLE
        return {
            style: self.votes[style].decide()
            for style, count in self.styles.items()
            if style == self.first_style or count >= least
        }


@dataclass(frozen=True)
class _Form:
    """How the records of a file are read."""

    chat: str | None
    orders: dict[Style, DateForm]


@dataclass
class _Record:
    """The lines of one message; without a head, they precede the first one."""

    lines: list[Line]
    head: Head | None
    size: int = 0
    too_long: bool = False

    def add(self, line: Line) -> None:
        self.lines.append(line)
        self.size += len(line.raw)


def open_whatsapp(path: Path, encoding: str, text_column: str) -> Dump:
    """Open an export after one pass over it; raise InputError if it has no message.

    The export does not state the order of day and month; it is inferred from all dates.
    """
    survey = _survey(path, encoding)
    stem = unpacked(path).stem
    form = _Form(
        chat=named_chat(path) or survey.first_sender or (None if stem == "_chat" else stem),
        orders=survey.orders(),
    )

    def items() -> Iterator[Item[Message]]:
        records = _records(read_lines(path, encoding), frozenset(form.orders))
        for number, record in enumerate(records, 1):
            yield Item(_row(record, number, form, encoding), record.size, record.lines[-1].end)

    return message_dump(
        path,
        SCHEMA,
        items,
        text_column=text_column,
        encoding=encoding,
        notes=("read as a chat exported from WhatsApp", *dict.fromkeys(_notes(form))),
    )


def named_chat(path: Path) -> str | None:
    """Return the chat's name from "WhatsApp Chat with Ann.txt" or the folder of "_chat.txt"."""
    stem = unpacked(path).stem
    name = path.absolute().parent.name if stem == "_chat" else stem
    found = _NAMED.fullmatch(name)
    return None if found is None else found["chat"]


def _survey(path: Path, encoding: str) -> _Survey:
    survey = _Survey()
    for line in counted(read_lines(path, encoding), "lines"):
        head = read_head(line.text)
        if head is not None:
            survey.add(strip_line_end(line.text), head)
    if not survey.styles:
        raise InputError(
            f"{path}: no line starts with a date and time as WhatsApp writes them; pass the "
            "file's format with --format (txt for one message per line)"
        )
    return survey


def _notes(form: _Form) -> Iterable[str]:
    for one in form.orders.values():
        yield f"its dates are read with the {one.order}, {one.why}"
        if one.misfits:
            yield (
                f"{one.misfits:,} of its {one.dates:,} dates are not days since 2009, possibly "
                "because they use another calendar: their time is empty"
            )


def _records(lines: Iterator[Line], styles: frozenset[Style]) -> Iterator[_Record]:
    current: _Record | None = None
    for line in lines:
        head = read_head(line.text)
        if head is not None and head.style in styles:
            if current is not None:
                yield current
            current = _Record([], head)
        elif current is None or current.head is None and not current.too_long:
            # Before the first message, every line is a record.
            if current is not None:
                yield current
            current = None
            if line.text.strip() or line.problem:
                current = _Record([], None)
        elif current.size > MAX_MESSAGE_BYTES or current.lines[-1].is_cut:
            current.too_long = True
            yield current
            current = _Record([], None, too_long=True)
        if current is not None:
            current.add(line)
    if current is not None:
        yield current


def _row(record: _Record, number: int, form: _Form, encoding: str) -> Message | Reject:
    head = record.head
    reason = next((line.problem for line in record.lines if line.problem), None)
    if record.lines[-1].is_cut:
        reason = record.lines[-1].problem
    elif record.too_long:
        reason = f"a message of more than {MAX_MESSAGE_BYTES >> 20} MiB"
    elif head is None:
        reason = reason or "a line before the first message"
    if reason is not None or head is None:
        raw = rejected_raw(record.lines, encoding)
        first = record.lines[0].number
        undecodable = any(line.undecodable for line in record.lines)
        return Reject(number, first, len(record.lines), reason or "", raw, undecodable)
    texts = [strip_line_end(line.text) for line in record.lines]
    sender, rest = split_sender(texts[0][head.end :])
    text = "\n".join([rest, *texts[1:]])
    body = read_unsigned(text) if sender is None else read_body(text)
    return Message(
        chat=form.chat,
        message_id=str(number),
        time=_time(head, form.orders[head.style]),
        sender=sender,
        sender_id=None if sender is None else phone_of(sender),
        kind=body.kind,
        text=body.text,
        media=body.media,
        notice=body.notice,
        stamp=head.stamp,
    )


def _time(head: Head, form: DateForm) -> str | None:
    """Return the time in ISO form, as precise as the export has it; None for an impossible day."""
    day = form.day(head.date)
    if day is None:
        return None
    if head.hour is None:
        return day.isoformat()
    seconds = "" if head.second is None else f":{head.second:02}"
    return f"{day.isoformat()}T{head.hour:02}:{head.minute:02}{seconds}"
