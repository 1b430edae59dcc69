"""Answers with the true labels: frozen thresholds, shares with intervals, and figures by cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from scamdetect.bench.answers import Answers, Bools, Floats
from scamdetect.calibration.statistics import (
    Estimate,
    as_scores,
    clopper_pearson,
    mean_by_group,
    recall,
    recall_at_fpr_estimate,
    widened,
    wilson,
)
from scamdetect.labels import KINDS, Verdict
from scamdetect.train.data.mix import weighted_threshold_at_fpr
from scamdetect.train.data.table import Objects, column, kind_table

FPRS = {"1%": 0.01, "0.1%": 0.001}
MAIN = "1%"


@dataclass(frozen=True)
class Target:
    """The answers of one detector with the true labels of n rows."""

    rows: pa.Table
    answers: Answers

    @property
    def scores(self) -> Floats:
        """Return the scam probabilities (n,); a missing answer is below every threshold."""
        return as_scores(self.answers.scam)

    @property
    def scam(self) -> Bools:
        """Return which rows (n,) are scams."""
        return is_verdict(self.rows, Verdict.SCAM)

    @property
    def legit(self) -> Bools:
        """Return which rows (n,) are legit and answered: a missing answer is not an honest one."""
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

    ``weights`` (n,) are those of the mix. None if there are fewer honest rows than needed for one
    false alarm.
    """
    legit = calibrate.legit
    return {
        name: weighted_threshold_at_fpr(calibrate.scores[legit], weights[legit], fpr)
        if legit.sum() >= 1 / fpr
        else None
        for name, fpr in FPRS.items()
    }


def recall_by_group(flagged: Bools, groups: Objects) -> Estimate | None:
    """Return the share of flagged rows (n,), with an interval from groups, never below Wilson's."""
    return _share_by_group(flagged, groups, wilson)


def fpr_by_group(flagged: Bools, groups: Objects) -> Estimate | None:
    """Return the share of flagged rows (n,), with an interval from groups, at least the exact."""
    return _share_by_group(flagged, groups, clopper_pearson)


def _share_by_group(
    flagged: Bools, groups: Objects, interval: Callable[[float, float], tuple[float, float]]
) -> Estimate | None:
    drawn = mean_by_group(flagged, groups)
    if drawn is None:
        return None
    # Copies that all pass are worth only one of them.
    independent = len(set(groups.tolist()))
    return widened(drawn, interval(drawn.value * independent, independent))


FEWEST = 30  # minimum number of scams of a kind to report how often it is listed
PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class Cell:
    """The figures of the rows of a language, generator, source, slice or kind."""

    by: str
    name: str
    n_scam: int
    n_legit: int
    seen: bool  # whether the detector was trained on this generator or source, or may have been
    recall: Estimate | None  # at the frozen threshold for 1 %
    fpr: Estimate | None
    recall_at: Estimate | None  # at the threshold of these rows' own honest ones, for 1 %
    named: Estimate | None  # of a kind: how often the detector lists it


def cells_of(target: Target, seen: Bools, threshold: float | None) -> list[Cell]:
    """Return the figures of every language, generator, source, slice and kind of the rows.

    ``seen`` (n,) are those similar to training rows; ``threshold`` is the frozen one.
    """
    rows, scam = target.rows, target.scam
    generator = [(name or PEOPLE,) for name in column(rows, "generator")]
    kinds = column(rows, "kinds")
    named_by = {
        "language": [(lang,) for lang in column(rows, "lang")],
        "generator": generator,
        "source": [(name,) for name in column(rows, "source")],
        "slice": [tuple(names or ()) for names in column(rows, "slices")],
        "kind": [tuple(names or ()) if is_scam else () for names, is_scam in
                 zip(kinds, scam, strict=True)],
    }  # fmt: skip
    told = None if target.answers.kinds is None else kind_table(target.answers.kinds)
    cells = []
    for by, names in named_by.items():
        for name in sorted({one for of_row in names for one in of_row}):
            here = np.array([name in of_row for of_row in names], dtype=bool)
            cells.append(_cell(target, by, name, here, seen, threshold, told))
    return cells


def _cell(
    target: Target,
    by: str,
    name: str,
    here: Bools,
    seen: Bools,
    threshold: float | None,
    told: Bools | None,
) -> Cell:
    part = target[here]
    scam, legit = part.scam, part.legit
    flagged = None if threshold is None else part.scores >= threshold
    named = None
    if by == "kind" and told is not None and scam.sum() >= FEWEST:
        named = recall(told[here][:, [kind.value for kind in KINDS].index(name)][scam])
    own = None
    if by in ("generator", "source") and scam.any() and legit.sum() >= 1 / FPRS[MAIN]:
        sides = scam | legit
        own = recall_at_fpr_estimate(
            part.scores[sides], scam[sides], FPRS[MAIN], part.groups[sides]
        )
    return Cell(
        by=by,
        name=name,
        n_scam=int(scam.sum()),
        n_legit=int(legit.sum()),
        seen=bool(seen[here].any()),
        recall=None if flagged is None else recall_by_group(flagged[scam], part.groups[scam]),
        fpr=None if flagged is None else fpr_by_group(flagged[legit], part.groups[legit]),
        recall_at=own,
        named=named,
    )
