"""The counts of a report, from one pass over a scored dump: by group, threshold and day."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.calibration.operating_points import OperatingPoint
from scamdetect.calibration.presets import Preset, preset_at, presets
from scamdetect.calibration.thresholds import Thresholds
from scamdetect.errors import InputError
from scamdetect.frames.arrow import readable
from scamdetect.frames.times import holds_times, instants, since_1970
from scamdetect.labels import Decision, Verdict
from scamdetect.scored.read import ScoredBatch, decided_otherwise

# In this order: the usual names of the time at which a message was sent, the likeliest first.
TIME_COLUMNS = (
    "time", "timestamp", "datetime", "date", "sent_at", "created_at", "sent", "created",
    "received_at", "posted_at", "time_unix", "date_unixtime", "created_utc", "event_time", "ts",
    "day",
)  # fmt: skip

_DATE = re.compile(r"\s*(\d{4})([-/.]?)(\d{1,2})\2(\d{1,2})(?!\d)")
_NUMBER = re.compile(r"\s*\d{9,19}(?:\.\d*)?\s*$")
# Outside of these years a time is a default value or an error of a clock.
_FIRST, _BEHIND = np.datetime64("1990-01-01", "D"), np.datetime64("2100-01-01", "D")
_MICROS_A_DAY = 86_400 * 10**6

Days = NDArray[np.datetime64]


def find_time_column(columns: Sequence[str]) -> str | None:
    """Return the column with a usual name for times, None if no column has one."""
    by_name = {name.casefold(): name for name in reversed(columns)}
    return next((by_name[name] for name in TIME_COLUMNS if name in by_name), None)


def days_of(times: pa.ChunkedArray) -> Days:
    """Return the day (n,) of each time, NaT if it is unknown.

    Accepts dates and times of Arrow, ISO 8601 and RFC 2822 as text, and seconds, milli-, micro-
    and nanoseconds since 1970. The day is taken as written, in any time zone; numbers and times of
    Arrow give the day in UTC. 03/04/2025 can be two days and gives NaT.
    """
    if pa.types.is_dictionary(times.type):
        times = times.cast(times.type.value_type)
    kind = times.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        days = np.array([_of_value(text) for text in readable(times)], "datetime64[D]")
    elif holds_times(kind):
        found = instants(times.combine_chunks())
        days = _of_micros(found.micros)
        days[~found.known] = np.datetime64("NaT")
    else:
        days = np.full(len(times), np.datetime64("NaT", "D"))
    days[~((days >= _FIRST) & (days < _BEHIND))] = np.datetime64("NaT")
    return days


def _of_micros(micros: NDArray[np.int64]) -> Days:
    days: Days = np.floor_divide(micros, _MICROS_A_DAY).astype("datetime64[D]")
    return days


def _of_value(value: str | None) -> Any:  # noqa: ANN401 - a day or NaT
    if value is None:
        return np.datetime64("NaT", "D")
    found = _DATE.match(value)
    # Without the time of day, few different texts remain to be parsed.
    return _of_text(value if found is None else found[0])


@lru_cache(maxsize=4096)
def _of_text(text: str) -> Any:  # noqa: ANN401 - a day or NaT
    found = _DATE.match(text)
    try:
        if found is not None:
            return np.datetime64(date(int(found[1]), int(found[3]), int(found[4])), "D")
        if _NUMBER.match(text):
            return _of_micros(since_1970(np.array([float(text)])))[0]
        return np.datetime64(parsedate_to_datetime(text).date(), "D")
    except (ValueError, TypeError, IndexError, OverflowError):
        return np.datetime64("NaT", "D")


BINS = 50  # of the histogram, from 0 to 1
_MOST_GROUPS = 20_000
_UNKNOWN = "und"
NO_KIND = ""


class Group(NamedTuple):
    """The values that all messages of one counter have."""

    language: str
    verdict: str | None
    decision: str
    model_id: str | None
    schema_version: int | None


@dataclass
class Extremes:
    """The number of messages of a group, and the lowest and highest probability that decided."""

    messages: int
    lowest: float | None
    highest: float | None

    def include(self, messages: int, lowest: float | None, highest: float | None) -> None:
        """Count more messages."""
        self.messages += messages
        self.lowest = _least(self.lowest, lowest)
        self.highest = _most(self.highest, highest)


class Counts:
    """The sums over a scored dump; their size does not grow with it."""

    def __init__(self) -> None:
        self.unreadable = 0
        self.groups: dict[Group, Extremes] = {}
        # By (language, kind), of flagged messages; NO_KIND if none was named.
        self.kinds: Counter[tuple[str, str]] = Counter()
        self.histogram: NDArray[np.int64] = np.zeros(BINS, np.int64)
        self.days: dict[str, Counter[date]] = {name.value: Counter() for name in Decision}
        self.day_verdicts: dict[str, Counter[date]] = {name.value: Counter() for name in Verdict}
        self.day_kinds: dict[str, Counter[date]] = {}  # of flagged messages, as ``kinds``
        self.without_day = 0

    def add(self, batch: ScoredBatch) -> None:
        """Count a batch; raise InputError on columns that ``score`` never writes."""
        table = _filled(batch.table)
        self._add_groups(table)
        scored = table.column("probability").drop_null().to_numpy()
        self.histogram += np.histogram(scored, BINS, (0.0, 1.0))[0]
        self._add_kinds(table.filter(pc.equal(table.column("decision"), Decision.FLAG.value)))
        if "time" in table.column_names:
            self._add_days(table)
        if len(self.groups) + len(self.kinds) > _MOST_GROUPS:
            raise InputError(
                "the scamdetect_ columns hold more languages, kinds or models than `scamdetect "
                "score` writes; score the dump again"
            )

    @property
    def messages(self) -> int:
        """Return the number of messages."""
        return sum(self.total().values())

    @property
    def only_flagged(self) -> bool:
        """Return whether all messages are flagged, as ``--only-flagged`` leaves them."""
        return set(self.total()) == {Decision.FLAG}

    def total(self, of: str = "decision") -> Counter[Any]:
        """Return the messages by a field of Group."""
        found: Counter[Any] = Counter()
        for group, extremes in self.groups.items():
            found[getattr(group, of)] += extremes.messages
        return found

    def _add_groups(self, table: pa.Table) -> None:
        deciding = pc.if_else(
            decided_otherwise(table), pa.scalar(None, pa.float64()), table.column("probability")
        )
        table = table.set_column(table.column_names.index("probability"), "probability", deciding)
        grouped = table.group_by(list(Group._fields)).aggregate(
            [([], "count_all"), ("probability", "min"), ("probability", "max")]
        )
        for row in grouped.to_pylist():
            group = Group(*(row[name] for name in Group._fields))
            known = self.groups.setdefault(group, Extremes(0, None, None))
            known.include(row["count_all"], row["probability_min"], row["probability_max"])

    def _add_kinds(self, flagged: pa.Table) -> None:
        kinds = flagged.column("kinds").combine_chunks()
        pairs = pa.table(
            {
                "kind": pc.list_flatten(kinds),
                "language": flagged.column("language").take(pc.list_parent_indices(kinds)),
            }
        )
        for row in pairs.group_by(["language", "kind"]).aggregate([([], "count_all")]).to_pylist():
            if row["kind"] is not None:
                self.kinds[row["language"], row["kind"]] += row["count_all"]
        without = flagged.filter(pc.equal(pc.fill_null(pc.list_value_length(kinds), 0), 0))
        for row in without.group_by("language").aggregate([([], "count_all")]).to_pylist():
            self.kinds[row["language"], NO_KIND] += row["count_all"]

    def _add_days(self, table: pa.Table) -> None:
        days = days_of(table.column("time"))
        known = ~np.isnat(days)
        self.without_day += int(len(days) - known.sum())
        for field, counters in (("decision", self.days), ("verdict", self.day_verdicts)):
            values = np.array(table.column(field).to_pylist(), dtype=object)
            for name, counter in counters.items():
                counter.update(_counted(days[known & (values == name)]))
        flagged = table.column("decision").to_numpy() == Decision.FLAG.value
        kinds = table.column("kinds").filter(pa.array(known & flagged)).to_pylist()
        pairs: Counter[tuple[str, date]] = Counter()
        for names, day in zip(kinds, days[known & flagged].tolist(), strict=True):
            pairs.update((name, day) for name in names or (NO_KIND,) if name is not None)
        for (name, day), messages in pairs.items():
            self.day_kinds.setdefault(name, Counter())[day] += messages


def _counted(days: Days) -> dict[date, int]:
    found, messages = np.unique(days, return_counts=True)
    return dict(zip(found.tolist(), messages.tolist(), strict=True))


def _filled(table: pa.Table) -> pa.Table:
    place = table.column_names.index("language")
    return table.set_column(place, "language", pc.fill_null(table.column("language"), _UNKNOWN))


def _least(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)


def _most(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)


_BELOW = {
    Decision.FLAG: (Decision.REVIEW, Decision.PASS),
    Decision.REVIEW: (Decision.PASS,),
}


class Bundle(Protocol):
    """The part of a bundle that describes its thresholds."""

    @property
    def thresholds(self) -> Thresholds:
        """Return the thresholds as shipped."""

    @property
    def operating_points(self) -> tuple[OperatingPoint, ...]:
        """Return the measured rates of thresholds on the calibrate rows."""


@dataclass(frozen=True)
class Band:
    """A threshold: by the decisions, over ``above`` and up to ``upto``.

    It is ``exact`` if all decisions agree with the ``shipped`` one or with that of a ``preset``.
    ``point`` is the highest stored operating point that is not over the threshold, which has at
    most its false alarms and recall. It is None without a bundle, and if all points are higher.
    """

    decision: Decision
    above: float | None
    upto: float | None
    shipped: float | None
    point: OperatingPoint | None
    preset: Preset | None = None

    @property
    def exact(self) -> float | None:
        """Return the threshold of the bundle that this is, None if it is another."""
        of_preset = None if self.preset is None else self.preset.point.threshold
        return of_preset if self.shipped is None else self.shipped

    @property
    def is_measured(self) -> bool:
        """Return whether the point was measured at this very threshold, not at a lower one."""
        return self.point is not None and self.exact == self.point.threshold

    @property
    def threshold(self) -> float | None:
        """Return the threshold as well as it is known."""
        return self.upto if self.exact is None else self.exact


def bands(
    groups: Mapping[Group, Extremes], model_id: str | None, bundle: Bundle | None
) -> tuple[Band, ...]:
    """Return the bands flag and review of the messages that this model scored.

    The file does not name its thresholds. They are those of the bundle if all decisions agree with
    them, else those of the only preset that agrees, else they follow from the decisions.
    """
    of_model = {group: found for group, found in groups.items() if group.model_id == model_id}
    return tuple(_band(decision, of_model, bundle) for decision in _BELOW)


def _band(decision: Decision, groups: Mapping[Group, Extremes], bundle: Bundle | None) -> Band:
    upto = min(_known(e.lowest for g, e in groups.items() if g.decision == decision), default=None)
    below = _BELOW[decision]
    above = max(_known(e.highest for g, e in groups.items() if g.decision in below), default=None)
    if decision is Decision.REVIEW and upto is None:
        # Equal thresholds leave nothing to review.
        upto = min(
            _known(e.lowest for g, e in groups.items() if g.decision == Decision.FLAG),
            default=None,
        )
    if bundle is None:
        return Band(decision, above, upto, None, None)
    points = bundle.operating_points

    def agrees(threshold: float) -> bool:
        # Scores are float32, the thresholds decimals of such.
        over = above is None or bool(np.float32(above) < np.float32(threshold))
        return over and (upto is None or bool(np.float32(threshold) <= np.float32(upto)))

    own: float = getattr(bundle.thresholds, decision.value)
    shipped = own if agrees(own) else None
    preset = None
    if decision is Decision.FLAG and shipped is not None:
        preset = preset_at(points, shipped)
    elif decision is Decision.FLAG and (above, upto) != (None, None):
        named = [Preset(*pair) for pair in presets(points).items() if agrees(pair[1].threshold)]
        preset = named[0] if len(named) == 1 else None
    band = Band(decision, above, upto, shipped, None, preset)
    # A threshold that is only known to be over a score has at most the rates at that score.
    surely = above if band.exact is None else band.exact
    return replace(band, point=_point(points, surely))


def _point(points: Sequence[OperatingPoint], threshold: float | None) -> OperatingPoint | None:
    known = [
        point
        for point in points
        if point.lang is None and point.kind is None
        and threshold is not None and point.threshold <= threshold
    ]  # fmt: skip
    return max(known, key=lambda point: point.threshold, default=None)


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
