"""Join campaigns into operations: those that share a distinctive link, wallet or handle.

Campaigns are joined by a full value that no warning list contains and that few campaigns have: a
shortener, a chat host or a bank's number joins nothing. Each join has its reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

JOINING = ("link", "wallet", "handle")  # the types of values that join
MOST_CAMPAIGNS = 20  # that have a value; one that more have is in general use


class Value(NamedTuple):
    """A value in a message, in its normal form, and its type, such as ``link``."""

    type: str
    value: str


@dataclass(frozen=True)
class Indicators:
    """Functions to find the values in a message, and to check them against warning lists."""

    indicators_of: Callable[[str], Iterable[Value]]
    blocked: Callable[[Value], bool]

    def joining(self, text: str) -> list[str]:
        """Return the values in a message that may join its campaign, as ``type:value``."""
        values = self.indicators_of(text)
        return sorted({f"{type_}:{value}" for type_, value in values if type_ in JOINING})


@dataclass(frozen=True)
class Operation:
    """The operation of a campaign, named by its lowest campaign, and what joins the campaign."""

    id: str
    reasons: tuple[str, ...]


def find_operations(
    shared: Iterable[tuple[str, list[str]]], indicators: Indicators
) -> dict[str, Operation]:
    """Return the operations by the ids of their campaigns; a single campaign is not one.

    ``shared`` are values as ``type:value``, each with the ids of its campaigns.
    """
    parents: dict[str, str] = {}
    reasons: defaultdict[str, set[str]] = defaultdict(set)
    for text, campaigns in shared:
        few = 2 <= len(campaigns) <= MOST_CAMPAIGNS
        if not few or indicators.blocked(Value(*text.split(":", 1))):
            continue
        lowest = min(_root(parents, campaign) for campaign in campaigns)
        for campaign in campaigns:
            reasons[campaign].add(text)
            parents[_root(parents, campaign)] = lowest
    return {
        campaign: Operation(_root(parents, campaign), tuple(sorted(texts)))
        for campaign, texts in reasons.items()
    }


def _root(parents: dict[str, str], campaign: str) -> str:
    while (parent := parents.get(campaign, campaign)) != campaign:
        campaign = parent
    return campaign
