"""Tell 8-bit text whose lines or cells end in NUL bytes from UTF-16, which it may look like.

The bytes of ``hi`` are one Chinese letter in UTF-16, and a NUL with a newline is a newline there.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from math import prod

_CONTROLS = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DAMAGE = 0.01  # of the bytes
_ENDS = re.compile(rb'\0(?=[\0\r\n,;\t"]|\Z)')
_NEWLINE = re.compile(rb"\0\r?\n")
_FULL = 0.9  # of one half of the bytes: then it is the upper half of Latin letters
_MISPLACED = 0.1
_STRANGE = 0.02  # of the characters
_CHANCE = 1e-3
# How often both bytes of a letter of UTF-16 are those of printable 8-bit text, measured over the
# letters of the script, and how often a letter of a text is none of the usual ones.
_KANA, _OTHERS, _RARE = 0.7, 0.37, 0.05
# The two-byte encodings put the usual letters first.
_USUAL = {"gb2312": 0xD7, "big5": 0xC6, "cp932": 0x98, "euc-kr": 0xFD}


def is_nul_ended(head: bytes, name: str) -> bool | None:
    """Tell whether the beginning of a file is 8-bit text with NULs, and not in ``name``.

    ``name`` is the encoding of two or four bytes a unit that it may be in. None if that cannot be
    told. 8-bit text that is not mostly UTF-8 is not looked for.
    """
    if not name.startswith("utf-16"):
        return False
    rest = head.replace(b"\0", b"")
    text = rest.decode("utf-8", "replace")
    damage = text.count("\ufffd") + len(_CONTROLS.findall(rest))
    if damage > _DAMAGE * len(rest):
        return False
    if max(head[half::2].count(0) for half in (0, 1)) >= _FULL * (len(head) // 2):
        return False
    newlines = [found.start() % 2 for found in _NEWLINE.finditer(head)]
    if name == "utf-16-be" and sum(newlines) > _MISPLACED * len(newlines):
        return True
    letters = Counter(codecs.getincrementaldecoder(name)("replace").decode(head))
    strange = sum(count for letter, count in letters.items() if _is_strange(letter))
    if strange > _STRANGE * letters.total():
        return True
    chance = prod(map(_chance, (letter for letter in letters if letter > "\x7f")))
    if chance < _CHANCE:
        return True
    # In UTF-16 the NULs stand before any letter, not only before the end of a line or cell.
    return False if len(_ENDS.findall(head)) * 2 < head.count(b"\0") else None


def _is_strange(letter: str) -> bool:
    """Tell whether no text has the character: it is unassigned, private or half a surrogate."""
    return letter == "\ufffd" or unicodedata.category(letter) in ("Cn", "Co", "Cs")


def _chance(letter: str) -> float:
    """Return how likely a letter of a text in UTF-16 is one that looks like 8-bit text."""
    looks = _KANA if "\u3040" <= letter <= "\u30ff" else _OTHERS
    return looks if _is_usual(letter) else looks * _RARE


def _is_usual(letter: str) -> bool:
    for name, last in _USUAL.items():
        try:
            raw = letter.encode(name)
        except UnicodeEncodeError:
            continue
        if raw[0] <= last:
            return True
    return False
