"""How often rows are drawn if no row may be drawn more often than a limit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_ROUNDS = 30  # a few are enough unless nearly every row reaches the limit
_CLOSE = 1e-3  # of the tokens


def share_out(weights: Floats, total: float, most: Floats) -> Floats:
    """Return ``total`` divided in proportion to ``weights`` (n,), all over 0, but at most ``most``.

    What one would get above its ``most`` (n,) goes to the others, in proportion as well. The sum is
    smaller than ``total`` only if all get their most.
    """
    order = np.argsort(most / weights, kind="stable")  # the order in which they reach it
    sorted_weights, sorted_most = weights[order], most[order]
    left = total - np.concatenate([[0.0], np.cumsum(sorted_most)[:-1]])
    scales = left / np.cumsum(sorted_weights[::-1])[::-1]
    fitting = np.flatnonzero(scales * sorted_weights <= sorted_most)
    if not len(fitting):
        return most.copy()
    shared: Floats = np.minimum(weights * scales[fitting[0]], most)
    return shared


def limit_draws(
    wanted: Floats,
    groups: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    budget: float,
    most: int,
) -> Floats:
    """Return how often (n,) rows are drawn if none may be drawn more often than ``most``.

    ``wanted`` (n,) is how often without a limit, all over 0. What a row has above the limit goes to
    its group, numbered from 0, and what a whole group has above it to the other groups. The draws
    spend ``budget`` tokens, or fewer if all rows reach the limit; ``lengths`` (n,) are in tokens.
    """
    of_group: Floats = np.bincount(groups, weights=wanted).astype(np.float64)
    room: Floats = np.bincount(groups).astype(np.float64) * most
    total = float(wanted.sum())
    drawn = wanted
    for _ in range(_ROUNDS):
        drawn = np.empty_like(wanted)
        for group, share in enumerate(share_out(of_group, total, room)):
            rows = groups == group
            limits = np.full(int(rows.sum()), float(most))
            drawn[rows] = share_out(wanted[rows], float(share), limits)
        spent = float(drawn @ lengths)
        if abs(spent - budget) <= _CLOSE * budget or total >= room.sum() and spent < budget:
            break
        # The limit moved draws to rows of other lengths.
        total *= budget / spent
    return drawn
