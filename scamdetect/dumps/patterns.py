"""Globs over the paths of a folder, the order of files, and which of them are hidden."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

_NUMBER = re.compile(r"([0-9]+)")
# Every chat that an iPhone exports from WhatsApp has this name.
_NEVER_HIDDEN = ("_chat.txt", "_chat.txt.gz", "_chat.txt.zst")

Key = tuple[tuple[tuple[str | int, ...], str], ...]


def natural_key(name: str) -> Key:
    """Return what sorts relative paths folder by folder and numbers in them by their value."""
    return tuple((_pieces(part), part) for part in name.split("/"))


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder is none of the data, as Spark does.

    Its name begins with a dot or an underscore (``_SUCCESS``), and is no partition (``_day=1``).
    """
    return name.startswith((".", "_")) and "=" not in name and name not in _NEVER_HIDDEN


def _pieces(part: str) -> tuple[str | int, ...]:
    """Return text and numbers in turn, so that each is compared with its like."""
    pieces = _NUMBER.split(part)
    return tuple(int(piece) if place % 2 else piece for place, piece in enumerate(pieces))


_SIGNS = re.compile(r"[*?\[]")
ANY_DEPTH = "**"


def is_pattern(text: str) -> bool:
    """Tell whether a text has a sign of a pattern in it."""
    return _SIGNS.search(text) is not None


def split_pattern(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the folder before the first part with a sign, and the parts from there on."""
    start = text.rfind("/", 0, _first_sign(text)) + 1
    parts = tuple(part for part in text[start:].split("/") if part)
    return text[:start], parts


def matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Tell whether a pattern names a path below its folder, given in parts, or a folder above it.

    ``**`` stands for any number of folders. Hidden names match a part alone that begins alike.
    """
    if not pattern:
        return not any(map(is_hidden, parts))
    if pattern[0] == ANY_DEPTH:
        return matches(parts, pattern[1:]) or (
            bool(parts) and not is_hidden(parts[0]) and matches(parts[1:], pattern)
        )
    return bool(parts) and names(parts[0], pattern[0]) and matches(parts[1:], pattern[1:])


def names(part: str, pattern: str) -> bool:
    """Tell whether one part of a pattern names one part of a path."""
    seen = not is_hidden(part) or pattern[0] == part[0]
    return seen and fnmatchcase(part, pattern)


def _first_sign(text: str) -> int:
    found = _SIGNS.search(text)
    return len(text) if found is None else found.start()
