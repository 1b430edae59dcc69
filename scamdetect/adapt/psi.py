"""The population stability index (PSI) of counts by bin, what chance gives, and alert levels.

The index is the sum over bins of (c - r) ln(c / r), with r and c the shares of the reference and
the current dump (the symmetric Kullback-Leibler divergence). Shares are smoothed: half a message is
added to each bin of each side, so that an empty bin counts and does not make the index infinite.

Levels follow the rule of thumb of credit scoring (N. Siddiqi, Credit Risk Scorecards, Wiley 2006):
under 0.1 nothing to do, from 0.1 on watch, from 0.25 on act. The rule knows no sample size, and few
messages give a high index by chance (B. Yurdakul, J. Naranjo, Statistical properties of the
population stability index, Journal of Risk Model Validation 14(4), 2020), so that an index is only
alerted on where it exceeds what equal populations give in 95 of 100 such pairs of dumps.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

WATCH, ALERT = 0.1, 0.25
SMOOTHING = 0.5  # messages a bin
_DRAWS = 1000


class Level(StrEnum):
    """What to do about a shift; ``UNKNOWN`` where the two dumps cannot be compared."""

    NONE = "none"
    WATCH = "watch"
    ALERT = "alert"
    UNKNOWN = "not comparable"


class Psi(NamedTuple):
    """The index, its 95 % bootstrap interval, and the 95 % quantile that chance alone gives.

    The interval leans upwards where messages are few, as the index itself does.
    """

    value: float
    low: float
    high: float
    chance: float

    @property
    def level(self) -> Level:
        """Return the level by the rule and by chance."""
        if self.value < WATCH or self.value <= self.chance:
            return Level.NONE
        return Level.ALERT if self.value >= ALERT else Level.WATCH


def contributions(reference: ArrayLike, current: ArrayLike) -> NDArray[np.float64]:
    """Return what each bin adds to the index (..., bins), from counts of the same shape."""
    r, c = _shares(reference), _shares(current)
    parts: NDArray[np.float64] = (c - r) * np.log(c / r)
    return parts


def psi(reference: Sequence[int], current: Sequence[int], seed: int = 0) -> Psi:
    """Return the index of two sequences of counts by bin.

    Interval and chance come from drawing both dumps again, message by message, 1,000 times; they
    take messages as independent, which copies of one campaign are not.
    """
    value = float(contributions(reference, current).sum())
    random = np.random.Generator(np.random.PCG64(seed))
    n, m = sum(reference), sum(current)
    if not (n and m):
        return Psi(0.0, 0.0, 0.0, 0.0)

    def draws(r: NDArray[np.float64], c: NDArray[np.float64]) -> NDArray[np.float64]:
        drawn = random.multinomial(n, r, _DRAWS), random.multinomial(m, c, _DRAWS)
        sums: NDArray[np.float64] = contributions(*drawn).sum(axis=1)
        return sums

    both = _shares(np.add(reference, current))
    low, high = np.quantile(draws(_shares(reference), _shares(current)), (0.025, 0.975))
    chance = float(np.quantile(draws(both, both), 0.95))
    return Psi(value, min(float(low), value), max(float(high), value), chance)


def worst(levels: Sequence[Level]) -> Level:
    """Return the most pressing of the levels."""
    return next((one for one in (Level.ALERT, Level.WATCH) if one in levels), Level.NONE)


def _shares(counts: ArrayLike) -> NDArray[np.float64]:
    smoothed = np.asarray(counts, np.float64) + SMOOTHING
    shares: NDArray[np.float64] = smoothed / smoothed.sum(axis=-1, keepdims=True)
    return shares
