"""Tell whether a line is a notice that WhatsApp itself writes, and nothing more."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from scamdetect.dumps.chats import whatsapp_words as words
from scamdetect.dumps.chats.whatsapp_stamps import unmarked

_TABLE = Path(__file__).with_name("whatsapp_notices.toml")

# Of what a person has chosen, so that no message is hidden as a name or a subject.
_MOST_LETTERS = 30
_MOST_WORDS = 4
# Of scripts that write without spaces a letter says as much as two or three of others.
_DENSE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff]"
)
_LETTERS_OF_DENSE = 2.5
_PHONE = re.compile(r"~?\s*\+?\(?\d[\d\s().\-‑]{5,24}")
# An address, of mail too, with or without a scheme, and numbers such as of accounts or codes.
_DOMAIN = r"://|www\.|@|[^\W\d_][\w-]*\.[^\W\d_]{2,}"
_ADDRESS = re.compile(_DOMAIN)
_TELLING = re.compile(rf"{_DOMAIN}|/|\d{{4,}}|[$€£¥₹₽₺₿]")
# Of all the names of a notice, and of a file, whose name often holds a date.
_MOST_TOGETHER = 60
_MOST_WORDS_TOGETHER = 8
_QUOTES = re.compile('["“”„«»「」『』]')
_APOSTROPHE = re.compile("[’‘]")
_BLANKS = re.compile(r"\s+")
_MOST_NOTICE = 400


def key(text: str) -> str:
    """Return the same for texts that differ in case, marks, blanks around and a last full stop."""
    return unicodedata.normalize("NFC", unmarked(text)).casefold().rstrip(".。।۔ ")


def is_notice(text: str) -> bool:
    """Tell whether the whole text is a known notice, in any language that is known."""
    if "\n" in text or len(text) > _MOST_NOTICE:
        return False
    bare = _bare(text)
    fixed, templates = _notices()
    return bare in fixed or any(
        (found := template.fullmatch(bare)) is not None and _are_names(found.groups())
        for template in templates
    )


def is_short_name(text: str) -> bool:
    """Tell whether a text is a phone number, or so short and plain that it can hide no message."""
    text = text.strip()
    if _PHONE.fullmatch(text):
        return True
    return (
        0 < _letters(text) <= _MOST_LETTERS
        and len(text.split()) <= _MOST_WORDS
        and not _TELLING.search(text)
    )


def is_short_file(name: str) -> bool:
    """Tell whether the name of a file is so short that it can hide no message."""
    stem = name.rpartition(".")[0] or name
    return (
        _letters(stem) <= _MOST_TOGETHER
        and len(stem.split()) <= _MOST_WORDS_TOGETHER
        and not _ADDRESS.search(stem)
    )


def _are_names(names: Sequence[str]) -> bool:
    own = " ".join(names)  # several short ones could be a message
    return (
        all(map(is_short_name, names))
        and _letters(own) <= _MOST_TOGETHER
        and len(own.split()) <= _MOST_WORDS_TOGETHER
    )


def _letters(text: str) -> float:
    return len(text) + (_LETTERS_OF_DENSE - 1) * len(_DENSE.findall(text))


def _bare(text: str) -> str:
    text = _APOSTROPHE.sub("'", _QUOTES.sub("", key(text)))
    return _BLANKS.sub(" ", text).strip().rstrip(".")


@cache
def _notices() -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """Return the notices without names, and patterns of those with names."""
    by_language: dict[str, str] = tomllib.loads(_TABLE.read_text("utf-8"))
    listed = [_bare(line) for some in by_language.values() for line in some.strip().splitlines()]
    listed += [
        _bare(word) for line in words.NOTICES.split("\n") for word in line.split("|") if word
    ]
    patterns = [
        re.compile(re.escape(line).replace(r"\{\}", "(.{1,60}?)"))
        for line in listed
        if "{}" in line
    ]
    return frozenset(line for line in listed if "{}" not in line), tuple(patterns)
