"""The last words of a sender, without the padding that would push a request out of them."""

from __future__ import annotations

import re
import unicodedata
from itertools import takewhile

from scamdetect.text.normalise import normalise

_MOST_SYMBOLS = 6  # in a row, as in "!) " and three emoji; and so many signs on a Burmese letter
_SYMBOLS = re.compile(rf"[^\w\s](?:\s*[^\w\s]){{{_MOST_SYMBOLS},}}")
_COPIES = re.compile(r"(.{1,32}?)\1{9,}", re.DOTALL)  # a round amount has fewer zeros
_LONG = 100  # letters that two lines share by chance at no end
_PADDED = 0.75  # a text is padded if less than this share of it remains


def with_words(last_words: str, text: str, window: int) -> str:
    """Return the last ``window`` characters of a sender's words after one more message.

    ``last_words`` are those before the message. The text is normalised first, and padding does not
    count: see ``without_padding``.
    """
    return _condensed(f"{last_words}\n{normalise(text)}")[-window:].lstrip()


def says_new(last_words: str, text: str) -> bool:
    """Return whether a message has a line with words that is not among the last words.

    Of the first of the last words the beginning may be cut off.
    """
    first, *others = map(_letters, last_words.split("\n"))
    said = {"", first, *others}
    cut = first if len(first) >= _LONG else None
    return not all(
        line in said or (cut is not None and line.endswith(cut))
        for line in map(_letters, _condensed(normalise(text)).split("\n"))
    )


def without_padding(text: str) -> str:
    """Return the normalised text without padding if padding is over a quarter of it, else the text.

    More than six symbols in a row become one, and so do ten or more copies of up to 32
    characters. A line that is repeated stays only at its last place.
    """
    whole = normalise(text)
    short = _condensed(whole)
    return short if len(short) < _PADDED * len(whole) else text


def _condensed(text: str) -> str:
    text = _SYMBOLS.sub(_one_symbol, text)
    return _lines_once(_COPIES.sub(lambda match: match[1], text))


def _one_symbol(match: re.Match[str]) -> str:
    """Return the signs that belong to the letter before the run, and its first symbol."""
    run = "".join(match[0].split())
    symbols = [one for one in run if not _is_sign(one)]
    # A heart in colour is a symbol and a sign.
    if len(symbols) <= _MOST_SYMBOLS and len(run) <= 2 * _MOST_SYMBOLS:
        return match[0]
    signs = list(takewhile(_is_sign, run))
    return "".join(signs[:_MOST_SYMBOLS] + symbols[:1])


def _is_sign(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def _lines_once(text: str) -> str:
    lines: dict[str, str] = {}
    for line in text.split("\n"):
        letters = _letters(line)
        lines.pop(letters, None)
        lines[letters] = line
    return "\n".join(line for line in lines.values() if line.strip())


def _letters(line: str) -> str:
    return "".join(filter(str.isalnum, line)).casefold()
