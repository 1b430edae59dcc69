"""What changed copies of messages cost: recall kept on scams, flags gained on honest text."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from scamdetect.bench.answers import Bools, Floats
from scamdetect.bench.figures.target import (
    Target,
    fpr_by_group,
    recall_by_group,
)
from scamdetect.calibration.statistics import Estimate, bootstrap_by_group, wilson
from scamdetect.train.data.table import column

ALL = "all together"
FEWEST_FLAGGED = 20  # clean scams flagged, without which nothing says what is kept
_RESAMPLES = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """One change at one strength at the frozen threshold for 1 %, on the rows that it changes."""

    change: str
    strength: str  # "" where there are none
    n_scam: int
    n_legit: int
    recall: tuple[Estimate | None, Estimate | None]  # clean, changed
    fpr: tuple[Estimate | None, Estimate | None]
    kept: Estimate | None  # changed over clean recall; n: messages flagged clean
    honest_flipped: int  # honest rows passed clean and flagged changed


def changed_rows(target: Target) -> Bools:
    """Return which rows (n,) are changed copies."""
    return np.array([one is not None for one in column(target.rows, "clean_id")], dtype=bool)


def kept_figures(target: Target, threshold: float) -> list[Kept]:
    """Return the figures of every change and strength, then of all changes of a strength.

    ``target`` holds the clean rows and their changed copies.
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
    # No answer to a message or to its copy is no honest verdict.
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
    """Return changed over clean recall, its interval from groups, never under Wilson's."""
    n = np.unique(groups[before].astype(str)).size
    if n < FEWEST_FLAGGED:
        return None

    def ratio(weights: Floats) -> float:
        clean = (weights * before).sum()
        return float((weights * after).sum() / clean) if clean else float("nan")

    found = bootstrap_by_group(ratio, groups.astype(str), n, resamples=_RESAMPLES)
    assert found is not None  # there are rows that were flagged
    low, high = wilson(min(found.value, 1.0) * n, n)
    return replace(found, low=min(found.low, low), high=max(found.high, high))
