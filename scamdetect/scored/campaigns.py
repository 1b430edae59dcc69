"""Count near-duplicate templates, campaigns, among flagged messages in bounded memory.

A template is what stays of a message when numbers, links and the like are masked. Templates are
counted by the mergeable variant of the Misra-Gries summary (Agarwal et al., "Mergeable Summaries",
PODS 2012). Those that are near-duplicates become one campaign, at the end and where memory runs
short.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from scamdetect.text.masking import key_of, mask
from scamdetect.text.near_duplicates import alike_groups

# Of more than MOST templates those alike are counted as one, then the frequent ones are kept, KEPT
# at most. What more than one in KEPT of the flagged messages have is never lost, and no count is
# short by more than that share.
MOST = 20_000
KEPT = 5_000


@dataclass(frozen=True)
class Campaign:
    """Flagged messages of one template and those alike.

    ``id`` names the most frequent template and is the same in every dump; ``template`` is its text,
    masked. Up to MOST templates in a dump ``messages`` and ``templates`` are exact; from there on
    ``messages`` is a lower bound, short by ``Campaigns.shortfall`` at most for each template, and a
    template may count twice. ``kinds`` and ``languages`` count messages, most frequent first, one
    of two kinds under both. ``first_row`` is the position of the first message in the dump, from 0;
    the times are None where none were given.
    """

    id: str
    messages: int
    templates: int
    kinds: dict[str, int]
    languages: dict[str, int]
    template: str
    highest_probability: float
    first_row: int
    first_time: str | None = None
    last_time: str | None = None


@dataclass
class _Entry:
    """What is known of a template and those alike that were counted with it.

    ``weight`` is the Misra-Gries counter, which ages.
    """

    template: str
    templates: int
    messages: int
    weight: int
    kinds: Counter[str]
    languages: Counter[str]
    highest_probability: float
    first_row: int
    first_time: str | None
    last_time: str | None

    def plus(self, other: _Entry) -> _Entry:
        """Return the sum with what else is known of the same template."""
        first = self if self.first_row <= other.first_row else other
        return replace(self.absorb(other), template=first.template, templates=self.templates)

    def absorb(self, other: _Entry) -> _Entry:
        """Return the sum with what is known of another template."""
        first = self if self.first_row <= other.first_row else other
        return _Entry(
            self.template,
            self.templates + other.templates,
            self.messages + other.messages,
            self.weight + other.weight,
            self.kinds + other.kinds,
            self.languages + other.languages,
            max(self.highest_probability, other.highest_probability),
            first.first_row,
            min(filter(None, (self.first_time, other.first_time)), default=None),
            max(filter(None, (self.last_time, other.last_time)), default=None),
        )


class Campaigns:
    """The templates of flagged messages, the frequent ones for sure; sums may be added up.

    ``messages`` is the number of flagged messages. ``shortfall`` is the most by which the count of
    any template can be short, 0 as long as there are at most MOST templates.
    """

    def __init__(self) -> None:
        self.messages = 0
        self.shortfall = 0
        self._entries: dict[str, _Entry] = {}

    def add_flagged(
        self,
        text: str,
        *,
        kinds: Iterable[str],
        language: str,
        probability: float,
        row: int,
        time: str | None = None,
    ) -> None:
        """Count one flagged message."""
        template = mask(text)
        one = _Entry(
            template, 1, 1, 1, Counter(kinds), Counter((language,)), probability, row, time, time
        )
        self.messages += 1
        self._count(key_of(template), one)

    def top(self, n: int | None = None, at_least: int = 1) -> list[Campaign]:
        """Return the campaigns of at least so many messages, largest first, at most ``n``."""
        merged = _merged(self._entries).items()
        found = [_campaign(key, entry) for key, entry in merged if entry.messages >= at_least]
        return sorted(found, key=lambda c: (-c.messages, c.first_row))[:n]

    def _count(self, key: str, entry: _Entry) -> None:
        known = self._entries.get(key)
        self._entries[key] = entry if known is None else known.plus(entry)
        if len(self._entries) > MOST:
            self._cut()

    def _cut(self) -> None:
        """Merge alike templates; age all by the weight of the first that must go, if one must."""
        self._entries = _merged(self._entries)
        if len(self._entries) <= KEPT:
            return
        weights = sorted((entry.weight for entry in self._entries.values()), reverse=True)
        age = weights[KEPT]
        self.shortfall += age
        self._entries = {
            key: replace(entry, weight=entry.weight - age)
            for key, entry in self._entries.items()
            if entry.weight > age
        }


def _merged(entries: Mapping[str, _Entry]) -> dict[str, _Entry]:
    """Return the entries with each absorbed by the most frequent one that it is alike to."""
    ranked = sorted(entries, key=lambda key: (-entries[key].messages, entries[key].first_row))
    merged = {}
    for leader, *others in alike_groups(ranked):
        whole = entries[ranked[leader]]
        for place in others:
            whole = whole.absorb(entries[ranked[place]])
        merged[ranked[leader]] = whole
    return merged


def _campaign(key: str, whole: _Entry) -> Campaign:
    return Campaign(
        id=hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()[:10],
        messages=whole.messages,
        templates=whole.templates,
        kinds=_ordered(whole.kinds),
        languages=_ordered(whole.languages),
        template=whole.template,
        highest_probability=whole.highest_probability,
        first_row=whole.first_row,
        first_time=whole.first_time,
        last_time=whole.last_time,
    )


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
