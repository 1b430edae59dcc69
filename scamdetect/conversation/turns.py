"""The turns of a conversation in order, without quoted text, and a sender's last words."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import groupby, takewhile
from numbers import Real
from typing import Any

import numpy as np
import pyarrow as pa

from scamdetect.errors import InputError
from scamdetect.frames.tables import check_several, texts_of
from scamdetect.text.normalise import normalise

IN_ORDER_OF_TIME = "times are out of order; messages are read in the order of time"
TIMES_MISSING = "some messages have no readable time; messages are read in the given order"

# Shorter lines ("ok", "how are you?") are repeated by chance, longer ones are quoted.
_QUOTED_FROM = 16
# Letters. Mail programs wrap quotations differently, so parts of earlier text are searched; at the
# edges of a line a part may be incomplete.
_PART = 12
_SINCE_1970 = re.compile(r"-?[0-9]{9,19}(?:\.[0-9]+)?")  # eight digits are a date
_MARKS = "> \t"
_KEYS = {"text", "sender", "time"}
_MOST_SYMBOLS = 6  # in a row, as in "!) " and three emoji; and the marks on a Burmese letter
_SYMBOLS = re.compile(rf"[^\w\s](?:\s*[^\w\s]){{{_MOST_SYMBOLS},}}")
_COPIES = re.compile(r"(.{1,32}?)\1{9,}", re.DOTALL)  # a round amount has fewer zeros
_LONG = 100  # letters by which the ends of two lines never match by chance
_PADDED = 0.75  # a text is padded if less than this share of it remains


@dataclass(frozen=True, slots=True)
class Message:
    """A message and its ``position`` in the conversation; ``text`` is unchanged."""

    position: int
    sender: str | None
    text: object


def read_messages(messages: Iterable[Any]) -> tuple[list[Message], tuple[str, ...]]:
    """Return the messages in order, and notes on how they were read.

    A message is a text or a mapping with ``text`` and optionally ``sender`` and ``time``: a
    datetime, ISO 8601 text or seconds since 1970, in UTC if it has no zone. If all have a time,
    they are read in the order of time, else as given. Names of senders are compared without
    surrounding blanks and Unicode composition; the first spelling is kept. Raises InputError for a
    mapping without ``text`` or with other keys; TextsError for a single text and for a table.
    """
    cure = "pass a list of texts, or of mappings with text, sender and time"
    check_several(messages, "the messages of a conversation", cure)
    spellings: dict[str, str] = {}
    read: list[Message] = []
    times: list[float | None] = []
    arrow = isinstance(messages, pa.Array | pa.ChunkedArray)
    for position, value in enumerate(texts_of(messages) if arrow else messages):
        message = value if isinstance(value, Mapping) else {"text": value}
        if "text" not in message or not message.keys() <= _KEYS:
            keys = ", ".join(sorted(map(repr, message)))
            raise InputError(
                f"message {position} has {f'the keys {keys}' if keys else 'no keys'}; pass text "
                "and, if known, sender and time"
            )
        name = sender_name(message.get("sender"))
        sender = None if name is None else spellings.setdefault(one_spelling(name), name)
        read.append(Message(position, sender, message["text"]))
        times.append(_seconds(message.get("time")))
    known = [time for time in times if time is not None]
    if known and len(known) < len(read):
        return read, (TIMES_MISSING,)
    if known == sorted(known):
        return read, ()
    order = sorted(range(len(read)), key=known.__getitem__)  # stable: ties keep the given order
    return [read[index] for index in order], (IN_ORDER_OF_TIME,)


def sender_name(value: object) -> str | None:
    """Return the name of a sender, or None if it is missing or blank, thus unknown."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, float | np.floating):
        if math.isnan(value):
            return None
        # A table with gaps has integers as floats.
        value = int(value) if value.is_integer() else value
    return str(value).strip() or None


one_spelling = partial(unicodedata.normalize, "NFC")  # equal for names that look the same


