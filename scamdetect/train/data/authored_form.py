"""What can be told of an authored message without understanding it."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from scamdetect.text.normalise import mask

Unit = Literal["words", "characters"]

_TURN = re.compile(r"^[AB]: ", re.MULTILINE)
_RESERVED = re.compile(
    r"(?:https?://)?(?<![\w-])(?:[\w-]+\.)+(?:example|test)(?![\w-])(?:[:/?#][^\s<>\"'，。、）)]*)?"
    r"|\[link\]",
    re.IGNORECASE,
)
_RESERVED_EMAIL = re.compile(r"[\w.+-]+@(?:[\w-]+\.)+(?:example|test)\b", re.IGNORECASE)
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\u231a\u231b\u23e9-\u23fa\u203c\u2049\u3297\u3299]"
)
OPENING = 12  # letters


def without_turns(text: str) -> str:
    """Return a dialogue without the markers of its turns."""
    return _TURN.sub("", text)


def turns(text: str) -> list[str]:
    """Return who speaks in each line of a dialogue: "A", "B", or "" where no marker stands."""
    return [line[0] if _TURN.match(line) else "" for line in text.splitlines()]


def has_link(text: str) -> bool:
    """Whether the text holds a link on a reserved name or the token [link]."""
    return _RESERVED.search(_RESERVED_EMAIL.sub(" ", text)) is not None


def has_real_address(text: str) -> bool:
    """Whether the text holds a link or e-mail address on a name that somebody could own."""
    rest = _RESERVED.sub(" ", _RESERVED_EMAIL.sub(" ", text))
    masked = mask(rest)
    return any(masked.count(token) > rest.count(token) for token in ("[link", "[email]"))


def has_emoji(text: str) -> bool:
    """Whether the text holds an emoji; typed smileys are none."""
    return _EMOJI.search(text) is not None


def has_digit(text: str) -> bool:
    """Whether the text holds a digit of any script."""
    return any(character.isdecimal() for character in text)


def length_in(text: str, unit: Unit) -> int:
    """Return the length in words, or in characters that are no space.

    Turn markers do not count, a link counts as one.
    """
    words = _RESERVED.sub(" - ", without_turns(text)).split()
    return len(words) if unit == "words" else sum(map(len, words))


def opening(text: str) -> str:
    """Return the first 12 letters, lower-case, marks counted as letters."""
    letters = (c for c in without_turns(text).lower() if unicodedata.category(c)[0] in "LM")
    return "".join(letter for letter, _ in zip(letters, range(OPENING), strict=False))
