"""Words that are spelt out ("p r i z e", "p.r.i.z.e") or written with digits ("pr1ze"), made plain.

A step of the normaliser from its version 3 on; text comes with single spaces.
"""

from __future__ import annotations

import re

from scamdetect.text.traced import Text, substitute

# Vowel signs and the like, which belong to the letter before them.
_SIGN = (
    "\u0300-\u036f\u064b-\u065f\u0670\u0900-\u0903\u093a-\u093c\u093e-\u094f\u0962\u0963\u0981-\u0983"
    "\u09bc\u09be-\u09cd\u09d7\u0b82\u0bbe-\u0bcd\u0bd7\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc"
    "\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u17b6-\u17d3"
)
_VIRAMA = "\u094d\u09cd"  # joins the next letter to its own
# One letter with its signs, but not of the Korean parts that compose with what follows.
_ALONE = rf"[^\W\d_\u1100-\u11ff](?:[{_SIGN}]|(?<=[{_VIRAMA}])[^\W\d_])*"
_SPELT_WITH_MARKS = re.compile(
    rf"(?<![\w{_SIGN}\].@/*·-]){_ALONE}([.*_·/-]){_ALONE}(?:\1{_ALONE}){{2,}}(?!\1?[\w{_SIGN}\[])"
)
_SPELT_WITH_SPACES = re.compile(rf"(?<![\w{_SIGN}\]]){_ALONE}(?: {_ALONE}){{3,}}(?![\w{_SIGN}\[])")
# What every spelt word has inside: quick to look for. The look at the second character spares most
# words the slower look for signs.
_INSIDE_MARKS = re.compile(rf"([.*_·/-]){_ALONE}\1{_ALONE}\1")
_INSIDE_SPACES = re.compile(rf" (?=.[ {_SIGN}]){_ALONE} {_ALONE} {_ALONE}(?![\w{_SIGN}\[])")
_SEPARATORS = re.compile("[ .*_·/-]")
# Scripts with many words of one letter and its signs, where four in a row may be words.
_SHORT_WORDED = re.compile("[\u0900-\u0dff\uac00-\ud7a3]")
_FEWEST_SPELT = 6  # letters of such a script

# Digits that stand for letters. Those that Arabic in Latin letters writes sounds with (3, 5, 7, 9)
# and what may be punctuation or an address (!, @) are read so only in a word that has another.
_LETTER = "[A-Za-z\u00c0-\u024f\u0400-\u052f]"
_LEET_SIGN = re.compile(f"[014$](?<={_LETTER}.){_LETTER}")  # between two letters
_LEET_WORD = re.compile(
    r"(?<![\w$!\].@/:=?&#%+-])[\w$][\w$!@]{2,15}(?<!!)(?![\w$@\[]|[.@/:=?&#%+-][\w\[]|!\w)"
)
_CYRILLIC = re.compile("[\u0400-\u052f]")
_LATIN_OF_LEET = str.maketrans("01345789$@!", "oieastbgsai")
_CYRILLIC_OF_LEET = str.maketrans("0348", "озчв")
# Digits that stand for no letter, many in a row, or capitals alone.
_CODE = re.compile(r"[26]|\d{3}|^[^a-z\u00df-\u024f\u0430-\u045f]*$")


def plain_words(text: Text) -> Text:
    """Return the text with spelt words written together and digits in words read as letters."""
    if _INSIDE_MARKS.search(text):
        text = substitute(_SPELT_WITH_MARKS, _together, text)
    if _INSIDE_SPACES.search(text):
        text = substitute(_SPELT_WITH_SPACES, _together, text)
    if _LEET_SIGN.search(text):
        text = substitute(_LEET_WORD, _in_letters, text)
    return text


def _together(match: re.Match[str]) -> str:
    letters = _SEPARATORS.split(match[0])
    words = len(letters) < _FEWEST_SPELT and _SHORT_WORDED.search(match[0])
    return match[0] if words else "".join(letters)


def _in_letters(match: re.Match[str]) -> str:
    word = match[0]
    if not _LEET_SIGN.search(word) or _CODE.search(word):
        return word
    return word.translate(_CYRILLIC_OF_LEET if _CYRILLIC.search(word) else _LATIN_OF_LEET)
