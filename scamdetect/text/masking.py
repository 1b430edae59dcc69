"""Mask messages before people see them: links, numbers, names and codes become tags."""

from __future__ import annotations

import re

from scamdetect.text.normalise import normalise
from scamdetect.text.traced import Text, substitute

_MOST_SHOWN = 200
_MOST_READ = 2_000
_CUT_WORD = re.compile(r"[!-~]+$")  # possible start of an address, which nothing would mask
_CUT_TAG = re.compile(r"\[[a-z]*$")
_LINK = re.compile(r"\[link [a-z0-9 ]+\]")
# Names and codes that the normaliser keeps, because a model may learn from them, and codes whose
# digits it took for numbers. Each starts at a word boundary: tried at every letter of a long word,
# it would take hours.
_SPLIT_CODE = re.compile(
    r"(?<![A-Za-z\d])[A-Za-z\d]++(?:\[(?:account|number|phone)\][A-Za-z\d]*)+"
    r"|(?:\[(?:account|number|phone)\][A-Za-z\d]+)+"
)
_ACCOUNT = re.compile(r"\[account\]")
_HANDLE = re.compile(r"(?<![^\W_])[^\W_]++(?:_++[^\W_]++)++_*")
_CODE = re.compile(
    r"(?<![A-Za-z\d-])(?=[A-Za-z-]*+\d)(?=[\d-]*+[A-Za-z])[A-Za-z\d-]{4,}"
    r"|(?<![A-Za-z\d])[A-Za-z\d]{26,}"
)
_NUMBER = re.compile(r"\d+(?:[ .,:/’'\u00a0\u202f–-]{0,2}\d+)*")
_SPACES = re.compile(r"\s+")
_NOT_WORD = re.compile(r"[\W_]+")


def mask(text: str) -> str:
    """Return the masked start of a message, at most 200 characters.

    Links, e-mail addresses, phone numbers, account numbers, handles, codes (of letters and digits,
    such as wallets) and all numbers become tags such as [link]. Names of people are kept.
    """
    text = masked(beginning(text))
    return text if len(text) <= _MOST_SHOWN else _CUT_TAG.sub("", text[: _MOST_SHOWN - 1]) + "…"


def beginning(text: str) -> str:
    """Return the part of a message to search: 2,000 characters, without a truncated last word."""
    return text if len(text) <= _MOST_READ else _CUT_WORD.sub("", text[:_MOST_READ])


def masked(text: Text) -> Text:
    """Return the whole message with tags as in ``mask``; a traced text keeps its offsets."""
    text = normalise(text)
    if "[" in text:
        text = substitute(_SPLIT_CODE, "[code]", substitute(_LINK, "[link]", text))
        text = substitute(_ACCOUNT, "[number]", text)
    if "_" in text:
        text = substitute(_HANDLE, "[handle]", text)
    text = substitute(_NUMBER, "[number]", substitute(_CODE, "[code]", text))
    return substitute(_SPACES, " ", text)


def template_key(text: str) -> str:
    """Return the masked message in lower case without punctuation, to compare messages."""
    return key_of(mask(text))


def key_of(template: str) -> str:
    """Return a masked message in lower case without punctuation."""
    return _NOT_WORD.sub(" ", template.casefold()).strip() or template
