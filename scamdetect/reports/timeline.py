"""The messages of a report over time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from scamdetect.reports.counts import ranked

_MOST_BARS, _MOST_KINDS = 120, 20
_CENTRAL = (0.005, 0.995)  # of the messages; a few with a wrong clock must not stretch the axis
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def _label(ordinal: int) -> str:
    day = date.fromordinal(ordinal)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


# The number of the unit that a day is in, and the label of a number; weeks begin on Mondays.
_UNITS: dict[str, tuple[Callable[[date], int], Callable[[int], str]]] = {
    "day": (date.toordinal, _label),
    "week": (lambda day: (day.toordinal() - 1) // 7, lambda week: _label(week * 7 + 1)),
    "month": (lambda day: day.year * 12 + day.month - 1, lambda n: f"{_MONTHS[n % 12]} {n // 12}"),
    "year": (lambda day: day.year, str),
}


@dataclass(frozen=True)
class Timeline:
    """The messages by day or a longer ``unit``; ``before`` and ``after`` are beyond the axis.

    ``kinds`` are those of flagged messages, most frequent first.
    """

    unit: str
    labels: list[str]
    messages: list[int]
    flagged: list[int]
    review: list[int]
    kinds: dict[str, list[int]]
    before: int
    after: int

    @property
    def most(self) -> int:
        """Return the highest bar of flagged and reviewed messages."""
        return max(map(sum, zip(self.flagged, self.review, strict=True)))


def timeline(
    days: Mapping[date | None, Counter[Any]], kinds: Mapping[date | None, Counter[Any]]
) -> Timeline | None:
    """Return the messages by the shortest unit with few enough bars, None without any day.

    ``days`` has the decisions of each day, ``kinds`` the kinds of its flagged messages.
    """
    known = sorted(day for day in days if day is not None)
    if not known:
        return None
    first, last = known[0], known[-1]
    if (last - first).days >= _MOST_BARS:
        sums = np.cumsum([days[day].total() for day in known])
        first, last = (known[int(np.searchsorted(sums, part * sums[-1]))] for part in _CENTRAL)
    for unit, (number_of, label) in _UNITS.items():  # noqa: B007 - the last if none is long enough
        if number_of(last) - number_of(first) < _MOST_BARS:
            break
    numbers = range(number_of(first), number_of(last) + 1)
    decisions: dict[int, Counter[Any]] = defaultdict(Counter)
    kinds_of: dict[int, Counter[Any]] = defaultdict(Counter)
    for source, target in ((days, decisions), (kinds, kinds_of)):
        for day in filter(None, source):
            target[number_of(day)].update(source[day])
    bars = [decisions[number] for number in numbers]
    total = sum((kinds_of[number] for number in numbers), Counter())
    return Timeline(
        unit,
        [label(number) for number in numbers],
        [bar.total() for bar in bars],
        [bar["flag"] for bar in bars],
        [bar["review"] for bar in bars],
        {kind: [kinds_of[n][kind] for n in numbers] for kind in ranked(total)[:_MOST_KINDS]},
        sum(bar.total() for number, bar in decisions.items() if number < numbers[0]),
        sum(bar.total() for number, bar in decisions.items() if number > numbers[-1]),
    )
