"""The cost of changed copies, differences between detectors, and the gain of a moved threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from scamdetect.bench.answers import Bools, Floats
from scamdetect.bench.figures.target import (
    FPRS,
    MAIN,
    Target,
    fpr_by_group,
    recall_by_group,
)
from scamdetect.calibration.statistics import (
    Estimate,
    ratio_by_group,
    recall_change,
    widened,
    wilson,
)
from scamdetect.calibration.thresholds import threshold_at_fpr
from scamdetect.train.data.table import column

ALL = "all together"
FEWEST_FLAGGED = 20  # clean scams flagged, the minimum for a figure of what is kept
_RESAMPLES = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """One change at one strength at the frozen threshold for 1 %, on the rows that it changes."""

    change: str
    strength: str  # "" without any
    n_scam: int
    n_legit: int
    recall: tuple[Estimate | None, Estimate | None]  # clean, changed
    fpr: tuple[Estimate | None, Estimate | None]
    kept: Estimate | None  # changed by clean recall; n: messages flagged clean
    honest_flipped: int  # honest rows passed clean and flagged changed


def changed_rows(target: Target) -> Bools:
    """Return which rows (n,) are changed copies."""
    return np.array([one is not None for one in column(target.rows, "clean_id")], dtype=bool)


def kept_figures(target: Target, threshold: float) -> list[Kept]:
    """Return the figures of every change and strength, then of all changes of a strength.

    ``target`` contains the clean rows and their changed copies.
    """
    ids = {one: place for place, one in enumerate(column(target.rows, "id"))}
    copies = np.flatnonzero(changed_rows(target))
    clean = np.array([ids[column(target.rows, "clean_id")[c]] for c in copies], dtype=np.intp)
    changes = column(target.rows, "change")[copies]
    strengths = np.array([one or "" for one in column(target.rows, "strength")[copies]])
    found = []
    for strength in dict.fromkeys(strengths.tolist()):
        at = strengths == strength
        for change in dict.fromkeys(changes[at].tolist()):
            rows = at & (changes == change)
            found.append(_kept(target, change, strength, clean[rows], copies[rows], threshold))
    for strength in dict.fromkeys(strengths.tolist()):
        rows = strengths == strength
        found.append(_kept(target, ALL, strength, clean[rows], copies[rows], threshold))
    return found


def _kept(
    target: Target,
    change: str,
    strength: str,
    clean: np.ndarray,
    copies: np.ndarray,
    threshold: float,
) -> Kept:
    scam = target.scam[clean]
    # A missing answer to a message or its copy is not an honest verdict.
    legit = target.legit[clean] & target.legit[copies]
    before, after = target.scores[clean] >= threshold, target.scores[copies] >= threshold
    groups = target.groups[clean]
    return Kept(
        change=change,
        strength=strength,
        n_scam=int(scam.sum()),
        n_legit=int(legit.sum()),
        recall=(
            recall_by_group(before[scam], groups[scam]),
            recall_by_group(after[scam], groups[scam]),
        ),
        fpr=(
            fpr_by_group(before[legit], groups[legit]),
            fpr_by_group(after[legit], groups[legit]),
        ),
        kept=_ratio(before[scam], after[scam], groups[scam]),
        honest_flipped=int((~before & after & legit).sum()),
    )


def _ratio(before: Bools, after: Bools, groups: np.ndarray) -> Estimate | None:
    """Return changed by clean recall, with an interval from groups, never below Wilson's."""
    n = np.unique(groups[before].astype(str)).size
    if n < FEWEST_FLAGGED:
        return None
    found = ratio_by_group(before, after, groups.astype(str), n, _RESAMPLES)
    assert found is not None  # there are rows that were flagged
    return widened(found, wilson(min(found.value, 1.0) * n, n))


_PAIRED_RESAMPLES = 300


@dataclass(frozen=True, slots=True)
class Difference:
    """Two detectors on one suite.

    ``recall_at`` is the first's R@1% minus the second's, with the range over resampled groups, the
    same for both. ``first_alone`` and ``second_alone`` count the rows that only one of them decides
    correctly at its frozen threshold; ``p`` is the exact McNemar test of these counts, one per
    group, times the comparisons of the suite (Holm 1979).
    """

    suite: str
    first: str
    second: str
    recall_at: Estimate | None
    first_alone: int
    second_alone: int
    p: float


def differences(
    suite: str, targets: Mapping[str, Target], thresholds: Mapping[str, float | None]
) -> list[Difference]:
    """Return every pair of detectors with a frozen threshold; ``targets`` are of the same rows."""
    names = [name for name in targets if thresholds[name] is not None]
    found = []
    for first, second in combinations(names, 2):
        right = {name: _right(targets[name], thresholds[name]) for name in (first, second)}
        alone, other = _alone(right[first], right[second], targets[first])
        found.append(
            Difference(
                suite=suite,
                first=first,
                second=second,
                recall_at=_recall_difference(targets[first], targets[second]),
                first_alone=alone,
                second_alone=other,
                p=mcnemar(alone, other),
            )
        )
    return _holm(found)


