"""Globs: which of the paths below a folder a pattern such as ``2024-*/**/*.csv`` names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from scamdetect.dumps.natural import is_hidden

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
