"""Honest words before or behind a text: the cheapest disguise of a lure, put on every class alike.

Words that a filter takes for honest hide a message from it (Lowd and Meek 2005, good word attacks).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

_SHORTEST, _LONGEST = 10, 45  # tokens, about, of what is added
_MOST = 70  # of a text that gets some, so that both fit a training window of 128


def pad(
    texts: list[str],
    rows: Sequence[int],
    honest: Sequence[int],
    languages: Sequence[str],
    generator: random.Random,
) -> list[int]:
    """Put words of an honest row of its language before or behind each of these rows, in place.

    Returns the rows that changed: long ones, and those of a language without honest rows, do not.
    """
    of_language: dict[str, list[str]] = defaultdict(list)
    for row in honest:
        of_language[languages[row]].append(texts[row])
    changed = []
    for row in rows:
        candidates = of_language[languages[row]]
        if sum(map(_tokens, texts[row])) > _MOST or not candidates:
            continue
        added = _excerpt(generator.choice(candidates), generator)
        parts = [texts[row], added] if generator.random() < 0.5 else [added, texts[row]]
        texts[row] = generator.choice((" ", ". ", "\n")).join(parts)
        changed.append(row)
    return changed


def _excerpt(text: str, generator: random.Random) -> str:
    """Return the beginning of a text, cut at a blank if there is one."""
    left = generator.uniform(_SHORTEST, _LONGEST)
    length = 0
    while length < len(text) and left > 0:
        left -= _tokens(text[length])
        length += 1
    if length == len(text):
        return text
    start = text[:length]
    return start[: start.rfind(" ")] if " " in start.strip() else start


def _tokens(character: str) -> float:
    """Return about how many tokens a character of its script makes, rather too many."""
    if character < "\u0370":  # Latin
        return 0.35
    return 0.5 if character < "\u1100" else 1.0  # Thai, Burmese and before; Hangul and later
