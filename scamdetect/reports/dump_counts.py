"""What a report counts while it reads a scored dump once: sums, never rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.errors import InputError
from scamdetect.labels import Decision, Verdict
from scamdetect.reports.days import Days, days_of
from scamdetect.scored.read import ScoredBatch, decided_otherwise

BINS = 50  # of the histogram, from 0 to 1
_MOST_GROUPS = 20_000
_UNKNOWN = "und"
NO_KIND = ""


class Group(NamedTuple):
    """What the messages of one counter share."""

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
        # By (language, kind), of flagged messages; NO_KIND where none was named.
        self.kinds: Counter[tuple[str, str]] = Counter()
        self.histogram: NDArray[np.int64] = np.zeros(BINS, np.int64)
        self.days: dict[str, Counter[date]] = {name.value: Counter() for name in Decision}
        self.day_verdicts: dict[str, Counter[date]] = {name.value: Counter() for name in Verdict}
        self.day_kinds: dict[str, Counter[date]] = {}  # of flagged messages, as ``kinds``
        self.without_day = 0

    def add(self, batch: ScoredBatch) -> None:
        """Count a batch; raise InputError where the columns hold what ``score`` never writes."""
        self.unreadable += batch.unreadable
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
