"""The figures of one detector on the rows of one suite."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scamdetect.bench.answers import Answers, Bools, Floats, Training
from scamdetect.bench.figures.target import (
    FPRS,
    MAIN,
    Cell,
    Target,
    cells_of,
    fpr_by_group,
    is_verdict,
    recall_by_group,
)
from scamdetect.calibration.reliability import Reliability, reliability
from scamdetect.calibration.statistics import (
    Estimate,
    auc_estimate,
    bootstrap_by_group,
    mean_by_group,
    recall,
    recall_at_fpr_estimate,
    widened,
    wilson,
)
from scamdetect.labels import Verdict
from scamdetect.train.data.table import column


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """The rates of a threshold on these rows; None if a class is missing. Spam is separate."""

    threshold: float | None  # None: the detector's own decision
    recall: Estimate | None
    fpr: Estimate | None
    spam: Estimate | None


@dataclass(frozen=True, slots=True)
class SuiteFigures:
    """All figures of one detector on one suite; ``headline`` excludes what it has seen."""

    suite: str
    detector: str
    n_scam: int
    n_legit: int
    n_spam: int
    problems: dict[str, int]  # rows without an answer, by reason
    seen: tuple[str, ...]  # generators and sources of the suite that the detector was trained on
    training_known: bool
    headline: AtThreshold | None  # None if it has seen all, or no threshold could be set
    n_headline: tuple[int, int]  # scam, legit
    frozen: dict[str, AtThreshold]  # at the thresholds of the calibrate mix, by rate
    own: AtThreshold | None  # the detector's own decision
    recall_at: dict[str, Estimate | None]  # R@x: at the threshold of the suite's own honest rows
    auc: Estimate | None
    auprc: Estimate | None
    reliability: Reliability | None
    pairs_by_rank: Estimate | None
    pairs_at_frozen: Estimate | None  # both sides right, at 1 %
    pairs_at_own: Estimate | None
    cells: tuple[Cell, ...]
    seconds_per_1000: float | None
    cost_per_1000: float | None


def suite_figures(
    suite: str,
    detector: str,
    target: Target,
    thresholds: dict[str, float | None],
    training: Training | None,
) -> SuiteFigures:
    """Return the figures of a detector on the clean rows of a suite."""
    seen = seen_rows(target.rows, training)
    known = {name: value for name, value in thresholds.items() if value is not None}
    scam, legit = target.scam, target.legit
    sides = scam | legit
    both = bool(scam.any() and legit.any())
    main = known.get(MAIN)
    unseen = target[~seen]
    flagged = target.answers.flagged
    return SuiteFigures(
        suite=suite,
        detector=detector,
        n_scam=int(scam.sum()),
        n_legit=int(is_verdict(target.rows, Verdict.LEGIT).sum()),
        n_spam=int(is_verdict(target.rows, Verdict.SPAM).sum()),
        problems=_problems(target.answers),
        seen=seen_names(target.rows, training),
        training_known=training is not None,
        headline=None if main is None or seen.all() else at_threshold(unseen, main),
        n_headline=(int(unseen.scam.sum()), int(unseen.legit.sum())),
        frozen={name: at_threshold(target, value) for name, value in known.items()},
        own=None if flagged is None else _at(target, flagged, None),
        recall_at={
            name: recall_at_fpr_estimate(
                target.scores[sides], scam[sides], fpr, target.groups[sides]
            )
            if both and legit.sum() >= 1 / fpr
            else None
            for name, fpr in FPRS.items()
        },
        auc=auc_estimate(target.scores[sides], scam[sides], target.groups[sides]) if both else None,
        auprc=_auprc(target[sides]) if both else None,
        reliability=_reliability(suite, target[sides]) if both else None,
        pairs_by_rank=_pairs_by_rank(target),
        pairs_at_frozen=None if main is None else _pairs_at(target, target.scores >= main),
        pairs_at_own=None if flagged is None else _pairs_at(target, flagged),
        cells=tuple(cells_of(target, seen, main)),
        seconds_per_1000=_per_1000(target.answers.seconds),
        cost_per_1000=_per_1000(target.answers.cost),
    )


def seen_rows(rows: pa.Table, training: Training | None) -> Bools:
    """Return which rows (n,) are similar to a detector's training rows.

    Those by a generator that it was trained on, and those by people of a source that it was trained
    on.
    """
    if training is None:
        return np.zeros(rows.num_rows, dtype=bool)
    pairs = zip(column(rows, "source"), column(rows, "generator"), strict=True)
    return np.array(
        [
            source in training.sources if generator is None else generator in training.generators
            for source, generator in pairs
        ],
        dtype=bool,
    )


def seen_names(rows: pa.Table, training: Training | None) -> tuple[str, ...]:
    """Return the generators and, of rows by people, the sources that a detector was trained on."""
    seen = seen_rows(rows, training)
    names = zip(column(rows, "generator")[seen], column(rows, "source")[seen], strict=True)
    return tuple(sorted({generator or source for generator, source in names}))


def at_threshold(target: Target, threshold: float) -> AtThreshold:
    """Return the rates of the threshold on the rows."""
    return _at(target, target.scores >= threshold, threshold)


def _at(target: Target, flagged: Bools, threshold: float | None) -> AtThreshold:
    scam, legit, groups = target.scam, target.legit, target.groups
    spam = is_verdict(target.rows, Verdict.SPAM)
    return AtThreshold(
        threshold=threshold,
        recall=recall_by_group(flagged[scam], groups[scam]),
        fpr=fpr_by_group(flagged[legit], groups[legit]),
        spam=recall_by_group(flagged[spam], groups[spam]),
    )


def _auprc(target: Target) -> Estimate | None:
    from sklearn.metrics import average_precision_score

    scores, scam = target.scores, target.scam

    def area(weights: Floats) -> float:
        if not (weights[scam].any() and weights[~scam].any()):
            return float("nan")
        return float(average_precision_score(scam, scores, sample_weight=weights))

    return bootstrap_by_group(area, target.groups, scam.size, resamples=200)


def _reliability(suite: str, target: Target) -> Reliability | None:
    scores = target.answers.scam
    return reliability(suite, scores, target.scam, np.ones(scores.size), target.groups)


def _pairs(target: Target) -> list[tuple[int, int]]:
    """Return the indices of scam and honest side of every complete pair among the clean rows."""
    sides: dict[str, dict[str, int]] = {}
    names = zip(
        column(target.rows, "pair"),
        column(target.rows, "verdict"),
        column(target.rows, "clean_id"),
        strict=True,
    )
    for place, (pair, verdict, clean_id) in enumerate(names):
        if pair is not None and clean_id is None:
            sides.setdefault(pair, {})[verdict] = place
    return [
        (side[Verdict.SCAM], side[Verdict.LEGIT])
        for side in sides.values()
        if Verdict.SCAM in side and Verdict.LEGIT in side
    ]


def _pairs_by_rank(target: Target) -> Estimate | None:
    """Return how often the scam ranks above its honest side, ties half; NaN counts as wrong."""
    scores, pairs = target.answers.scam, _pairs(target)
    right = np.array([(scores[a] > scores[b]) + (scores[a] == scores[b]) / 2 for a, b in pairs])
    found = mean_by_group(right, np.arange(right.size))
    return None if found is None else widened(found, wilson(right.sum(), right.size))


def _pairs_at(target: Target, flagged: Bools) -> Estimate | None:
    answered = ~np.isnan(target.answers.scam)
    return recall(
        np.array(
            [flagged[a] and not flagged[b] and answered[b] for a, b in _pairs(target)], dtype=bool
        )
    )


def _problems(answers: Answers) -> dict[str, int]:
    missing = np.isnan(answers.scam)
    why = answers.problems or (None,) * missing.size
    counts = Counter(one or "no answer" for one, none in zip(why, missing, strict=True) if none)
    return dict(sorted(counts.items()))


def _per_1000(values: Floats | None) -> float | None:
    if values is None or np.isnan(values).all():
        return None
    return 1000 * float(np.nanmean(values))
