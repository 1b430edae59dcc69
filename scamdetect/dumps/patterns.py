"""Globs over the paths of a folder, the order of files, and which of them are hidden."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

_NUMBER = re.compile(r"([0-9]+)")
# The name of every chat that an iPhone exports from WhatsApp.
_NEVER_HIDDEN = ("_chat.txt", "_chat.txt.gz", "_chat.txt.zst")

Key = tuple[tuple[tuple[str | int, ...], str], ...]


def natural_key(name: str) -> Key:
    """Return a key that sorts relative paths by folder and numbers in them by value."""
    return tuple((_pieces(part), part) for part in name.split("/"))


def is_hidden(name: str) -> bool:
    """Return True if a file or folder is not part of the data, by Spark's rules.

    Its name starts with a dot or an underscore (``_SUCCESS``), and it is not a partition
    (``_day=1``).
    """
    return name.startswith((".", "_")) and "=" not in name and name not in _NEVER_HIDDEN


def _pieces(part: str) -> tuple[str | int, ...]:
    """Return alternating text and numbers, so that each is compared with its own type."""
    pieces = _NUMBER.split(part)
    return tuple(int(piece) if place % 2 else piece for place, piece in enumerate(pieces))


_SIGNS = re.compile(r"[*?\[]")
ANY_DEPTH = "**"


def is_pattern(text: str) -> bool:
    """Return True if a text contains a glob character."""
    return _SIGNS.search(text) is not None


def split_pattern(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the folder before the first part with a glob character, and the rest in parts."""
    start = text.rfind("/", 0, _first_sign(text)) + 1
    parts = tuple(part for part in text[start:].split("/") if part)
    return text[:start], parts


def matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Return True if a pattern matches a path below its folder, given in parts, or a parent of it.

    ``**`` matches any number of folders. Hidden names match only a part that starts the same way.
    """
    if not pattern:
        return not any(map(is_hidden, parts))
    if pattern[0] == ANY_DEPTH:
        return matches(parts, pattern[1:]) or (
            bool(parts) and not is_hidden(parts[0]) and matches(parts[1:], pattern)
        )
    return bool(parts) and names(parts[0], pattern[0]) and matches(parts[1:], pattern[1:])


def names(part: str, pattern: str) -> bool:
    """Return True if one part of a pattern matches one part of a path."""
    seen = not is_hidden(part) or pattern[0] == part[0]
    return seen and fnmatchcase(part, pattern)


def _first_sign(text: str) -> int:
    found = _SIGNS.search(text)
    return len(text) if found is None else found.start()
