"""The marks that collecting leaves on messages, put on rows of every source and class alike.

Screenshots read by machine, taggers and scrapers lower the case, thin the punctuation, put X for
digits, lose words and strip links. Sources of scams alone carry such marks, so a model would learn
the collection for the fraud.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from scamdetect.text.normalise import find_links, fold

# What the model is taught: the tokens of masks, and who speaks in a thread.
_KEPT = re.compile(r"\[[a-z]+[^\]\n]*\]|^[A-J]: ", re.MULTILINE)
_PUNCTUATION = re.compile(r"(?<!\d)[.,;:!?'\"()\[\]-](?!\d)")
_DIGITS = re.compile(r"\d+")
_FEWEST_WORDS = 6  # of a text that can lose one


def lower_case(text: str, generator: random.Random) -> str:
    """Return the text without capitals."""
    return text.lower()


def thin_punctuation(text: str, generator: random.Random) -> str:
    """Return the text without most of its punctuation; links, masks and speakers keep theirs."""
    kept = generator.uniform(0.0, 0.4)
    links = [*find_links(text), *(match.span() for match in _KEPT.finditer(text))]

    def thinned(match: re.Match[str]) -> str:
        inside = any(start <= match.start() < end for start, end in links)
        return match[0] if inside or generator.random() < kept else ""

    return _PUNCTUATION.sub(thinned, text)


def digits_to_x(text: str, generator: random.Random) -> str:
    """Return the text with X for the digits of most of its numbers."""
    return _DIGITS.sub(
        lambda match: "X" * len(match[0]) if generator.random() < 0.8 else match[0], text
    )


def lose_words(text: str, generator: random.Random) -> str:
    """Return the text without one or two of its words."""
    words = re.split(r"(\s+)", text)
    places = [place for place in range(0, len(words), 2) if words[place]]
    if len(places) < _FEWEST_WORDS:
        return text
    for place in generator.sample(places, generator.choice((1, 1, 2))):
        words[place] = ""
    return "".join(words)


def strip_links(text: str, generator: random.Random) -> str:
    """Return the text with its links as a bare [link], or without them."""
    folded = fold(text)
    bare = generator.choice(("[link]", ""))
    for start, end in reversed(find_links(folded)):
        folded = folded[:start] + bare + folded[end:]
    return folded


STYLES: dict[str, Callable[[str, random.Random], str]] = {
    "links": strip_links,  # before what would break them
    "words": lose_words,
    "digits": digits_to_x,
    "punctuation": thin_punctuation,
    "case": lower_case,
}


def restyle(text: str, generator: random.Random) -> str:
    """Return the text as a collection would have left it: one to three marks, drawn at random.

    A text that would lose everything comes back as it is.
    """
    drawn = set(generator.sample(list(STYLES), generator.choice((1, 1, 2, 2, 3))))
    styled = text
    for name, style in STYLES.items():
        if name in drawn:
            styled = style(styled, generator)
    return styled if styled.strip() else text
