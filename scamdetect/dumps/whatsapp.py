"""Read chats that WhatsApp exported as text on Android or an iPhone.

Nothing in an export distinguishes WhatsApp's own words from those of people, and a message may
contain a line that looks like the start of another one. So every line is scored in some row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from scamdetect.dumps.batch import Dump, Item, Reject, record_dump
from scamdetect.dumps.text import Line, open_bytes, read_lines, unpacked_name
from scamdetect.errors import InputError

if TYPE_CHECKING:
    from scamdetect.dumps.text import Location

COLUMNS = (
    "chat", "message_id", "time", "sender", "sender_id", "kind", "text", "media", "notice",
)  # fmt: skip
SCHEMA = pa.schema([(name, pa.string()) for name in (*COLUMNS, "stamp")])
MAX_MESSAGE_BYTES = 1 << 20  # a message has 65,536 characters at most
_FIRST_YEAR = 2009  # start of WhatsApp
_MOST_HEAD = 200  # characters
_MOST_SENDER, _MOST_SENDER_WORDS = 60, 8  # a longer name would hide a message

# Direction marks and zero-width spaces, which WhatsApp inserts everywhere.
_MARKS = "\u200b\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
_LEFT_TO_RIGHT = "\u200e"  # an iPhone writes it before WhatsApp's own words
_B = rf"[\s{_MARKS}]*+"
_CLOSE = rf"(?P<close>\]|(?<=[\s{_MARKS}])[-–—](?=\s))"
# Words around a time, such as "p. m.", "klo", "오후": no digits and no character of the head.
_WORD = rf"[^\d\s{_MARKS}\[\]:<>()/,،\-–—]{{1,16}}"
_WORDS = rf"{_WORD}(?:[\s{_MARKS}]+{_WORD}){{0,2}}"
_DATE = (
    rf"(?P<first>\d{{1,4}}){_B}(?P<apart>[./-]){_B}(?P<second>\d{{1,2}}){_B}(?P=apart){_B}"
    r"(?P<third>\d{4}|\d{1,2})(?!\d)"
)
_TIME = r"(?P<hour>\d{1,2})(?:[:.]|\sh\s)(?P<minute>\d{2})(?:[:.](?P<sec>\d{2}))?(?!\d)"
_START = rf"{_B}(?P<open>\[?){_B}"
_DATE_FIRST = re.compile(
    rf"{_START}(?P<stamp>{_DATE}\.?{_B}(?:{_WORDS})?{_B}[,،]?{_B}(?:{_WORDS})?{_B}{_TIME}{_B}"
    rf"(?:{_WORDS})?){_B}{_CLOSE}"
)
_TIME_FIRST = re.compile(  # Vietnamese
    rf"{_START}(?P<stamp>{_TIME}{_B}(?:{_WORDS})?{_B}[,،]?{_B}{_DATE}){_B}{_CLOSE}"
)
_NO_LETTERS = re.compile(r"[\W\d_]+")
# Letters of the names of day halves, and of words around a time that name none.
_MORNING, _EVENING = (
    {_NO_LETTERS.sub("", word) for word in words.split()}
    for words in (
        "am 上午 凌晨 清晨 早上 午前 오전 ص صباحا قظ قبلازظهر πμ öö vm fm dop dopoledne dopoludnia "
        "de ap sa पूर्वाह्न मपू முற்பகல் ก่อนเที่ยง לפנהצ pg дп পূর্বাহ্ণ asubuhi နံနက် ព្រឹក",
        "pm 下午 中午 傍晚 晚上 午後 오후 م مساء بظ بعدازظهر μμ ös ch nm em odp odpoledne "
        "popoludní du ip अपराह्न मउ பிற்பகல் หลังเที่ยง אחהצ ptg пп অপরাহ্ণ mchana jioni ညနေ ល្ងាច",
    )
)
_SAY_NOTHING = frozenset(["", *"klo kl alas à às alle um om o ob u в у ч г гч р be n h".split()])

_AMERICAN = re.compile(r"\d{1,2}/\d{1,2}/\d\d, .*[AP]M", re.DOTALL)
_PHONE = re.compile(r"\+?\(?\d[\d\s().\-‑]{5,}$")
_NO_NAME = re.compile(r"://|www\.|[“„«‘](?!.*[”“»’])|^[^\"]*\"[^\"]*$", re.IGNORECASE)
_NAMED = re.compile(
    r".*\bWhatsApp\b.*?[ -](?:with|mit|con|avec|com|met|ile|dengan|с контактом|с|z|kasama si|với|"
    r"na|مع|با|עם|-) (?P<chat>.+)"
)


class Style(NamedTuple):
    """What the heads of one export have in common."""

    bracketed: bool
    separator: str
    year_first: bool
    seconds: bool


class Head(NamedTuple):
    """The date and time before a message; ``hour`` is None if the half of the day is unknown."""

    style: Style
    stamp: str
    date: tuple[int, int, int]  # as written
    hour: int | None
    clock: str  # minutes and seconds
    end: int  # where the sender starts


def read_head(line: str) -> Head | None:
    """Return the head at the start of the line, or None."""
    match = _DATE_FIRST.match(line[:_MOST_HEAD]) or _TIME_FIRST.match(line[:_MOST_HEAD])
    if match is None or (match["open"] == "[") != (match["close"] == "]"):
        return None
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "sec"))
    if hour > 24 or minute > 59 or second > 60:
        return None
    return Head(
        Style(bool(match["open"]), match["apart"], len(match["first"]) == 4, bool(match["sec"])),
        match["stamp"].strip(),
        (int(match["first"]), int(match["second"]), int(match["third"])),
        _hour(hour, _NO_LETTERS.sub("", match["stamp"]).casefold()),
        f"{minute:02}:{second:02}" if match["sec"] else f"{minute:02}",
        match.end(),
    )


def _hour(hour: int, words: str) -> int | None:
    if words in _SAY_NOTHING or not 1 <= hour <= 12:
        return hour % 24
    if words in _MORNING or words in _EVENING:
        return hour % 12 + (12 if words in _EVENING else 0)
    return None


def split_sender(rest: str) -> tuple[str | None, str]:
    """Return the sender and the text after a head; None if the line has no sender.

    A name that is too long, or that has a link or half of a quotation, is part of the text.
    """
    name, colon, body = rest.partition(":")
    sender = _unmarked(name)
    is_name = bool(colon and sender) and not _NO_NAME.search(sender)
    is_short = len(sender) <= _MOST_SENDER and len(sender.split()) <= _MOST_SENDER_WORDS
    # Without a space, the colon is that of a time or an address.
    if is_name and is_short and (not body or body[0].isspace() or body[0] == _LEFT_TO_RIGHT):
        return sender, body[1:] if body[:1].isspace() else body
    return None, rest.strip()


def _unmarked(text: str) -> str:
    return re.sub(f"[{_MARKS}]", "", text).strip()


def is_whatsapp(lines: Sequence[str], name: str = "") -> bool:
    """Return True if the first lines of a text file, or also its name, are those of an export.

    The first line must start with a head, and lines must name senders: one if the file has a name
    that WhatsApp gives; a quarter of the heads if WhatsApp's own words seem to be among them; else
    half of all lines.
    """
    lines = [line for line in lines if line.strip()]
    heads = [(line, head) for line in lines if (head := read_head(line)) is not None]
    if not heads or heads[0][0] is not lines[0]:
        return False
    style = heads[0][1].style
    if not style.bracketed and style.seconds:  # only logs use this, no phone
        return False
    bodies = [split_sender(line[head.end :]) for line, head in heads]
    senders = sum(sender is not None for sender, _ in bodies)
    if senders and (Path(name).name.startswith("_chat.") or "WhatsApp" in name):
        return True
    if bodies[0][0] is None or any(text.startswith(_LEFT_TO_RIGHT) for _, text in bodies):
        return senders > 0 and senders * 4 >= len(heads)
    return senders > 1 and senders * 2 >= len(lines)


class _Form(NamedTuple):
    """How the messages of a file are read."""

    styles: set[Style]  # a rare one is that of lines that were pasted into messages
    month_first: bool
    chat: str | None  # the sender of an iPhone's first notice: the group or other person
    note: str | None


def _survey(lines: Iterator[Line]) -> _Form | None:
    """Return the form of a whole file, whose dates decide what comes first; None without heads."""
    styles: Counter[Style] = Counter()
    first: Head | None = None
    chat = None
    day_first = 0  # dates with a first part over 12, minus those with a second one
    for line in lines:
        head = read_head(line.text)
        if head is None:
            continue
        if first is None:
            first = head
            sender, body = split_sender(line.text[head.end :])
            chat = sender if body.startswith(_LEFT_TO_RIGHT) else None
        styles[head.style] += 1
        if not head.style.year_first:
            day_first += (head.date[0] > 12) - (head.date[1] > 12)
    if first is None:
        return None
    common = {style for style, count in styles.items() if count * 5 >= styles.total()}
    month_first = day_first < 0 or (not day_first and bool(_AMERICAN.fullmatch(first.stamp)))
    note = f"its dates are read {'month' if month_first else 'day'} first"
    if not day_first:
        note += "; the date order is a guess: no date distinguishes day from month"
    return _Form(
        common | {first.style}, month_first, chat, None if first.style.year_first else note
    )


def open_whatsapp(path: Location, encoding: str = "utf-8") -> Dump:
    """Open an export after one pass over it; raise InputError if it has no message."""
    with open_bytes(path) as stream:
        total = stream.size
        form = _survey(read_lines(stream, encoding))
    if form is None:
        raise InputError(
            f"{path}: no line starts with a date and time as WhatsApp writes them; pass the "
            "file's format with --format (txt for one message per line)"
        )
    chat = _chat_name(path, form)

    def items() -> Iterator[Item]:
        stream = open_bytes(path)
        records = _records(read_lines(stream, encoding), form.styles)
        for number, (head, lines) in enumerate(records, 1):
            row = _row(head, lines, form.month_first) | {"chat": chat, "message_id": str(number)}
            raw = b"".join(line.raw for line in lines)
            problem = next((line.problem for line in lines if line.problem), None)
            start = lines[0]
            note = problem and Reject(start.number, problem, raw, offset=start.offset, kept=True)
            yield Item(row, len(raw), total if stream.closed else stream.position, note or None)

    notes = ("read as a chat exported from WhatsApp", *([form.note] if form.note else []))
    return record_dump(SCHEMA, items, encoding=encoding, notes=notes, total=total, where=str(path))


def _chat_name(path: Location, form: _Form) -> str | None:
    """Return the name from that of the file, of its archive or of its folder, or the first one."""
    stem = PurePath(unpacked_name(path)).stem
    names = (stem, PurePath(path.name).stem, Path(str(path)).absolute().parent.name)
    match = next((match for name in names if (match := _NAMED.fullmatch(name))), None)
    return match["chat"] if match else form.chat or (None if stem == "_chat" else stem)


def _records(lines: Iterator[Line], styles: set[Style]) -> Iterator[tuple[Head | None, list[Line]]]:
    """Yield the lines of each message; a message that is too long continues in another record."""
    head: Head | None = None
    record: list[Line] = []
    size = 0
    for line in lines:
        following = read_head(line.text)
        if following is not None and following.style not in styles:
            following = None
        if following is not None or size > MAX_MESSAGE_BYTES:
            if record:
                yield head, record
            head, record, size = following, [], 0
        if record or line.text.strip():
            record.append(line)
            size += len(line.raw)
    if record:
        yield head, record


def _row(head: Head | None, lines: list[Line], month_first: bool) -> dict[str, Any]:
    texts = [line.text.removesuffix("\n").removesuffix("\r") for line in lines]
    if head is None:  # before the first message, or the rest of one that is too long
        return {"kind": "message", "text": "\n".join(texts)}
    sender, texts[0] = split_sender(texts[0][head.end :])
    return {
        "time": _time(head, month_first),
        "sender": sender,
        "sender_id": _phone(sender or ""),
        "kind": "system" if sender is None else "message",
        "text": "\n".join(texts),
        "stamp": head.stamp,
    }


def _phone(sender: str) -> str | None:
    """Return the number if the export has one instead of a name, as a plus and digits."""
    plus = "+" if sender.startswith("+") else ""
    return plus + re.sub(r"\D", "", sender) if _PHONE.match(sender) else None


def _time(head: Head, month_first: bool) -> str | None:
    """Return the time in ISO form, as precise as the export; None for an impossible day."""
    year, month, day = head.date if head.style.year_first else head.date[::-1]
    if month_first and not head.style.year_first:
        month, day = day, month
    year += 2000 if year < 100 else -543 if year > 2400 else 0  # Buddhist years in Thailand
    if not _FIRST_YEAR <= year <= date.today().year + 1:
        return None
    try:
        text = date(year, month, day).isoformat()
    except ValueError:
        return None
    return text if head.hour is None else f"{text}T{head.hour:02}:{head.clock}"
