"""The geometry of the plots: bars in percent of their box, ticks and labels."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from scamdetect.labels import Decision

_MOST_BARS = 120
_MOST_KINDS, _MOST_STRIPS = 20, 6
_CENTRAL = (0.005, 0.995)  # of the messages; a few with a wrong clock must not stretch the axis
_UNITS = ("day", "week", "month", "year")
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclass(frozen=True)
class Tick:
    """A label at a place of an axis, in percent from its start."""

    place: float
    label: str


@dataclass(frozen=True)
class Histogram:
    """Bars (left, height, class) with the ticks of the counts, which are on a log scale."""

    bars: tuple[tuple[float, float, str], ...]
    width: float
    ticks: tuple[Tick, ...]
    rows: tuple[tuple[str, int], ...]  # the same as figures, in tenths


@dataclass(frozen=True)
class Strip:
    """A kind over time: all its messages, its highest bar, and each bar as a share of that."""

    kind: str
    messages: int
    most: int
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Bucket:
    """The messages of a day or of a longer time."""

    label: str
    messages: int
    flagged: int
    review: int
    verdicts: tuple[int, ...]  # in the order of those of the timeline
    kinds: tuple[int, ...]


@dataclass(frozen=True)
class Timeline:
    """Messages over time; ``before`` and ``after`` count those beyond the axis.

    ``verdicts`` and ``kinds`` are those that a message shown here has, most frequent kinds first.
    """

    unit: str
    buckets: tuple[Bucket, ...]
    labels: tuple[Tick, ...]
    verdicts: tuple[str, ...]
    kinds: tuple[str, ...]
    before: int
    after: int

    @property
    def most_flagged(self) -> int:
        """Return the highest bar of those to look at."""
        return max(bucket.flagged + bucket.review for bucket in self.buckets)

    @property
    def most_messages(self) -> int:
        """Return the highest bar of all messages."""
        return max(bucket.messages for bucket in self.buckets)

    @property
    def strips(self) -> tuple[Strip, ...]:
        """Return a strip for each of the most frequent kinds."""
        return tuple(
            Strip(name, sum(counts), max(counts), tuple(count / max(counts) for count in counts))
            for name, counts in zip(
                self.kinds[:_MOST_STRIPS],
                zip(*(bucket.kinds for bucket in self.buckets), strict=True),
                strict=False,
            )
        )


def histogram(counts: NDArray[np.int64], flag: float | None, review: float | None) -> Histogram:
    """Return the histogram of scores from 0 to 1, each bar of the band that its middle is in."""
    most = int(counts.max(initial=1))
    top = math.log10(1 + most)
    width = 100 / len(counts)
    bars = []
    for place, count in enumerate(counts.tolist()):
        middle = (place + 0.5) / len(counts)
        band = "pass"
        if flag is not None and middle >= flag:
            band = "flag"
        elif review is not None and middle >= review:
            band = "review"
        if count:
            bars.append((place * width, 100 * math.log10(1 + count) / top, band))
    powers = (10**power for power in range(int(math.log10(most)) + 1))
    ticks = tuple(Tick(100 * math.log10(1 + value) / top, f"{value:,}") for value in powers)
    tenths = counts.reshape(10, -1).sum(axis=1).tolist()
    rows = tuple((f"{n / 10:.1f} – {(n + 1) / 10:.1f}", count) for n, count in enumerate(tenths))
    return Histogram(tuple(bars), width, ticks, rows)


def timeline(
    days: Mapping[str, Counter[date]],
    verdicts: Mapping[str, Counter[date]],
    kinds: Mapping[str, Counter[date]],
) -> Timeline | None:
    """Return the messages by day, or by a longer unit if there were too many bars.

    ``days`` are by decision, ``kinds`` those of flagged messages.
    """
    total: Counter[date] = sum(days.values(), Counter())
    if not total:
        return None
    known = sorted(total)
    first, last = known[0], known[-1]
    if (last - first).days >= _MOST_BARS:
        sums = np.cumsum([total[day] for day in known])
        first, last = (known[int(np.searchsorted(sums, share * sums[-1]))] for share in _CENTRAL)
    spans = {unit: (_place(first, unit), _place(last, unit)) for unit in _UNITS}
    unit = next((u for u in _UNITS if spans[u][1] - spans[u][0] < _MOST_BARS), _UNITS[-1])
    begin, end = spans[unit]
    by_unit = {decision: _grouped(counter, unit) for decision, counter in days.items()}
    verdict_names, by_verdict = _shown(verdicts, unit, range(begin, end + 1))
    by_frequency = dict(sorted(kinds.items(), key=lambda kind: (-kind[1].total(), kind[0])))
    kind_names, by_kind = _shown(by_frequency, unit, range(begin, end + 1))
    buckets = tuple(
        Bucket(
            _label(place, unit),
            sum(counter[place] for counter in by_unit.values()),
            by_unit[Decision.FLAG][place],
            by_unit[Decision.REVIEW][place],
            tuple(counter[place] for counter in by_verdict),
            tuple(counter[place] for counter in by_kind[:_MOST_KINDS]),
        )
        for place in range(begin, end + 1)
    )
    whole = _grouped(total, unit)
    before = sum(messages for place, messages in whole.items() if place < begin)
    after = sum(messages for place, messages in whole.items() if place > end)
    kind_names = kind_names[:_MOST_KINDS]
    return Timeline(unit, buckets, _labels(buckets), verdict_names, kind_names, before, after)


def _shown(
    days: Mapping[str, Counter[date]], unit: str, places: Sequence[int]
) -> tuple[tuple[str, ...], tuple[Counter[int], ...]]:
    """Return the names with a message at one of the places, and the messages of each by place."""
    found = {name: _grouped(counter, unit) for name, counter in days.items()}
    kept = {n: counter for n, counter in found.items() if any(counter[p] for p in places)}
    return tuple(kept), tuple(kept.values())


def _grouped(days: Counter[date], unit: str) -> Counter[int]:
    found: Counter[int] = Counter()
    for day, messages in days.items():
        found[_place(day, unit)] += messages
    return found


def _place(day: date, unit: str) -> int:
    """Return the number of the unit of time that a day is in; weeks begin on Mondays."""
    if unit == "day":
        return day.toordinal()
    if unit == "week":
        return (day.toordinal() - 1) // 7
    return day.year * 12 + day.month - 1 if unit == "month" else day.year


def _label(place: int, unit: str) -> str:
    if unit == "year":
        return str(place)
    if unit == "month":
        return f"{_MONTHS[place % 12]} {place // 12}"
    day = date.fromordinal(place if unit == "day" else place * 7 + 1)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _labels(buckets: Sequence[Bucket]) -> tuple[Tick, ...]:
    last = len(buckets) - 1
    places = sorted({0, last // 2, last} if last > 3 else {0, last})
    return tuple(Tick(100 * (place + 0.5) / len(buckets), buckets[place].label) for place in places)
