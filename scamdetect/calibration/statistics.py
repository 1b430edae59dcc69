"""The common statistics, each with its n and its interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scamdetect.calibration.thresholds import threshold_at_fpr
from scamdetect.errors import InputError

# The share of scams among legit and scam messages for which probabilities are calibrated.
BASE_RATE = 0.2
RESAMPLES = 500

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Statistic = Callable[[Floats], float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval and its number of rows."""

    value: float
    low: float
    high: float
    n: int


def as_scores(scores: ArrayLike) -> Floats:
    """Return float64 scores, with unscored rows (None, NaN) below every threshold."""
    values = np.array(scores, dtype=np.float64)
    values[np.isnan(values)] = -1.0
    return values


def float32_decimals(scores: Floats) -> Floats:
    """Return scores (n,) as the decimals printed for float32, the detector's resolution."""
    return np.array([float(str(score)) for score in scores.astype(np.float32)], dtype=np.float64)


def recall(flagged: Bools) -> Estimate | None:
    """Return the share of flagged rows with its Wilson interval; None without rows."""
    n, hits = flagged.size, int(flagged.sum())
    return Estimate(hits / n, *wilson(hits, n), n) if n else None


def false_positive_rate(flagged: Bools) -> Estimate | None:
    """Return the share of flagged rows with its Clopper-Pearson interval; None without rows."""
    n, hits = flagged.size, int(flagged.sum())
    return Estimate(hits / n, *clopper_pearson(hits, n), n) if n else None


def recall_at_fpr(
    scores: ArrayLike, positive: ArrayLike, fpr: float, weights: Floats | None = None
) -> float:
    """Return R@x, the recall where the set's own negatives have ``fpr``; NaN without a class."""
    values, truth = as_scores(scores), np.asarray(positive, dtype=bool)
    mass = np.ones_like(values) if weights is None else weights
    scams, honest = truth & (mass > 0), ~truth & (mass > 0)
    if not (scams.any() and honest.any()):
        return float("nan")
    threshold = threshold_at_fpr(values[honest], fpr, mass[honest])
    return float(mass[scams][values[scams] >= threshold].sum() / mass[scams].sum())


def auc(scores: ArrayLike, positive: ArrayLike, weights: Floats | None = None) -> float:
    """Return the probability that a positive outscores a negative; NaN without a class."""
    values, truth = as_scores(scores), np.asarray(positive, dtype=bool)
    mass = np.ones_like(values) if weights is None else weights
    _, level = np.unique(values, return_inverse=True)
    scams, honest = np.bincount(level, mass * truth), np.bincount(level, mass * ~truth)
    pairs = scams.sum() * honest.sum()
    if pairs == 0:
        return float("nan")
    return float((scams * (np.cumsum(honest) - honest / 2)).sum() / pairs)


def recall_at_fpr_estimate(
    scores: ArrayLike, positive: ArrayLike, fpr: float, groups: ArrayLike
) -> Estimate | None:
    """Return R@x of n positives with its interval over groups; None without a class."""
    # Never narrower than Wilson's, because resampling cannot change a recall of 0 or 1.
    truth = np.asarray(positive, dtype=bool)
    n = int(truth.sum())
    resampled = bootstrap_by_group(
        lambda weights: recall_at_fpr(scores, truth, fpr, weights), groups, n
    )
    return resampled and widened(resampled, wilson(resampled.value * n, n))


def recall_change(
    before: ArrayLike,
    after: ArrayLike,
    positive: ArrayLike,
    fpr: float,
    groups: ArrayLike,
    resamples: int = RESAMPLES,
) -> Estimate | None:
    """Return R@x of the scores ``after`` minus that of ``before`` (n,), on the same resamples."""
    truth = np.asarray(positive, dtype=bool)

    def change(weights: Floats) -> float:
        old, new = (recall_at_fpr(scores, truth, fpr, weights) for scores in (before, after))
        return new - old

    return bootstrap_by_group(change, groups, int(truth.sum()), resamples=resamples)


def auc_estimate(scores: ArrayLike, positive: ArrayLike, groups: ArrayLike) -> Estimate | None:
    """Return the AUC of n rows with its interval over groups; None without a class."""
    n = np.asarray(positive, dtype=bool).size
    return bootstrap_by_group(lambda weights: auc(scores, positive, weights), groups, n)