def own_words(messages: Sequence[Message]) -> list[object]:
    """Return the text of each message, in order, without what it quotes of others.

    Quoted is a line of some length that another sender wrote before, and a line that starts with
    ``>`` and was written before, even if its line breaks differ: new words that are marked as a
    quotation are judged. A value that is not text, or quotes nothing, is unchanged.
    """
    first_by: dict[str, str | None] = {}  # of unmarked lines: marking a line claims no words
    said: set[str] = set()
    parts: set[str] = set()
    texts: list[object] = []
    for message in messages:
        if not isinstance(message.text, str):
            texts.append(message.text)
            continue
        lines = message.text.splitlines()
        own = []
        for line, quoted in zip(lines, list(_quoted(lines, said, parts)), strict=True):
            if quoted is not None:
                own += [] if quoted else [line.lstrip(_MARKS)]
                continue
            key, sender = _key(line), message.sender
            if len(key) < _QUOTED_FROM or first_by.setdefault(key, sender) == sender:
                own.append(line)
        texts.append(message.text if own == lines else "\n".join(own))
        said.update(map(_key, own))
        letters = _without_blanks("".join(own))
        parts.update(letters[at : at + _PART] for at in range(0, len(letters) - _PART + 1, _PART))
    return texts


def _quoted(lines: Sequence[str], said: set[str], parts: set[str]) -> Iterator[bool | None]:
    """Yield for each line None if it is not marked, else whether its words were written before."""
    for marked, group in groupby(lines, key=lambda line: line.lstrip().startswith(">")):
        if not marked:
            yield from (None for _ in group)
            continue
        block = [line.lstrip(_MARKS) for line in group]
        letters = "".join(map(_without_blanks, block))
        known = bytearray(len(letters))
        for at in range(len(letters) - _PART + 1):
            if letters[at : at + _PART] in parts:
                known[at : at + _PART] = b"\1" * _PART
        start = 0
        for line in block:
            size = len(_without_blanks(line))
            new = size - sum(known[start : start + size])
            yield _key(line) in said or new <= min(size // 2, 2 * _PART)
            start += size


def _key(line: str) -> str:
    return " ".join(line.split())


def _without_blanks(text: str) -> str:
    return "".join(text.split())


def _seconds(value: object) -> float | None:
    """Return seconds since 1970, or None without a readable time."""
    try:
        if isinstance(value, str):
            number = _SINCE_1970.fullmatch(value.strip())
            value = float(value) if number else datetime.fromisoformat(value.strip())
        if isinstance(value, datetime):
            value = (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp()
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        return float(value) if is_number and math.isfinite(value) else None  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None


def with_words(last_words: str, text: str, window: int) -> str:
    """Return the last ``window`` characters of a sender's words after one more message.

    ``last_words`` are those before the message. The text is normalised first, and padding does not
    count: see ``without_padding``.
    """
    return _condensed(f"{last_words}\n{normalise(text)}")[-window:].lstrip()


def says_new(last_words: str, text: str) -> bool:
    """Return True if a message has a line with words that are not among the last words.

    The start of the oldest of the last words may be cut off.
    """
    first, *others = map(_letters, last_words.split("\n"))
    said = {"", first, *others}
    cut = first if len(first) >= _LONG else None
    return not all(
        line in said or (cut is not None and line.endswith(cut))
        for line in map(_letters, _condensed(normalise(text)).split("\n"))
    )


def without_padding(text: str) -> str:
    """Return the normalised text, without padding if that is over a quarter of it.

    More than six symbols in a row become one, and so do ten or more copies of up to 32 characters.
    Of repeated lines only the last one is kept.
    """
    whole = normalise(text)
    short = _condensed(whole)
    return short if len(short) < _PADDED * len(whole) else text


def _one_symbol(match: re.Match[str]) -> str:
    """Return the marks that belong to the letter before the run, and its first symbol."""
    run = "".join(match[0].split())
    symbols = [symbol for symbol in run if not _is_mark(symbol)]
    # A coloured heart is a symbol and a mark.
    if len(symbols) <= _MOST_SYMBOLS and len(run) <= 2 * _MOST_SYMBOLS:
        return match[0]
    return "".join([*list(takewhile(_is_mark, run))[:_MOST_SYMBOLS], *symbols[:1]])


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def _condensed(text: str) -> str:
    text = _COPIES.sub(lambda match: match[1], _SYMBOLS.sub(_one_symbol, text))
    lines: dict[str, str] = {}
    for line in text.split("\n"):
        letters = _letters(line)
        lines.pop(letters, None)
        lines[letters] = line
    return "\n".join(line for line in lines.values() if line.strip())


def _letters(line: str) -> str:
    return "".join(filter(str.isalnum, line)).casefold()
