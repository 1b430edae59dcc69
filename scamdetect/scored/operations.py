"""Join campaigns into operations: those that share a distinctive link, wallet or handle.

Campaigns are joined by a full value that no warning list contains and that few campaigns have: a
shortener, a chat host or a bank's number joins nothing. Each join has its reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

JOINING = ("link", "wallet", "handle")  # the types of values that join
MOST_CAMPAIGNS = 20  # that have a value; one that more have is in general use


@dataclass(frozen=True)
class Indicators:
    """Functions to find the types and values in a message, and to check if one is blocked."""

    indicators_of: Callable[[str], Iterable[tuple[str, str]]]
    blocked: Callable[[str, str], bool]

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
    members: dict[str, set[str]] = {}  # of the operation of each campaign, one set for all
    reasons: defaultdict[str, set[str]] = defaultdict(set)
    for value, campaigns in shared:
        type_, _, name = value.partition(":")
        if not 2 <= len(campaigns) <= MOST_CAMPAIGNS or indicators.blocked(type_, name):
            continue
        joined = set(campaigns).union(*(members.get(one, set()) for one in campaigns))
        members |= dict.fromkeys(joined, joined)
        for campaign in campaigns:
            reasons[campaign].add(value)
    return {one: Operation(min(members[one]), tuple(sorted(reasons[one]))) for one in reasons}
