"""The order of files, and which of them are hidden."""

from __future__ import annotations

import re

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
