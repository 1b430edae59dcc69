"""The turns of a conversation: who wrote what in which order, without what is quoted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from numbers import Real
from typing import Any

from scamdetect.errors import InputError

IN_ORDER_OF_TIME = "times out of order: read in the order of time"
TIMES_MISSING = "some messages have no readable time: read in the order given"

# Shorter lines ("ok", "how are you?") are said again, longer ones are quoted.
_QUOTED_FROM = 16
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
    time, they are read in the order of time, else as given. Raises InputError on a mapping without
    ``text`` or with other keys, naming its position; TypeError on a bare string or mapping.
    """
    if isinstance(messages, str | bytes | Mapping):
        raise TypeError(
            f"expected the messages of a conversation, got one {type(messages).__name__}; "
            "pass a list"
        )
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
                f"message {position} has the keys {keys or 'of none'}; give text and, if known, "
                "sender and time"
            )
        sender = message.get("sender")
        found.append(Message(position, None if _is_none(sender) else str(sender), message["text"]))
        times.append(_seconds(message.get("time")))
    return _ordered(found, times)


def own_words(messages: Sequence[Message]) -> list[object]:
    """Return the text of each message, in their order, without what it quotes of others.

    Quoted is a line that begins with ``>`` and a line of some length that another sender wrote
    before. What is no text stays as it is.
    """
    first_by: dict[str, str | None] = {}
    texts: list[object] = []
    for message in messages:
        if not isinstance(message.text, str):
            texts.append(message.text)
            continue
        own = []
        for line in message.text.splitlines():
            key = " ".join(line.split())
            if key.startswith(">"):
                continue
            if len(key) >= _QUOTED_FROM and first_by.setdefault(key, message.sender) != (
                message.sender
            ):
                continue
            own.append(line)
        texts.append("\n".join(own))
    return texts


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
    if isinstance(value, str):
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
    return float(value) if math.isfinite(value) else None


def _is_none(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
