"""Keep any one source from owning a class, and the form of a text from giving its class away."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

T = TypeVar("T")

LENGTH_BANDS = (40, 90, 180, 400)
MAX_RATIO = 6.0  # rows of the larger class for one of the smaller, in one form
MIN_ROWS = 500
_TURN = re.compile(r"^[A-J]: ", re.MULTILINE)


def cap_rows(
    rows: Iterable[T], key: Callable[[T], Hashable], cap: int, digest: Callable[[T], str]
) -> list[T]:
    """Return at most ``cap`` rows a key, those with the smallest digests, in their old order."""
    rows = list(rows)
    places: dict[Hashable, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        places[key(row)].append(place)
    kept = {
        place
        for group in places.values()
        for place in sorted(group, key=lambda place: digest(rows[place]))[:cap]
    }
    return [row for place, row in enumerate(rows) if place in kept]


def form_of(text: str) -> tuple[int, bool, bool]:
    """Return what can be told of a normalised text without reading it: length band, link, turns."""
    band = sum(len(text) > bound for bound in LENGTH_BANDS)
    return band, "[link" in text, len(_TURN.findall(text)) > 1


def balance_forms(
    rows: Iterable[T],
    text_of: Callable[[T], str],
    is_legit: Callable[[T], bool],
    digest: Callable[[T], str],
) -> list[T]:
    """Return the rows, cut so that in no form one class outnumbers the other MAX_RATIO times.

    A form that one class hardly has keeps MIN_ROWS rows of the other, so that rare forms are not
    lost.
    """
    rows = list(rows)
    classes = [(form_of(text_of(row)), is_legit(row)) for row in rows]
    counts = Counter(classes)
    caps = {
        (form, legit): max(MIN_ROWS, int(MAX_RATIO * counts[form, not legit]))
        for form, legit in counts
    }
    kept: set[int] = set()
    places: dict[tuple[tuple[int, bool, bool], bool], list[int]] = defaultdict(list)
    for place, name in enumerate(classes):
        places[name].append(place)
    for name, group in places.items():
        kept.update(sorted(group, key=lambda place: digest(rows[place]))[: caps[name]])
    return [row for place, row in enumerate(rows) if place in kept]
