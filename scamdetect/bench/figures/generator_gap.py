"""The gap between a generator seen in training and an unseen one, stored with a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from scamdetect.bench.answers import Bools, Floats
from scamdetect.bench.figures.changes import draws, ranged
from scamdetect.bench.figures.target import (
    FPRS,
    MAIN,
    Target,
    fpr_by_group,
    recall_by_group,
)
from scamdetect.calibration.statistics import Estimate, bootstrap_by_group, recall_at_fpr_estimate
from scamdetect.calibration.thresholds import threshold_at_fpr
from scamdetect.errors import InputError
from scamdetect.system.files import read_text, write_text
from scamdetect.system.os_errors import unreadable
from scamdetect.system.typed import of_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


def write_records(path: Path, records: Iterable[DataclassInstance]) -> None:
    """Write the dataclasses, completely or not at all."""
    text = json.dumps([asdict(one) for one in records], indent=1, allow_nan=False)
    write_text(path, text + "\n")


def read_records(path: Path, kind: type[T]) -> list[T]:
    """Return the dataclasses that ``write_records`` wrote, empty without the file.

    Raises InputError if the file is damaged.
    """
    try:
        return of_json(json.loads(read_text(path)), list[kind])  # type: ignore[valid-type]
    except InputError:
        raise
    except FileNotFoundError:
        return []
    except OSError as problem:
        raise unreadable(path, problem) from problem
    except ValueError as problem:
        raise InputError(
            f"{path}: cannot be read ({type(problem).__name__}); remove it and run again"
        ) from problem


FILE = "generators.json"
FEWEST = 30  # minimum numbers of scams and honest rows for an F1
SHARE = 0.3  # of the target on which the threshold is set, as in the published figure
PUBLISHED = (28.1, 4.0)  # points of F1, frozen and recalibrated: Zenodo 10.5281/zenodo.20250116


@dataclass(frozen=True, slots=True)
class Side:
    """The figures of one of the two detectors on the rows of the generator.

    F1 is for equal numbers of scams and honest messages. ``f1`` uses the best threshold on the
    calibrate mix, ``recall`` and ``fpr`` the one for 1 %; the moved ones use thresholds set on 30 %
    of the generator's rows and measure on the others.
    """

    trained_rows: int
    recall: Estimate | None
    fpr: Estimate | None
    f1: Estimate | None
    recall_at: Estimate | None  # R@1%: only the ranking
    f1_moved: Estimate | None
    recall_moved: Estimate | None
    fpr_moved: Estimate | None


@dataclass(frozen=True, slots=True)
class GapRecord:
    """One learner and one generator: trained with other rows of it, and without any."""

    learner: str
    generator: str
    n_scam: int
    n_legit: int
    with_it: Side
    without_it: Side

    def replaces(self, other: GapRecord) -> bool:
        """Return True if the other is of the same learner and generator."""
        return (self.learner, self.generator) == (other.learner, other.generator)

    def gap(self, figure: str) -> float | None:
        """Return how many points are lost: with the generator minus without it.

        ``figure`` is f1 or recall; with ``_moved`` the threshold of the second is set on the
        target.
        """
        first = getattr(self.with_it, figure.removesuffix("_moved"))
        second = getattr(self.without_it, figure)
        return None if first is None or second is None else 100 * (first.value - second.value)


def side(
    target: Target, thresholds: Mapping[str, float | None], best: float, trained_rows: int
) -> Side:
    """Return the figures on the rows of a generator.

    ``thresholds`` are the frozen ones by rate, ``best`` is that of ``best_f1_threshold``.
    """
    scores, scam, legit = target.scores, target.scam, target.legit
    sides = scam | legit
    both = min(scam.sum(), legit.sum()) >= FEWEST
    groups, fpr = target.groups, FPRS[MAIN]
    main = thresholds[MAIN]
    flagged = None if main is None else scores >= main
    moved = _moved(target) if both else (None, None, None)
    ranks = both and legit.sum() >= 1 / fpr
    return Side(
        trained_rows=trained_rows,
        recall=None if flagged is None else recall_by_group(flagged[scam], groups[scam]),
        fpr=None if flagged is None else fpr_by_group(flagged[legit], groups[legit]),
        f1=_f1_estimate(target, best) if both else None,
        recall_at=recall_at_fpr_estimate(scores[sides], scam[sides], fpr, groups[sides])
        if ranks
        else None,
        f1_moved=moved[0],
        recall_moved=moved[1],
        fpr_moved=moved[2],
    )


def best_f1_threshold(scores: Floats, scam: Bools, weights: Floats) -> float:
    """Return the threshold with the best F1 at equal weights of scams and honest rows (n,)."""
    scams, honest = weights * scam, weights * ~scam
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(scams[order]) / scams.sum()
    alarms = np.cumsum(honest[order]) / honest.sum()
    f1 = 2 * hits / (1 + hits + alarms)
    # Tied scores stay together: only the last of them is a threshold.
    last = np.append(np.diff(scores[order]) != 0, True)
    return float(scores[order][np.argmax(np.where(last, f1, -1.0))])


def write_gaps(gaps: list[GapRecord], folder: Path) -> None:
    """Write the gaps for the report of the folder."""
    write_records(folder / FILE, gaps)


def read_gaps(folder: Path) -> list[GapRecord]:
    """Return the gaps in the folder, which can be empty; InputError if damaged."""
    return read_records(folder / FILE, GapRecord)


def _f1_estimate(target: Target, threshold: float) -> Estimate | None:
    flagged, scam, legit = target.scores >= threshold, target.scam, target.legit
    return bootstrap_by_group(
        lambda weights: _f1(flagged, scam, legit, weights),
        target.groups.astype(str),
        int(scam.sum()),
    )


def _f1(flagged: Bools, scam: Bools, legit: Bools, weights: Floats) -> float:
    """Return the F1 at equal weights; NaN if a class is missing."""
    scams, honest = weights * scam, weights * legit
    if not (scams.sum() and honest.sum()):
        return float("nan")
    hits, alarms = scams[flagged].sum() / scams.sum(), honest[flagged].sum() / honest.sum()
    return float(2 * hits / (1 + hits + alarms))


def _moved(target: Target) -> tuple[Estimate | None, Estimate | None, Estimate | None]:
    """Return F1, recall and FPR at thresholds set on 30 % of the rows, over draws of them."""
    kept = target.scam | target.legit
    scores, scam, legit = target.scores[kept], target.scam[kept], target.legit[kept]
    _, groups = np.unique(target.groups[kept].astype(str), return_inverse=True)
    ones = np.ones(scores.size)
    f1, recall, fpr = [], [], []
    for drawn in draws(groups, round(SHARE * scores.size), seed=0):
        rest = ~drawn
        if not all((side & rows).any() for side in (scam, legit) for rows in (drawn, rest)):
            continue
        best = best_f1_threshold(scores[drawn], scam[drawn], ones[drawn])
        f1.append(_f1(scores[rest] >= best, scam[rest], legit[rest], ones[rest]))
        if (legit & drawn).sum() >= 1 / FPRS[MAIN]:
            flagged = scores >= threshold_at_fpr(scores[legit & drawn], FPRS[MAIN])
            recall.append(float(flagged[scam & rest].mean()))
            fpr.append(float(flagged[legit & rest].mean()))
    n = int(scam.sum())
    return ranged(f1, n), ranged(recall, n), ranged(fpr, int(legit.sum()))