def mcnemar(first_alone: int, second_alone: int) -> float:
    """Return the p value of the exact two-sided McNemar test; 1 without discordant rows."""
    from scipy.stats import binomtest

    n = first_alone + second_alone
    return float(binomtest(first_alone, n, 0.5).pvalue) if n else 1.0


def _right(target: Target, threshold: float | None) -> Bools:
    """Return where the decision is right; a row without an answer is not."""
    assert threshold is not None
    flagged = target.scores >= threshold
    return (target.scam & flagged) | (target.legit & ~flagged)


def _alone(first: Bools, second: Bools, target: Target) -> tuple[int, int]:
    """Count the groups in which only one detector is right on more rows than the other.

    Otherwise copies of one message would count as many rows, and chance would look certain.
    """
    _, groups = np.unique(target.groups.astype(str), return_inverse=True)
    ahead = np.bincount(groups, first.astype(int) - second.astype(int))
    return int((ahead > 0).sum()), int((ahead < 0).sum())


def _recall_difference(first: Target, second: Target) -> Estimate | None:
    scam = first.scam
    legit = first.legit & second.legit
    if not (scam.any() and legit.sum() >= 1 / FPRS[MAIN]):
        return None
    sides = scam | legit
    return recall_change(
        second.scores[sides], first.scores[sides], scam[sides], FPRS[MAIN], first.groups[sides],
        _PAIRED_RESAMPLES,
    )  # fmt: skip


def _holm(found: list[Difference]) -> list[Difference]:
    order = sorted(range(len(found)), key=lambda place: found[place].p)
    adjusted, highest = list(found), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, found[place].p * (len(found) - rank)))
        adjusted[place] = replace(found[place], p=highest)
    return adjusted


# A published gap between generators of 28.1 points of F1 falls to 4.0 if the threshold is set on 30
# % of the target (Zenodo 10.5281/zenodo.20250116).


SIZES: tuple[tuple[str, float], ...] = (("200", 200), ("1,000", 1_000), ("30 %", 0.3))
DRAWS = 100


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """Recall and FPR on the rest of the target, means and 95 % ranges over draws of k rows.

    ``n_legit`` is the mean number of honest rows in a draw: with fewer than 1/FPR of them the
    figures are None, because they are too few for a threshold at that rate.
    """

    size: str
    rate: str
    n_legit: float
    recall: Estimate | None
    fpr: Estimate | None

    @property
    def too_few(self) -> bool:
        """Return True if a draw had fewer honest rows than needed for one false alarm."""
        return self.n_legit < 1 / FPRS[self.rate]


def recalibrated(target: Target) -> list[Recalibrated]:
    """Return the figures of every size and rate; whole groups are drawn.

    A size that would leave no scam or no honest row to measure gives None.
    """
    scores, scam, legit = target.scores, target.scam, target.legit
    kept = scam | legit
    scores, scam, legit = scores[kept], scam[kept], legit[kept]
    _, groups = np.unique(target.groups[kept].astype(str), return_inverse=True)
    found = []
    for size, amount in SIZES:
        k = round(amount * scores.size) if amount < 1 else int(amount)
        drawn = draws(groups, k, seed=0)
        n_legit = float(np.mean([legit[rows].sum() for rows in drawn])) if drawn else 0.0
        for rate, fpr in FPRS.items():
            enough = n_legit >= 1 / fpr
            measured = (_measured(scores, scam, legit, rows, fpr) for rows in drawn if enough)
            pairs = [pair for pair in measured if pair is not None]
            found.append(
                Recalibrated(
                    size=size,
                    rate=rate,
                    n_legit=n_legit,
                    recall=ranged([one for one, _ in pairs], int(scam.sum())),
                    fpr=ranged([two for _, two in pairs], int(legit.sum())),
                )
            )
    return found


def draws(groups: NDArray[np.intp], k: int, seed: int) -> list[Bools]:
    """Return masks (n,) of whole groups, the first to have ``k`` rows; empty if k is above n."""
    if k > groups.size:
        return []
    generator = np.random.default_rng(seed)
    sizes = np.bincount(groups)
    masks = []
    for _ in range(DRAWS):
        order = generator.permutation(sizes.size)
        taken = np.zeros(sizes.size, dtype=bool)
        taken[order[: int(np.searchsorted(np.cumsum(sizes[order]), k)) + 1]] = True
        masks.append(taken[groups])
    return masks


def ranged(values: list[float], n: int) -> Estimate | None:
    """Return the mean of the values with their 95 % range, None without values."""
    if not values:
        return None
    low, high = np.quantile(values, [0.025, 0.975])
    return Estimate(float(np.mean(values)), float(low), float(high), n)


def _measured(
    scores: Floats, scam: Bools, legit: Bools, drawn: Bools, fpr: float
) -> tuple[float, float] | None:
    rest = ~drawn
    if not ((scam & rest).any() and (legit & rest).any() and (legit & drawn).any()):
        return None
    threshold = threshold_at_fpr(scores[legit & drawn], fpr)
    flagged = scores >= threshold
    return float(flagged[scam & rest].mean()), float(flagged[legit & rest].mean())
