"""The figures of one detector on the rows of one suite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from scamdetect.bench.answers import Answers, Bools, Floats, Training
from scamdetect.evaluation.metrics import (
    Estimate,
    as_scores,
    auc_estimate,
    bootstrap_by_group,
    false_positive_rate,
    recall,
    recall_at_fpr_estimate,
)
from scamdetect.evaluation.reference_mix import weighted_threshold_at_fpr
from scamdetect.evaluation.reliability import Reliability, reliability
from scamdetect.evaluation.table import Objects, column, kind_table
from scamdetect.labels import KINDS, Verdict

FPRS = {"1%": 0.01, "0.1%": 0.001}
MAIN = "1%"
FEWEST = 30  # rows of a cell, under which nothing is said of it
PEOPLE = "people"


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


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """What a threshold gives on these rows; None where a side is missing. Spam stands beside."""

    threshold: float | None  # None: the detector's own decision
    recall: Estimate | None
    fpr: Estimate | None
    spam: Estimate | None


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


@dataclass(frozen=True, slots=True)
class SuiteFigures:
    """All figures of one detector on one suite; ``headline`` leaves out what it has seen."""

    suite: str
    detector: str
    n_scam: int
    n_legit: int
    n_spam: int
    problems: dict[str, int]  # rows without an answer, by why
    seen: tuple[str, ...]  # generators and sources of the suite that the detector learnt from
    training_known: bool
    headline: AtThreshold | None  # None where it has seen all, or no threshold could be set
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
        cells=tuple(_cells(target, seen, main)),
        seconds_per_1000=_per_1000(target.answers.seconds),
        cost_per_1000=_per_1000(target.answers.cost),
    )


def seen_rows(rows: pa.Table, training: Training | None) -> Bools:
    """Return which rows (n,) a detector has seen the like of.

    Those by a generator that it learnt from, and those by people of a source that it learnt from.
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
    """Return the generators and, of rows by people, the sources that a detector learnt from."""
    seen = seen_rows(rows, training)
    names = zip(column(rows, "generator")[seen], column(rows, "source")[seen], strict=True)
    return tuple(sorted({generator or source for generator, source in names}))


def at_threshold(target: Target, threshold: float) -> AtThreshold:
    """Return what the threshold gives on the rows."""
    return _at(target, target.scores >= threshold, threshold)


def _at(target: Target, flagged: Bools, threshold: float | None) -> AtThreshold:
    scam, legit, groups = target.scam, target.legit, target.groups
    spam = is_verdict(target.rows, Verdict.SPAM)
    return AtThreshold(
        threshold=threshold,
        recall=recall_by_group(flagged[scam], groups[scam]),
        fpr=fpr_by_group(flagged[legit], groups[legit]),
        spam=recall(flagged[spam]),
    )


def recall_by_group(flagged: Bools, groups: Objects) -> Estimate | None:
    """Return the share of flagged rows (n,), its interval from groups, never under Wilson's."""
    return _wider(flagged, groups, recall(flagged))


def fpr_by_group(flagged: Bools, groups: Objects) -> Estimate | None:
    """Return the share of flagged rows (n,), its interval from groups, never under the exact."""
    return _wider(flagged, groups, false_positive_rate(flagged))


def _wider(flagged: Bools, groups: Objects, exact: Estimate | None) -> Estimate | None:
    if exact is None:
        return None
    drawn = bootstrap_by_group(
        lambda weights: float((weights * flagged).sum() / max(weights.sum(), 1)), groups, exact.n
    )
    assert drawn is not None  # a share is defined wherever there is a row
    return replace(exact, low=min(exact.low, drawn.low), high=max(exact.high, drawn.high))


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
    """Return the places of scam and honest side of every whole pair among the clean rows."""
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
    scores, pairs = target.scores, _pairs(target)
    if not pairs:
        return None
    right = np.array([(scores[a] > scores[b]) + (scores[a] == scores[b]) / 2 for a, b in pairs])
    found = bootstrap_by_group(
        lambda weights: float((weights * right).sum() / max(weights.sum(), 1)),
        np.arange(right.size),
        right.size,
    )
    exact = recall(right >= 1)
    assert found is not None and exact is not None
    return replace(found, low=min(found.low, exact.low), high=max(found.high, exact.high))


def _pairs_at(target: Target, flagged: Bools) -> Estimate | None:
    answered = ~np.isnan(target.answers.scam)
    return recall(
        np.array(
            [flagged[a] and not flagged[b] and answered[b] for a, b in _pairs(target)], dtype=bool
        )
    )


def _cells(target: Target, seen: Bools, threshold: float | None) -> list[Cell]:
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


def _problems(answers: Answers) -> dict[str, int]:
    missing = np.isnan(answers.scam)
    why = answers.problems or (None,) * missing.size
    counts = Counter(one or "no answer" for one, none in zip(why, missing, strict=True) if none)
    return dict(sorted(counts.items()))


def _per_1000(values: Floats | None) -> float | None:
    if values is None or np.isnan(values).all():
        return None
    return 1000 * float(np.nanmean(values))
