"""Reliability of scam probabilities: calibration error, Brier score, reliability curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scamdetect.calibration.statistics import (
    Bools,
    Estimate,
    Floats,
    at_base_rate,
    bootstrap_by_group,
)

BINS = 15
BASE_RATES = (0.2, 0.01)  # shares of scams at which a mix is evaluated
FEWEST_CALIBRATED = 20
_RESAMPLES = 200


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """One bin: its mean scam probability, its share of scams, and its share of the mass."""

    probability: float
    scams: float
    mass: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """How well probabilities match the scams of a set; promos and unscored rows are left out."""

    name: str
    base_rate: float  # share of scams by weight
    n_scam: int
    n_legit: int
    ece: Estimate  # over bins of equal mass
    noise_floor: float  # the mean ECE of as many rows with perfect probabilities
    brier: float
    points: tuple[ReliabilityPoint, ...]


def with_base_rate(weights: ArrayLike, scam: Bools, rate: float) -> Floats:
    """Return the weights (n,) scaled so that scams have ``rate`` of their sum, which is n."""
    return at_base_rate(np.asarray(weights, dtype=np.float64), scam, rate) * scam.size


def reliability(
    name: str,
    probabilities: ArrayLike,
    scam: Bools,
    weights: ArrayLike,
    groups: ArrayLike,
    base_rate: float | None = None,
    bins: int = BINS,
) -> Reliability | None:
    """Return the reliability of scam probabilities (n,); None unless both classes are present.

    The expected calibration error uses bins of equal mass (Nguyen and O'Connor 2015); rows of one
    probability share a bin. Its interval comes from resampled groups, in each of which scams have
    ``base_rate`` of the mass (None: as drawn). Few rows have an error even if every probability is
    right; the noise floor is its mean over labels drawn from the probabilities.
    """
    values, mass = np.asarray(probabilities, dtype=np.float64), np.asarray(weights, np.float64)
    kept = ~np.isnan(values) & (mass > 0)
    values, truth, mass = values[kept], scam[kept], mass[kept]
    if truth.all() or not truth.any():
        return None
    levels, level = np.unique(values, return_inverse=True)

    def weighed(drawn: Floats) -> Floats:
        return drawn if base_rate is None else with_base_rate(drawn, truth, base_rate)

    def binned(weights: Floats, labels: Bools) -> Floats:
        """Return mass, sum of probabilities and scam mass of each bin, (3, bins)."""
        of_level = np.bincount(level, weights, minlength=levels.size)
        middle = np.cumsum(of_level) - of_level / 2
        number = np.minimum(middle / of_level.sum() * bins, bins - 1).astype(np.intp)
        scams = np.bincount(level, weights * labels, minlength=levels.size)
        parts = (of_level, of_level * levels, scams)
        return np.array([np.bincount(number, part, minlength=bins) for part in parts])

    def error(weights: Floats, labels: Bools) -> float:
        total, sums, found = binned(weights, labels)
        return float(np.abs(sums - found).sum() / total.sum())

    def resampled_error(counts: Floats) -> float:
        drawn = counts > 0
        if base_rate is not None and not (truth[drawn].any() and (~truth[drawn]).any()):
            return float("nan")
        return error(weighed(mass * counts), truth)

    mass = weighed(mass)
    generator = np.random.default_rng(0)
    floors = [error(mass, generator.random(values.size) < values) for _ in range(_RESAMPLES)]
    ece = bootstrap_by_group(
        resampled_error, np.asarray(groups)[kept], truth.size, resamples=_RESAMPLES
    )
    assert ece is not None  # an error is defined wherever there is a row
    total, sums, scams = binned(mass, truth)
    return Reliability(
        name=name,
        base_rate=float(mass[truth].sum() / mass.sum()),
        n_scam=int(truth.sum()),
        n_legit=int((~truth).sum()),
        ece=ece,
        noise_floor=float(np.mean(floors)),
        brier=float((mass * np.square(values - truth)).sum() / mass.sum()),
        points=tuple(
            ReliabilityPoint(
                float(sums[b] / total[b]),
                float(scams[b] / total[b]),
                float(total[b] / total.sum()),
            )
            for b in np.flatnonzero(total > 0)
        ),
    )
