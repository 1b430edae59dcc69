"""The few figures that count, each with its n and its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scamdetect.calibration.thresholds import clopper_pearson, threshold_at_fpr, wilson

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Statistic = Callable[[Floats], float]

RESAMPLES = 500
_BELOW_ALL = -1.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval and the number of rows behind it."""

    value: float
    low: float
    high: float
    n: int


def as_scores(scores: ArrayLike) -> Floats:
    """Return float64 scores in which unscored rows (None, NaN) stand below every threshold."""
    values = np.array(scores, dtype=np.float64)
    values[np.isnan(values)] = _BELOW_ALL
    return values


def float32_decimals(scores: Floats) -> Floats:
    """Return scores (n,) as the decimals that float32 prints: the resolution of the detector's."""
    return np.array([float(str(score)) for score in scores.astype(np.float32)], dtype=np.float64)


def recall(flagged: Bools) -> Estimate | None:
    """Return the share of flagged rows with its Wilson interval; None without rows."""
    n, hits = flagged.size, int(flagged.sum())
    return Estimate(hits / n, *wilson(hits, n), n) if n else None


def false_positive_rate(flagged: Bools) -> Estimate | None:
    """Return the share of flagged rows with its Clopper-Pearson interval; None without rows.

    The exact interval is the cautious one where few or no honest rows are flagged.
    """
    n, hits = flagged.size, int(flagged.sum())
    return Estimate(hits / n, *clopper_pearson(hits, n), n) if n else None


def recall_at_fpr(
    scores: ArrayLike, positive: ArrayLike, fpr: float, weights: Floats | None = None
) -> float:
    """Return the recall at the threshold that the set's own negatives (n,) reach at ``fpr``.

    This is R@x. Rows of weight 0 are left out. Returns NaN where either side is empty.
    """
    values, truth = as_scores(scores), np.asarray(positive, dtype=bool)
    mass = np.ones_like(values) if weights is None else weights
    scams, honest = truth & (mass > 0), ~truth & (mass > 0)
    if not (scams.any() and honest.any()):
        return float("nan")
    threshold = threshold_at_fpr(values[honest], fpr, mass[honest])
    return float(mass[scams][values[scams] >= threshold].sum() / mass[scams].sum())


def auc(scores: ArrayLike, positive: ArrayLike, weights: Floats | None = None) -> float:
    """Return the chance that a positive outscores a negative, ties counting half.

    Returns NaN where either side is empty.
    """
    values, truth = as_scores(scores), np.asarray(positive, dtype=bool)
    mass = np.ones_like(values) if weights is None else weights
    _, level = np.unique(values, return_inverse=True)
    scams = np.bincount(level, mass * truth)
    honest = np.bincount(level, mass * ~truth)
    pairs = scams.sum() * honest.sum()
    if pairs == 0:
        return float("nan")
    below = np.cumsum(honest) - honest / 2
    return float((scams * below).sum() / pairs)


def recall_at_fpr_estimate(
    scores: ArrayLike, positive: ArrayLike, fpr: float, groups: ArrayLike
) -> Estimate | None:
    """Return R@x with an interval from resampled groups; ``n`` counts the positives.

    The interval is never narrower than Wilson's at a fixed threshold, since resampling cannot
    move a recall of 0 or 1. None where either side is empty.
    """
    values, truth = as_scores(scores), np.asarray(positive, dtype=bool)
    n = int(truth.sum())
    found = bootstrap_by_group(
        lambda weights: recall_at_fpr(values, truth, fpr, weights), groups, n
    )
    if found is None:
        return None
    low, high = wilson(found.value * n, n)
    return replace(found, low=min(found.low, low), high=max(found.high, high))


def recall_change(
    before: ArrayLike,
    after: ArrayLike,
    positive: ArrayLike,
    fpr: float,
    groups: ArrayLike,
    resamples: int = RESAMPLES,
) -> Estimate | None:
    """Return R@x of the scores ``after`` less that of ``before`` (n,), on the same resamples.

    ``n`` counts the positives. None where either side is empty.
    """
    truth = np.asarray(positive, dtype=bool)
    old, new = as_scores(before), as_scores(after)

    def change(weights: Floats) -> float:
        return recall_at_fpr(new, truth, fpr, weights) - recall_at_fpr(old, truth, fpr, weights)

    return bootstrap_by_group(change, groups, int(truth.sum()), resamples=resamples)


def auc_estimate(scores: ArrayLike, positive: ArrayLike, groups: ArrayLike) -> Estimate | None:
    """Return the AUC with an interval from resampled groups; ``n`` counts all rows.

    None where either side is empty.
    """
    values, truth = as_scores(scores), np.asarray(positive, dtype=bool)
    return bootstrap_by_group(lambda weights: auc(values, truth, weights), groups, truth.size)


def bootstrap_by_group(
    statistic: Statistic, groups: ArrayLike, n: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate | None:
    """Return the statistic with the 95 % range of its values over resampled groups.

    ``statistic`` takes one weight a row: how often the row's group (n,) was drawn. Near-duplicates
    and threads stay together, so that copies of one message do not narrow the interval. The range
    is widened to hold the statistic itself. None where the statistic is undefined on all rows.
    """
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    value = statistic(np.ones(codes.size))
    if np.isnan(value):
        return None
    generator = np.random.default_rng(seed)
    size = int(codes.max()) + 1
    drawn = [value]
    for _ in range(resamples):
        counts = np.bincount(generator.integers(size, size=size), minlength=size)
        drawn.append(statistic(counts[codes].astype(np.float64)))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Estimate(value, min(float(low), value), max(float(high), value), n)
