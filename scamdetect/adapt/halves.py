"""Choose thresholds on one half of a team's messages, and measure them on the other half."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scamdetect.adapt.own_rows import OwnRows
from scamdetect.calibration.operating_points import OperatingPoint, operating_point
from scamdetect.calibration.statistics import clopper_pearson, effective_size
from scamdetect.calibration.thresholds import Thresholds
from scamdetect.errors import InputError
from scamdetect.labels import Verdict

_USUAL = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
_LOOSEST = 2  # maximum of the upper bound, as a multiple of the target rate


@dataclass(frozen=True)
class Measured:
    """The measured rates of a threshold on the measuring half, with 95 % Clopper-Pearson intervals.

    Rows are weighted so that each group counts as one message, in the shares and in the intervals.
    ``legit`` and ``scam`` are the effective numbers of messages.
    """

    threshold: float
    fpr: float
    fpr_interval: tuple[float, float]
    legit: float
    recall: float | None
    recall_interval: tuple[float, float]
    scam: float


@dataclass(frozen=True)
class Moved:
    """A threshold for a target rate: before and after, each measured, and its operating point."""

    name: str
    fpr: float
    before: Measured
    after: Measured
    point: OperatingPoint


@dataclass(frozen=True)
class Half:
    """The rows of a half (n,), with weights that sum to 1 per group and verdict."""

    legit: NDArray[np.float64]
    legit_weights: NDArray[np.float64]
    legit_groups: NDArray[np.int64]
    scam: NDArray[np.float64]
    scam_weights: NDArray[np.float64]
    scam_groups: NDArray[np.int64]


def needed(fpr: float) -> tuple[int, int]:
    """Return how many distinct honest messages a rate needs: the minimum, and a good number.

    Each half needs 1 / fpr, so that a single false alarm is not too many. With a good number, the
    upper bound of the 95 % interval is below twice the rate, if the rate holds.
    """
    least = 2 * int(np.ceil(1 / fpr - 1e-9))
    low, high = 1, 2
    while _upper(fpr, high) >= _LOOSEST * fpr:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _upper(fpr, middle) < _LOOSEST * fpr else (middle, high)
    return least, 2 * high


def split(rows: OwnRows, seed: int) -> tuple[Half, Half]:
    """Return the choosing and the measuring half; a group is in only one of them."""
    chooses = choosing(rows, seed)
    return _half(rows, chooses), _half(rows, ~chooses)


def choosing(rows: OwnRows, seed: int) -> NDArray[np.bool_]:
    """Return which rows (n,) are in the choosing half.

    Groups with scams, with honest messages and with only promotions are split separately, so that
    both halves have equal numbers of each.
    """
    with_scam = np.unique(rows.groups[rows.of(Verdict.SCAM)])
    others = np.setdiff1d(np.unique(rows.groups[rows.of(Verdict.LEGIT)]), with_scam)
    rest = np.setdiff1d(rows.groups, np.concatenate([with_scam, others]))
    random = np.random.Generator(np.random.PCG64(seed))
    chosen = [random.permutation(some)[::2] for some in (with_scam, others, rest)]
    return np.isin(rows.groups, np.concatenate(chosen))


def move(
    rows: OwnRows, rates: Mapping[str, float], before: Thresholds, seed: int
) -> tuple[tuple[Moved, ...], tuple[OperatingPoint, ...]]:
    """Return the thresholds by name (``flag``, ``review``) at the rates by name, and all points.

    The points are those of these rates and of the usual ones with enough rows, each chosen on one
    half and measured on the other. Raises InputError if the rows have too few distinct honest
    messages for a rate, with the number needed, or if so many score so high that no threshold gives
    it.
    """
    distinct = rows.distinct(Verdict.LEGIT)
    strictest = min(rates.values())
    least, well = needed(strictest)
    chooses, measures = split(rows, seed)
    halves = [len(np.unique(half.legit_groups)) for half in (chooses, measures)]
    if min(halves) * strictest < 1 - 1e-9:
        raise InputError(
            f"{int(rows.of(Verdict.LEGIT).sum()):,} honest rows contain {distinct:,} distinct "
            f"messages, and half of them choose: a false-positive rate of {strictest:g} needs "
            f"at least {least:,}, and {well:,} for an interval with an upper bound below "
            f"{_LOOSEST * strictest:g}; label more, or pass a higher --fpr"
        )
    moved = tuple(
        Moved(name, fpr, measure(measures, getattr(before, name)), *_at(fpr, chooses, measures))
        for name, fpr in rates.items()
    )
    high = [one.fpr for one in moved if one.after.threshold > 1]
    if high:
        raise InputError(
            "too many honest messages have the highest possible scam probability, so no "
            f"threshold gives a false-positive rate of {min(high):g}; check their labels, or "
            "pass a higher --fpr"
        )
    points = {one.fpr: one.point for one in moved}
    for fpr in _USUAL:
        if fpr not in points and min(halves) * fpr >= 1 - 1e-9:
            points[fpr] = _at(fpr, chooses, measures)[1]
    return moved, tuple(points[fpr] for fpr in sorted(points) if points[fpr].threshold <= 1)


def measure(half: Half, threshold: float) -> Measured:
    """Return the rates of a threshold on a half that has honest messages."""
    fpr, legit = _rate(half.legit >= threshold, half.legit_weights, half.legit_groups)
    recall, scam = _rate(half.scam >= threshold, half.scam_weights, half.scam_groups)
    return Measured(
        threshold,
        fpr,
        clopper_pearson(fpr * legit, legit),
        legit,
        recall if scam else None,
        clopper_pearson(recall * scam, scam),
        scam,
    )


def _at(fpr: float, chooses: Half, measures: Half) -> tuple[Measured, OperatingPoint]:
    """Return the rates on one half of the threshold that the other half gives for a rate."""
    point = operating_point(
        chooses.legit,
        chooses.scam,
        fpr,
        chooses.legit_weights,
        groups=chooses.legit_groups,
    )
    after = measure(measures, point.threshold)
    return after, replace(
        point,
        upper_bound=after.fpr_interval[1],
        n=measures.legit.size,
        recall=after.recall,
        n_scam=measures.scam.size,
        effective_n=after.legit,
    )


def _half(rows: OwnRows, here: NDArray[np.bool_]) -> Half:
    parts: list[NDArray[np.float64] | NDArray[np.int64]] = []
    for verdict in (Verdict.LEGIT, Verdict.SCAM):
        which = here & rows.of(verdict)
        groups = rows.groups[which]
        _, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        parts += [rows.scores[which], 1 / sizes[inverse], groups]
    return Half(*parts)  # type: ignore[arg-type]


def _rate(
    over: NDArray[np.bool_], weights: NDArray[np.float64], groups: NDArray[np.int64]
) -> tuple[float, float]:
    """Return the weighted share and the effective number of messages (Kish 1965)."""
    if not over.size:
        return 0.0, 0.0
    share = float(weights[over].sum()) / float(weights.sum())
    return min(share, 1.0), effective_size(weights, groups)


def _upper(fpr: float, n: int) -> float:
    return clopper_pearson(fpr * n, n)[1] if fpr * n >= 1 else 1.0