def bootstrap_by_group(
    statistic: Statistic, groups: ArrayLike, n: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate | None:
    """Return the statistic with the 95 % range of its values over resampled groups; None for NaN.

    ``statistic`` takes one weight per row: how often the row's group (n,) was drawn. So copies of a
    message do not narrow the interval.
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


def mean_by_group(
    values: ArrayLike,
    groups: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    resamples: int = RESAMPLES,
) -> Estimate | None:
    """Return the weighted mean of values (n,) with its interval over groups; None without rows."""
    rows = np.asarray(values, dtype=np.float64)
    if not rows.size:
        return None
    masses = np.ones(rows.size) if weights is None else np.asarray(weights, dtype=np.float64)
    return ratio_by_group(masses, masses * rows, groups, rows.size, resamples)


def ratio_by_group(
    before: ArrayLike, after: ArrayLike, groups: ArrayLike, n: int, resamples: int = RESAMPLES
) -> Estimate | None:
    """Return the sum of ``after`` (rows,) divided by that of ``before``, of ``n`` messages."""
    below, above = (np.asarray(values, dtype=np.float64) for values in (before, after))

    def ratio(draws: Floats) -> float:
        whole = float((draws * below).sum())
        return float((draws * above).sum()) / whole if whole else float("nan")

    return bootstrap_by_group(ratio, groups, n, resamples=resamples)


def widened(estimate: Estimate, interval: tuple[float, float]) -> Estimate:
    """Return an estimate whose interval contains another's: resampling cannot move 0 or 1."""
    low, high = interval
    return replace(estimate, low=min(estimate.low, low), high=max(estimate.high, high))


def by_group(weights: ArrayLike, groups: ArrayLike) -> Floats:
    """Return the summed weight (groups,) of the rows (n,) of each group; raise InputError."""
    mass, names = np.asarray(weights, dtype=np.float64).ravel(), np.asarray(groups).ravel()
    if names.size != mass.size:
        raise InputError(f"need one group for each of {mass.size} rows; got {names.size} groups")
    _, numbers = np.unique(names, return_inverse=True)
    return np.bincount(numbers, mass).astype(np.float64)


def effective_size(weights: ArrayLike, groups: ArrayLike | None = None) -> float:
    """Return the number of equally weighted rows, or groups, with the same evidence (Kish 1965)."""
    mass = np.asarray(weights, dtype=np.float64)
    independent = mass if groups is None else by_group(mass, groups)
    return float(mass.sum() ** 2 / np.square(independent).sum()) if mass.any() else 0.0


def at_base_rate(weights: Floats, scam: Bools, rate: float = BASE_RATE) -> Floats:
    """Return the weights (n,) scaled so that scams, if any, have ``rate`` of the mass, 1."""
    balanced = weights.astype(np.float64)
    for side, share in ((scam, rate), (~scam, 1 - rate)):
        if side.any():
            balanced[side] *= share / balanced[side].sum()
    mass: Floats = balanced / balanced.sum()
    return mass


def wilson(successes: float, trials: float, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return the Wilson score interval of a share; (0, 1) without trials; raise InputError."""
    _check_counts(successes, trials)
    if trials == 0:
        return 0.0, 1.0
    share, square = successes / trials, z * z
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    spread = share * (1 - share) / trials + square / (4 * trials * trials)
    half = z * math.sqrt(max(spread, 0.0)) / (1 + square / trials)
    lower = 0.0 if successes == 0 else max(centre - half, 0.0)
    return lower, 1.0 if successes == trials else min(centre + half, 1.0)


def clopper_pearson(
    successes: float, trials: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the exact two-sided interval of a share, also of fractional counts.

    Without trials it is (0, 1). Raises InputError unless 0 <= successes <= trials.
    """
    _check_counts(successes, trials)
    if trials == 0:
        return 0.0, 1.0
    tail, failures = (1 - confidence) / 2, max(trials - successes, 0.0)
    lower = 0.0 if successes <= 0 else _beta_quantile(tail, successes, failures + 1)
    upper = 1.0 if failures <= 0 else _beta_quantile(1 - tail, successes + 1, failures)
    return lower, upper


def _check_counts(successes: float, trials: float) -> None:
    if not 0 <= successes <= trials * (1 + 1e-12):
        raise InputError(f"an interval needs 0 <= successes <= trials; got {successes}, {trials}")


def _beta_quantile(probability: float, a: float, b: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _incomplete_beta(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the incomplete beta function (Lentz's continued fraction, Numerical Recipes 6.4)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(1 - x, b, a)
    logs = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(logs + a * math.log(x) + b * math.log1p(-x)) / a
    c, d, value = 2.0, 1.0, 2.0
    for step in range(1, 20_000):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / (1 + term * d or 1e-300)
        c = 1 + term / c or 1e-300
        value *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return front * (value - 1)
