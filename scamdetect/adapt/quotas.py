"""How many messages to label of each language."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, sqrt


def quotas(counts: Mapping[str, int], n: int) -> dict[str, int]:
    """Return how many of ``n`` messages each language gets, at most as many as it has.

    Quotas go by the square root of the counts (a power allocation; M. D. Bankier, The American
    Statistician 42(3), 1988): between shares, which leave nothing to rare languages, and equal
    numbers, which leave too little to the frequent ones. Each gets one where ``n`` suffices.
    """
    left = {name: count for name, count in counts.items() if count > 0}
    given = dict.fromkeys(left, 0)
    if len(left) <= n:
        given = dict.fromkeys(left, 1)
    while (rest := min(n, sum(left.values())) - sum(given.values())) > 0:
        open_ = [name for name in sorted(left) if given[name] < left[name]]
        whole = sum(sqrt(left[name]) for name in open_)
        wanted = {name: rest * sqrt(left[name]) / whole for name in open_}
        for name in open_:
            given[name] += min(floor(wanted[name]), left[name] - given[name])
        rest = min(n, sum(left.values())) - sum(given.values())
        ranked = sorted(open_, key=lambda name: (floor(wanted[name]) - wanted[name], name))
        for name in [name for name in ranked if given[name] < left[name]][:rest]:
            given[name] += 1
    return given
