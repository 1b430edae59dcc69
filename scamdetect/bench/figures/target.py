"""Answers beside what is true, frozen thresholds, and shares with intervals by group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from scamdetect.bench.answers import Answers, Bools, Floats
from scamdetect.calibration.statistics import (
    Estimate,
    as_scores,
    bootstrap_by_group,
    clopper_pearson,
    wilson,
)
from scamdetect.labels import Verdict
from scamdetect.train.data.mix import weighted_threshold_at_fpr
from scamdetect.train.data.table import Objects, column

FPRS = {"1%": 0.01, "0.1%": 0.001}
MAIN = "1%"


@dataclass(frozen=True)
class Target:
    """The answers of one detector beside what is true of n rows."""

    rows: pa.Table
    answers: Answers

    @property
    def scores(self) -> Floats:
        """Return the scam probabilities (n,), no answer under every threshold."""
        return as_scores(self.answers.scam)

    @property
    def scam(self) -> Bools:
        """Return which rows (n,) are scams."""
        return is_verdict(self.rows, Verdict.SCAM)

    @property
    def legit(self) -> Bools:
        """Return which rows (n,) are legit and were answered: no answer is no honest verdict."""
        return is_verdict(self.rows, Verdict.LEGIT) & ~np.isnan(self.answers.scam)

    @property
    def groups(self) -> Objects:
        """Return the group of each row (n,)."""
        return column(self.rows, "group")

    def __getitem__(self, rows: Bools) -> Target:
        """Return the rows where the mask (n,) holds, with their answers."""
        places = np.flatnonzero(rows)
        answers = self.answers

        def taken(values: Sequence[Any] | None) -> tuple[Any, ...] | None:
            return None if values is None else tuple(values[place] for place in places.tolist())

        return Target(
            self.rows.filter(pa.array(rows)),
            Answers(
                scam=answers.scam[places],
                flagged=None if answers.flagged is None else answers.flagged[places],
                kinds=taken(answers.kinds),
                problems=taken(answers.problems),
                seconds=None if answers.seconds is None else answers.seconds[places],
                cost=None if answers.cost is None else answers.cost[places],
            ),
        )


def is_verdict(rows: pa.Table, verdict: Verdict) -> Bools:
    """Return which rows (n,) of a suite have the verdict."""
    return np.asarray(column(rows, "verdict") == verdict.value, dtype=bool)


def frozen_thresholds(calibrate: Target, weights: Floats) -> dict[str, float | None]:
    """Return the threshold at each rate on the honest calibrate mix, by the rate's name.

    ``weights`` (n,) are those of the mix. None where there are fewer honest rows than one false
    alarm takes.
    """
    legit = calibrate.legit
    return {
        name: weighted_threshold_at_fpr(calibrate.scores[legit], weights[legit], fpr)
        if legit.sum() >= 1 / fpr
        else None
        for name, fpr in FPRS.items()
    }


def recall_by_group(flagged: Bools, groups: Objects) -> Estimate | None:
    """Return the share of flagged rows (n,), its interval from groups, never under Wilson's."""
    return _share_by_group(flagged, groups, wilson)


def fpr_by_group(flagged: Bools, groups: Objects) -> Estimate | None:
    """Return the share of flagged rows (n,), its interval from groups, never under the exact."""
    return _share_by_group(flagged, groups, clopper_pearson)


def _share_by_group(
    flagged: Bools, groups: Objects, interval: Callable[[float, float], tuple[float, float]]
) -> Estimate | None:
    if not flagged.size:
        return None
    drawn = bootstrap_by_group(
        lambda weights: float((weights * flagged).sum() / max(weights.sum(), 1)),
        groups,
        flagged.size,
    )
    assert drawn is not None  # a share is defined wherever there is a row
    # Copies that all pass say no more than one of them, and resampling cannot move 0 or 1.
    independent = len(set(groups.tolist()))
    low, high = interval(drawn.value * independent, independent)
    return replace(drawn, low=min(low, drawn.low), high=max(high, drawn.high))
