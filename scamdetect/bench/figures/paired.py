"""Whether two detectors differ on the same rows, beyond what chance explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from scamdetect.bench.answers import Bools
from scamdetect.bench.figures.target import (
    FPRS,
    MAIN,
    Target,
)
from scamdetect.calibration.statistics import Estimate, recall_change

_RESAMPLES = 300


@dataclass(frozen=True, slots=True)
class Difference:
    """Two detectors on one suite.

    ``recall_at`` is the first's R@1% less the second's, with the range over resampled groups, both
    on the same ones. ``first_alone`` and ``second_alone`` count the rows that one decides rightly
    at its frozen threshold and the other does not; ``p`` is the exact McNemar test of these counts,
    one a group, times the comparisons of the suite (Holm 1979).
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

    Copies of one message would count as many rows and make chance look certain.
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
        _RESAMPLES,
    )  # fmt: skip


def _holm(found: list[Difference]) -> list[Difference]:
    order = sorted(range(len(found)), key=lambda place: found[place].p)
    adjusted, highest = list(found), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, found[place].p * (len(found) - rank)))
        adjusted[place] = replace(found[place], p=highest)
    return adjusted
