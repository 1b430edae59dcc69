"""Text for people to look at, in which no character hides, turns or controls what they see."""

from __future__ import annotations

import re
from typing import TypeVar

Shown = TypeVar("Shown")

# What controls a terminal, turns the direction of text around, or shows as nothing: a carriage
# return outside a line end, the blank letters of Hangul, Khmer and Braille, tags, what is half of a
# character. Joiners and the zero-width space are left where they can belong to the spelling:
# joiners behind letters of Arabic, Indic and later scripts and behind emoji, the space behind
# scripts of South-East Asia.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200e"
    "\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e01ef]|\r(?!\n)"
    "|(?<![\u0600-\uffff\U00010000-\U0010ffff])[\u200c\u200d]|(?<![\u0e00-\u109f\u1780-\u17ff])\u200b"
)
_BREAKS = re.compile(r"[\t\n\r]")


def visible(value: Shown) -> Shown:
    """Return a text with each character that hides, turns or controls as its code, ⟨U+202E⟩.

    What is no text comes back as it is, a text as one of its own type, so that what is marked as
    safe HTML stays so.
    """
    if isinstance(value, str) and _HIDDEN.search(value):
        return type(value)(_HIDDEN.sub(_code, value))
    return value


def visible_line(text: str) -> str:
    """Return a text as ``visible`` does, on one line: its line breaks and tabs are codes too."""
    return visible(_BREAKS.sub(_code, text))


def _code(match: re.Match[str]) -> str:
    return f"⟨U+{ord(match[0]):04X}⟩"
