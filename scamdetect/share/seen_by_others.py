"""Others' sightings of the indicators that we published, for a new review of them."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scamdetect.dumps.listed import listed_key
from scamdetect.errors import InputError
from scamdetect.share.feed_versions import FeedReport
from scamdetect.share.listing import LeftOut
from scamdetect.share.sighting_files import Found, read_sightings
from scamdetect.share.sightings import Sighting, uuid_of
from scamdetect.share.signals import named_id, signal_id
from scamdetect.text.indicators import IndicatorType

MOST_SIGHTINGS = 1_000_000
_MOST_NAMED = 10  # organisations in one cell
_OWN = "of your own organisation"
_TWICE = "duplicate, or an earlier version of another"
_TAKEN_BACK = "withdrawn by those who saw it"

_Keys = tuple[object, ...]


@dataclass
class _Sum:
    """One organisation's sightings of one indicator."""

    organisation: str
    messages: int = 0
    false_positives: int = 0
    days: list[datetime.date] = field(default_factory=list)  # the first and the last

    def add(self, one: Sighting) -> None:
        if one.false_positive:
            self.false_positives += one.messages
        else:
            self.messages += one.messages
            if some := [*self.days, *filter(None, (one.first_day, one.last_day))]:
                self.days = [min(some), max(some)]


class SeenByOthers:
    """The sightings of some files, by indicator; use ``read`` and ``cell``."""

    def __init__(self, organisation: str) -> None:
        self._organisation = organisation
        self._sums: dict[_Keys, dict[str, _Sum]] = defaultdict(dict)
        self._keys_of: dict[object, set[_Keys]] = defaultdict(set)
        self._met: set[_Keys] = set()

    @property
    def unmet(self) -> int:
        """Return how many indicators that others saw were never requested."""
        return len(self._sums.keys() - self._met)

    def read(self, paths: Sequence[Path]) -> list[FeedReport]:
        """Read the files, each sighting once, and return a report on each; raise InputError."""
        reports = [FeedReport(path.name) for path in paths]
        last: dict[object, tuple[int, Found]] = {}
        for number, path in enumerate(paths):
            for one in read_sightings(path):
                if isinstance(one, LeftOut):
                    reports[number].leave_out(one.reason, one.place)
                    continue
                key = (one.sighting.organisation, one.id) if one.id else len(last)
                if len(last) >= MOST_SIGHTINGS:
                    raise InputError(
                        f"{path}: more than {MOST_SIGHTINGS:,} sightings in all files; pass fewer"
                    )
                if key in last and not _is_later(one, last[key][1]):
                    reports[number].leave_out(_TWICE, one.place)
                    continue
                if key in last:
                    before, older = last[key]
                    reports[before].leave_out(_TWICE, older.place)
                last[key] = number, one
        for number, one in last.values():
            if one.taken_back:
                reports[number].leave_out(_TAKEN_BACK, one.place)
            elif self._is_own(one.sighting):
                reports[number].leave_out(_OWN, one.place)
            else:
                reports[number].taken += 1
                self._add(one.sighting)
        return reports

    def cell(self, type: IndicatorType, value: str) -> str:
        """Return others' sightings of an indicator, or an empty text.

        It is found by the id in the organisation's exports, or by its value.
        """
        ours = signal_id(type, value, self._organisation)
        keys = self._keys_of.get(ours, set()) | self._keys_of.get(listed_key(type, value), set())
        self._met |= keys
        sums: dict[str, list[_Sum]] = defaultdict(list)
        for key in keys:
            for name, one in self._sums[key].items():
                sums[name].append(one)
        found = [_joined(some) for some in sums.values()]
        found.sort(key=lambda one: (-one.messages, one.organisation))
        more = len(found) - _MOST_NAMED
        told = [*map(_told, found[:_MOST_NAMED]), *([f"and {more} more"] if more > 0 else [])]
        return "; ".join(told)

    def _is_own(self, one: Sighting) -> bool:
        name = self._organisation
        own = (name.casefold(), f"identity--{named_id('organisation', name)}")
        return one.organisation.casefold() in own

    def _add(self, one: Sighting) -> None:
        id = uuid_of(one.of)
        key = None
        if one.type is not None and one.value is not None:
            key = listed_key(one.type, one.value)
        keys = (id if id is not None or key is not None else one.of, key)
        for name in filter(None, keys):
            self._keys_of[name].add(keys)
        self._sums[keys].setdefault(one.organisation, _Sum(one.organisation)).add(one)


def read_seen_by_others(
    paths: Sequence[str | Path], organisation: str
) -> tuple[SeenByOthers, list[FeedReport]]:
    """Return the sightings in others' files, and a report on each file; raise InputError."""
    found = SeenByOthers(organisation)
    return found, found.read([Path(path) for path in paths])


def _is_later(one: Found, other: Found) -> bool:
    if one.changed is None or other.changed is None:
        return False
    return one.changed > other.changed


def _joined(sums: Sequence[_Sum]) -> _Sum:
    days = [day for one in sums for day in one.days]
    return _Sum(
        sums[0].organisation,
        sum(one.messages for one in sums),
        sum(one.false_positives for one in sums),
        [min(days), max(days)] if days else [],
    )


def _told(one: _Sum) -> str:
    found = []
    if one.messages:
        days = " to ".join(dict.fromkeys(day.isoformat() for day in one.days))
        found.append(f"{_counted(one.messages, 'message')}{f' {days}' if days else ''}")
    if one.false_positives:
        found.append(_counted(one.false_positives, "false positive"))
    return f"{one.organisation}: {', '.join(found)}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
