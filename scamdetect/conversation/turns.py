"""The turns of a conversation: who wrote what in which order, without what is quoted."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from numbers import Real
from typing import Any

import numpy as np
import pyarrow as pa

from scamdetect.errors import InputError
from scamdetect.frames.tables import check_several, texts_of

IN_ORDER_OF_TIME = "times out of order: read in the order of time"
TIMES_MISSING = "some messages have no readable time: read in the order given"

# Shorter lines ("ok", "how are you?") are said again, longer ones are quoted.
_QUOTED_FROM = 16
# Letters. Mail programs break quotations into other lines, so parts of what was said are looked
# for; at the edges of a line may stand less than a whole one.
_PART = 12
_SINCE_1970 = re.compile(r"-?[0-9]{9,19}(?:\.[0-9]+)?")  # eight digits are a date
_MARKS = "> \t"
_KEYS = {"text", "sender", "time"}


@dataclass(frozen=True, slots=True)
class Message:
    """A message at its ``position`` in the conversation as given; ``text`` is as it was given."""

    position: int
    sender: str | None
    text: object


def read_messages(messages: Iterable[Any]) -> tuple[list[Message], tuple[str, ...]]:
    """Return the messages in their order, and notes on what was done to it.

    A message is a text or a mapping with ``text`` and, if known, ``sender`` and ``time``: a
    datetime, ISO 8601 text or seconds since 1970, in UTC where it names no zone. Where all have a
    time, they are read in the order of time, else as given. Senders are the same whose names are,
    blanks around them and Unicode's ways to write a letter aside; the first spelling stands for
    all. Raises InputError on a mapping without ``text`` or with other keys, naming its position;
    TypeError on a bare text or mapping and on a table.
    """
    check_several(
        messages,
        "the messages of a conversation",
        "pass a list of texts, or of mappings with text, sender and time",
    )
    if isinstance(messages, pa.Array | pa.ChunkedArray):
        messages = texts_of(messages)
    spellings: dict[str, str] = {}
    found: list[Message] = []
    times: list[float | None] = []
    for position, message in enumerate(messages):
        if not isinstance(message, Mapping):
            found.append(Message(position, None, message))
            times.append(None)
            continue
        if "text" not in message or not message.keys() <= _KEYS:
            keys = ", ".join(sorted(map(repr, message)))
            raise InputError(
                f"message {position} has {f'the keys {keys}' if keys else 'no keys'}; give text "
                "and, if known, sender and time"
            )
        name = sender_name(message.get("sender"))
        sender = None if name is None else spellings.setdefault(one_spelling(name), name)
        found.append(Message(position, sender, message["text"]))
        times.append(_seconds(message.get("time")))
    return _ordered(found, times)


def sender_name(value: object) -> str | None:
    """Return the name of a sender, None where it is missing or blank: then it is unknown who."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, float | np.floating):
        if math.isnan(value):
            return None
        # A table with gaps gives whole numbers as floats.
        value = int(value) if value.is_integer() else value
    return str(value).strip() or None


def one_spelling(name: str) -> str:
    """Return the same for names that differ only in how Unicode writes their letters."""
    return unicodedata.normalize("NFC", name)


def own_words(messages: Sequence[Message]) -> list[object]:
    """Return the text of each message, in their order, without what it quotes of others.

    Quoted is a line of some length that another sender wrote before, and a line that begins with
    ``>`` and was written before, also where its breaks are elsewhere: who marks new words as a
    quotation is judged by them. What is no text, or quotes nothing, stays as it is.
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
        letters = _letters("".join(own))
        parts.update(letters[at : at + _PART] for at in range(0, len(letters) - _PART + 1, _PART))
    return texts


def _quoted(
    lines: Sequence[str], said: Container[str], parts: Container[str]
) -> Iterator[bool | None]:
    """Yield for each line None where it is not marked, else whether its words were said before."""
    for marked, some in groupby(lines, key=lambda line: line.lstrip().startswith(">")):
        if not marked:
            yield from (None for _ in some)
            continue
        block = [line.lstrip(_MARKS) for line in some]
        letters = [_letters(words) for words in block]
        known = _known("".join(letters), parts)
        start = 0
        for words, own in zip(block, letters, strict=True):
            end = start + len(own)
            new = len(own) - sum(known[start:end])
            yield _key(words) in said or new <= min(len(own) // 2, 2 * _PART)
            start = end


def _known(letters: str, parts: Container[str]) -> bytearray:
    """Return for each letter 1 where it belongs to a part that was said before."""
    known = bytearray(len(letters))
    for at in range(len(letters) - _PART + 1):
        if letters[at : at + _PART] in parts:
            known[at : at + _PART] = b"\1" * _PART
    return known


def _key(line: str) -> str:
    return " ".join(line.split())


def _letters(text: str) -> str:
    return "".join(text.split())


def _ordered(
    messages: list[Message], times: Sequence[float | None]
) -> tuple[list[Message], tuple[str, ...]]:
    known = [time for time in times if time is not None]
    if not known:
        return messages, ()
    if len(known) < len(messages):
        return messages, (TIMES_MISSING,)
    if all(a <= b for a, b in zip(known, known[1:], strict=False)):
        return messages, ()
    order = sorted(range(len(messages)), key=known.__getitem__)  # stable: ties stay as given
    return [messages[place] for place in order], (IN_ORDER_OF_TIME,)


def _seconds(value: object) -> float | None:
    """Return seconds since 1970, None where there is no readable time."""
    if isinstance(value, np.datetime64):
        micros = value.astype("datetime64[us]").astype(np.int64)
        value = None if np.isnat(value) else micros / 1e6
    if isinstance(value, str) and _SINCE_1970.fullmatch(value.strip()):
        value = float(value)
    elif isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, datetime):
        try:
            value = (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp()
        except (OverflowError, ValueError):
            return None
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
