"""The figures of a detector by language, generator, source, honest slice and kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scamdetect.bench.answers import Bools
from scamdetect.bench.figures.target import FPRS, MAIN, Target, fpr_by_group, recall_by_group
from scamdetect.calibration.statistics import Estimate, recall, recall_at_fpr_estimate
from scamdetect.labels import KINDS
from scamdetect.train.data.table import column, kind_table

FEWEST = 30  # scams of a kind, under which nothing is said of how often it is named
PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class Cell:
    """The figures of the rows of a language, generator, source, slice or kind."""

    by: str
    name: str
    n_scam: int
    n_legit: int
    seen: bool  # whether the detector learnt from this generator or source, or may have
    recall: Estimate | None  # at the frozen threshold for 1 %
    fpr: Estimate | None
    recall_at: Estimate | None  # at the threshold of these rows' own honest ones, for 1 %
    named: Estimate | None  # of a kind: how often the detector names it


def cells_of(target: Target, seen: Bools, threshold: float | None) -> list[Cell]:
    """Return the figures of every language, generator, source, slice and kind of the rows.

    ``seen`` (n,) are those whose like the detector learnt from; ``threshold`` is the frozen one.
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
