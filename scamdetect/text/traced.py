"""A text that tracks the original place of its characters."""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Callable
from typing import TypeVar, cast

Text = TypeVar("Text", bound=str)
Replacement = str | Callable[[re.Match[str]], str]


class Traced(str):
    """A str whose character ``i`` comes from ``original[offsets[i]:offsets[i + 1]]``.

    Removed characters belong to the character before them; in a replacement of another length the
    last character has the whole span and those before it none.
    """

    __slots__ = ("offsets",)
    offsets: array[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return start and end in the original of the characters ``start`` to ``end``."""
        return self.offsets[start], self.offsets[end]


def trace(text: str) -> Traced:
    """Return the text as its own original."""
    return _traced(text, array("q", range(len(text) + 1)))


def substitute(pattern: re.Pattern[str], new: Replacement, text: Text) -> Text:
    """Return ``pattern.sub`` without group references; a traced text keeps its offsets."""
    if not isinstance(text, Traced):
        return pattern.sub(new if callable(new) else lambda _: new, text)  # type: ignore[return-value]
    pieces: list[str] = []
    offsets = array("q")
    place = 0
    for match in pattern.finditer(text):
        replaced = new(match) if callable(new) else new
        start, end = match.span()
        pieces += [text[place:start], replaced]
        offsets += text.offsets[place:start]
        if len(replaced) == end - start:
            offsets += text.offsets[start:end]
        else:
            offsets += array("q", [text.offsets[start]] * len(replaced))
        place = end
    pieces.append(text[place:])
    return cast(Text, _traced("".join(pieces), offsets + text.offsets[place:]))


def compose(text: Text) -> Text:
    """Return the text in normalisation form C."""
    if not isinstance(text, Traced):
        return unicodedata.normalize("NFC", text)  # type: ignore[return-value]
    if unicodedata.is_normalized("NFC", text):
        return text
    pieces: list[str] = []
    offsets = array("q")
    for start, end in _composing(text):
        composed = unicodedata.normalize("NFC", text[start:end])
        pieces.append(composed)
        same = composed == text[start:end]  # marks may change their order
        offsets += (
            text.offsets[start:end] if same else array("q", [text.offsets[start]] * len(composed))
        )
    return cast(Text, _traced("".join(pieces), offsets + text.offsets[-1:]))


def strip(text: Text) -> Text:
    """Return the text without white space at its ends."""
    if not isinstance(text, Traced):
        return text.strip()  # type: ignore[return-value]
    start = len(text) - len(text.lstrip())
    end = max(start, len(text.rstrip()))
    return cast(Text, _traced(text[start:end], text.offsets[start : end + 1]))


def _composing(text: str) -> list[tuple[int, int]]:
    """Return the spans that are composed separately, in order."""
    spans = []
    start = 0
    for place in range(1, len(text)):
        character = text[place]
        if unicodedata.combining(character):
            continue
        before = text[start:place]
        joined = unicodedata.normalize("NFC", before + character)
        if joined == unicodedata.normalize("NFC", before) + unicodedata.normalize("NFC", character):
            spans.append((start, place))
            start = place
    return [*spans, (start, len(text))] if text else []


def _traced(text: str, offsets: array[int]) -> Traced:
    made = Traced(text)
    made.offsets = offsets
    return made
