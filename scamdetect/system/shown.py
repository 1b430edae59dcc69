"""Make hidden characters visible, and show column names only if they cannot be a message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from scamdetect.errors import InputError

# Without a header, the first line of a CSV is a record, so its cells are shown only if all of them
# look like names: at most three short words, no sentence, no number.
_NAME = re.compile(r"(?=.{1,40}$)[^\W\d][\w.-]*(?: [^\W\d][\w.-]*){0,2}")


def shown(name: str) -> str:
    """Return a name for an error message; only its length if it may be a message."""
    return name if _NAME.fullmatch(name) else f"({len(name)} characters)"


def missing_column(
    where: object, missing: str, names: Sequence[str], *, first_line: bool = True, cure: str
) -> InputError:
    """Return the error for a column that is not among the names; ``cure`` says what to pass.

    ``first_line``: the names come from the first line of a file, which may be a record.
    """
    if first_line and names and not all(map(_NAME.fullmatch, names)):
        listed = "its first line does not look like a header: add a line with the column names"
    else:
        listed = f"its columns are: {', '.join(map(shown, names)) or 'none'}"
    return InputError(f"{where} has no column {missing}; {listed}; {cure}")


Shown = TypeVar("Shown")

# Characters that control a terminal, reverse the direction of text or are invisible: carriage
# returns inside a line, blank letters of Hangul, Khmer and Braille, tags, lone surrogates. Joiners
# and the zero-width space are kept if they can be part of the spelling: joiners after letters of
# Arabic, Indic and later scripts and after emoji, the space after scripts of South-East Asia.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200e"
    "\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e01ef]|\r(?!\n)"
    "|(?<![\u0600-\uffff\U00010000-\U0010ffff])[\u200c\u200d]|(?<![\u0e00-\u109f\u1780-\u17ff])\u200b"
)
_BREAKS = re.compile(r"[\t\n\r]")


def visible(value: Shown) -> Shown:
    """Return a text with invisible, control and direction characters shown as codes, ⟨U+202E⟩.

    Other types are returned unchanged, and subclasses of str keep their type, so that a text marked
    as safe HTML remains marked.
    """
    if isinstance(value, str) and _HIDDEN.search(value):
        return type(value)(_HIDDEN.sub(_code, value))
    return value


def visible_line(text: str) -> str:
    """Return a text as ``visible`` does, on one line: line breaks and tabs become codes too."""
    return visible(_BREAKS.sub(_code, text))


def _code(match: re.Match[str]) -> str:
    return f"⟨U+{ord(match[0]):04X}⟩"
