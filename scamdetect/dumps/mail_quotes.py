"""Separate what the sender of a mail wrote from what the mail quotes or forwards.

Quotations are recognised by their structure, in any language: ``>`` at the start of lines, a line
with a date, an address and a final colon, and a block of headers. A sender can imitate each of
them, so a sign that fits a message too, such as a form to fill in, counts only in a mail that
answers or forwards another by its headers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

_MOST_LINE = 400  # characters of a line that introduces a quotation
_MOST_FOLDED = 3  # lines over which it may be folded
_MOST_BLOCK = 12  # lines of a block of headers; there may be many receivers
_LEAST_LABELS = 3  # of a block of headers

_MARK = re.compile(r" {0,3}[>＞](?!.*<\s*$)")  # ">>> Click here <<<" is an ornament
_YEAR = re.compile(r"(?<!\d)(?:\d{4}|\d{1,2}[./-]\d{1,2}[./-]\d\d)(?!\d)")
_TIME = re.compile(r"(?<!\d)\d{1,2}[:.h]\d\d(?!\d)")
_ADDRESS = re.compile(r"[<\[(](?:mailto:)?[^\s<>@:/]+@[^\s<>@:/]+[>\])]")
_COLON = re.compile(r"[:：][\s*_]*$")
_LABEL = re.compile(r"[\s*_]*([^\W\d_][^:：\n<>@]{0,28})[:：](?!//)[\s*_]*(\S.*?)[\s*_]*$")
# A line, also around words such as "Original message".
_RULE_OR_BLANK = re.compile(r"\s*+(?:[-_=*—]{2,}+(?:[^-_=*—][^=*]{0,100}?[-_=*—]{2,}+)?\s*+)?")
_SUBJECT_START = re.compile(
    r"\s*(?:\[[^\]]{1,60}\]\s*)?(?:re|aw|antw|sv|vs|res|rif|r|odp|ynt|ilt|fw|fwd|wg|tr|rv|enc|i|"
    r"pd|vb|vl|doorst|továbbítás|vá|απ|πρθ|отв|пересл|نعم|رد|تحويل|回复|回覆|答复|转发|轉寄|转寄|"
    r"返信|転送|답장|회신|전달)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]",
    re.IGNORECASE,
)
_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Separated(NamedTuple):
    """What the sender wrote and what the mail quotes; every line with text is in one of them."""

    authored: str
    quoted: str


@dataclass(frozen=True)
class _Mail:
    lines: list[str]
    marked: list[bool]  # whether a line starts with a quotation mark
    answers: bool
    topic: str  # the subject without its prefixes


def answers_another(subject: str) -> bool:
    """Return True if the subject is that of a reply or a forwarded mail."""
    return bool(_SUBJECT_START.match(subject))


def separate_quotes(text: str, *, answers: bool, subject: str = "") -> Separated:
    """Split a text; ``answers`` is True if the headers say that the mail answers another.

    If nothing would be left of a mail that answers none, all of it is the sender's.
    """
    lines = text.split("\n")
    while match := _SUBJECT_START.match(subject):
        subject = subject[match.end() :]
    plain = [_DIRECTIONS.sub("", line) for line in lines]
    mail = _Mail(plain, [bool(_MARK.match(line)) for line in plain], answers, _key(subject))
    quoted = _quoted(mail)
    if not answers and quoted == mail.marked:  # nothing introduces a quotation
        return Separated(text.strip(), "")
    authored, rest = (
        "\n".join(line for line, mark in zip(lines, quoted, strict=True) if mark is wanted)
        for wanted in (False, True)
    )
    if not authored.strip() and not answers:
        return Separated(text.strip(), "")
    return Separated(authored.strip(), rest.strip("\n"))


def _key(text: str) -> str:
    return " ".join(text.casefold().split())


def _quoted(mail: _Mail) -> list[bool]:
    """Return for each line if it is quoted, including the line that introduces a quotation."""
    quoted = list(mail.marked)
    index = 0
    while index < len(mail.lines):
        length = 0 if mail.marked[index] else _opening(mail, index)
        if not length:
            index += 1
            continue
        after = _next_text(mail.lines, index + length)
        if after < len(mail.lines) and mail.marked[after]:  # own words may follow the marks
            quoted[index:after] = [True] * (after - index)
            index = after
            continue
        while index and _RULE_OR_BLANK.fullmatch(mail.lines[index - 1]):
            index -= 1
        quoted[index:] = [True] * (len(quoted) - index)
        break
    return quoted


def _opening(mail: _Mail, index: int) -> int:
    """Return how many lines here introduce a quotation, 0 if none."""
    line = mail.lines[index]
    if not line.strip() or len(line) > _MOST_LINE:
        return 0
    if _is_header_block(mail, index):
        return 1
    for length in range(1, _MOST_FOLDED + 1):
        folded = mail.lines[index : index + length]
        if len(folded) < length or not folded[-1].strip():
            break
        if not _COLON.search(folded[-1]):
            continue
        whole = " ".join(folded)
        has_date = bool(_YEAR.search(whole) and _TIME.search(whole))
        if any(_YEAR.search(later) for later in folded[1:]) and not _YEAR.search(line):
            break  # it begins there
        after = _next_text(mail.lines, index + length)
        is_marked = after <= index + length + 1 and after < len(mail.lines) and mail.marked[after]
        address = _ADDRESS.search(whole)
        is_named = address is not None and address[0].startswith("<")
        if (has_date or address) if is_marked else (has_date and is_named):
            return length
        break
    return 0


def _is_header_block(mail: _Mail, index: int) -> bool:
    """Return True if headers of the mail that this one answers or forwards start here.

    One of them is this mail's subject, or the first has an address and another a date and a time.
    """
    first = _LABEL.match(mail.lines[index])
    if not mail.answers or first is None:
        return False
    block = takewhile(str.strip, mail.lines[index : index + _MOST_BLOCK])
    values = [label[2] for line in block if (label := _LABEL.match(line[:_MOST_LINE]))]
    is_dated = any(_YEAR.search(value) and _TIME.search(value) for value in values[1:])
    is_same = bool(mail.topic) and mail.topic in map(_key, values[1:])
    return len(values) >= _LEAST_LABELS and (
        is_same or (is_dated and bool(_ADDRESS.search(first[2])))
    )


def _next_text(lines: list[str], index: int) -> int:
    while index < len(lines) and not lines[index].strip():
        index += 1
    return index
