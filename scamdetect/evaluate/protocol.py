"""The figures of the protocol, the score that selects a model, and a detector's worst errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scamdetect.calibration.statistics import (
    Bools,
    Estimate,
    Floats,
    as_scores,
    auc_estimate,
    effective_size,
    false_positive_rate,
    recall,
    recall_at_fpr,
    recall_at_fpr_estimate,
)
from scamdetect.evaluate.authored import AuthoredFigures, authored_figures
from scamdetect.evaluate.slices import SMALLEST_KIND, FalseAlarms, Gate, false_alarms, gates
from scamdetect.labels import KINDS, Verdict
from scamdetect.train.data.mix import reference_weights, weighted_threshold_at_fpr
from scamdetect.train.data.scores import DetectorScores
from scamdetect.train.data.table import (
    column,
    has_seen_kinds,
    has_verdict,
    is_authored,
    is_own,
    select,
)

FPRS: dict[str, float] = {"1%": 0.01, "0.1%": 0.001}
FLAG = "flag"
SELECTING_SOURCES = ("vi_sms_ie403", "pt_mz_mpesa_smishing")
WORST_ROWS = 5


@dataclass(frozen=True, slots=True)
class Transferred:
    """Thresholds chosen on the reference mix of the calibrate rows, by target rate."""

    thresholds: dict[str, float]
    n_legit: int
    effective_n: float


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """The rates of a threshold from elsewhere on this set; ``spam`` is separate."""

    recall: Estimate | None
    fpr: Estimate | None
    spam: Estimate | None


@dataclass(frozen=True, slots=True)
class SourceResult:
    """The figures of one source; None if a class is missing."""

    source: str
    role: str
    selects: bool
    n_scam: int
    n_legit: int
    n_spam: int
    n_unscored: int
    recall_at: dict[str, Estimate | None]  # R@x: the threshold of the set's own legit rows
    transferred: dict[str, AtThreshold]  # T@x
    flag: AtThreshold  # as shipped
    auc: Estimate | None


@dataclass(frozen=True, slots=True)
class KindResult:
    """Recall on the scams of one kind; None if too few rows are known."""

    kind: str
    n: int
    flagged: dict[str, Estimate | None]
    named: Estimate | None  # share of rows for which the detector lists this kind


@dataclass(frozen=True, slots=True)
class Selection:
    """The score that selects a model, and its components."""

    score: float | None
    parts: dict[str, float | None]
    note: str


@dataclass(frozen=True, slots=True)
class WorstRow:
    """A row on the wrong side of a threshold, by its hash; the probability is None if unscored."""

    source: str
    row_hash: str
    verdict: str
    scam_probability: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of one detector on the rows of an evaluation."""

    detector: str
    transferred: Transferred
    sources: tuple[SourceResult, ...]
    selection: Selection
    authored: tuple[AuthoredFigures, ...]  # one per role
    gates: tuple[Gate, ...]
    false_alarms: FalseAlarms  # of the left-out sources
    authored_false_alarms: FalseAlarms
    kinds: tuple[KindResult, ...]
    worst: tuple[WorstRow, ...]


def transferred_thresholds(calibrate: pa.Table, scores: DetectorScores) -> Transferred:
    """Return one global threshold per rate, chosen on the legit calibrate rows.

    Raises InputError without such rows.
    """
    honest = has_verdict(calibrate, Verdict.LEGIT)
    weights = reference_weights(calibrate)[honest]
    chosen = {
        name: weighted_threshold_at_fpr(scores.scam[honest], weights, fpr)
        for name, fpr in FPRS.items()
    }
    return Transferred(chosen, int(honest.sum()), effective_size(weights))


def flag_masks(scores: DetectorScores, transferred: Transferred) -> dict[str, Bools]:
    """Return which rows (n,) are flagged: T@x by the rate's name, and at the shipped threshold."""
    values = as_scores(scores.scam)
    masks = {f"T@{name}": values >= threshold for name, threshold in transferred.thresholds.items()}
    return masks | {FLAG: scores.flagged}


def evaluate_scores(
    table: pa.Table, scores: DetectorScores, transferred: Transferred
) -> Evaluation:
    """Return every figure of the protocol for the scores (rows,) of these dev or test rows."""
    masks = flag_masks(scores, transferred)
    own = is_own(table)
    alarms, own_alarms = (
        false_alarms(select(table, rows), {name: mask[rows] for name, mask in masks.items()})
        for rows in (~own, is_authored(table))
    )
    origin = column(table, "source")
    order = sorted(set(origin[~own]), key=lambda source: (source not in SELECTING_SOURCES, source))
    return Evaluation(
        detector=scores.name,
        transferred=transferred,
        sources=tuple(_source(name, table, origin == name, scores, masks) for name in order),
        selection=selection(table, scores.scam),
        authored=tuple(authored_figures(table, scores.scam, scores.flagged)),
        gates=gates("left-out sources", alarms.slices, FLAG)
        + gates("authored", own_alarms.slices, FLAG),
        false_alarms=alarms,
        authored_false_alarms=own_alarms,
        kinds=_kinds(table, scores, masks),
        worst=tuple(
            row for name in order for row in _worst(table, origin == name, scores.scam, masks)
        ),
    )


def _source(
    name: str, table: pa.Table, rows: Bools, scores: DetectorScores, masks: Mapping[str, Bools]
) -> SourceResult:
    scam, legit, spam = (
        rows & has_verdict(table, verdict)
        for verdict in (Verdict.SCAM, Verdict.LEGIT, Verdict.SPAM)
    )
    ranked = scam | legit
    values, truth = scores.scam[ranked], scam[ranked]
    groups = column(table, "group")[ranked].astype(np.int64)
    at = {
        mask: AtThreshold(
            recall(flagged[scam]), false_positive_rate(flagged[legit]), recall(flagged[spam])
        )
        for mask, flagged in masks.items()
    }
    return SourceResult(
        source=name,
        role=", ".join(sorted(set(column(table, "role")[rows]))),
        selects=name in SELECTING_SOURCES,
        n_scam=int(scam.sum()),
        n_legit=int(legit.sum()),
        n_spam=int(spam.sum()),
        n_unscored=int(np.isnan(scores.scam[scam | legit | spam]).sum()),
        recall_at={
            rate: recall_at_fpr_estimate(values, truth, fpr, groups) if ranked.any() else None
            for rate, fpr in FPRS.items()
        },
        transferred={rate: at[f"T@{rate}"] for rate in FPRS},
        flag=at[FLAG],
        auc=auc_estimate(values, truth, groups) if ranked.any() else None,
    )


def selection(table: pa.Table, scam: Floats) -> Selection:
    """Return the score that selects a model, from the dev rows among these."""
    dev = column(table, "role") == "dev"
    origin, authored = column(table, "source"), is_authored(table)
    sets = {"authored": dev & authored} | {name: origin == name for name in SELECTING_SOURCES}
    parts = {name: _own_recall(table, scam, rows) for name, rows in sets.items()}
    public = [parts[name] for name in SELECTING_SOURCES]
    found = [value for value in public if value is not None]
    if not dev.any():
        return Selection(None, parts, "no dev rows, the only ones that select")
    if len(found) < len(SELECTING_SOURCES):
        return Selection(None, parts, "a selecting source is missing: no selection score")
    mean = float(np.mean(found))
    if parts["authored"] is None:
        return Selection(mean, parts, "mean R@1% of vi and pt; there are no authored dev rows yet")
    note = "1/2 authored dev + 1/4 vi + 1/4 pt, R@1% each"
    return Selection(parts["authored"] / 2 + mean / 2, parts, note)


def _own_recall(table: pa.Table, scam: Floats, rows: Bools) -> float | None:
    truth = has_verdict(table, Verdict.SCAM)
    ranked = rows & (truth | has_verdict(table, Verdict.LEGIT))
    value = recall_at_fpr(scam[ranked], truth[ranked], FPRS["1%"])
    return None if np.isnan(value) else value


def _kinds(
    table: pa.Table, scores: DetectorScores, masks: Mapping[str, Bools]
) -> tuple[KindResult, ...]:
    measured = has_seen_kinds(table)
    kinds = column(table, "kinds")
    results = []
    for kind in KINDS:
        rows = measured & np.array([kind in (names or ()) for names in kinds], dtype=bool)
        n = int(rows.sum())
        enough = n >= SMALLEST_KIND
        named = None
        if enough and scores.kinds is not None:
            told = scores.kinds
            named = recall(np.array([kind in told[row] for row in np.flatnonzero(rows)]))
        flagged = {name: recall(mask[rows]) if enough else None for name, mask in masks.items()}
        results.append(KindResult(kind.value, n, flagged, named))
    return tuple(result for result in results if result.n)


def _worst(
    table: pa.Table, rows: Bools, scam: Floats, masks: Mapping[str, Bools]
) -> list[WorstRow]:
    scam_rows, legit_rows = has_verdict(table, Verdict.SCAM), has_verdict(table, Verdict.LEGIT)
    flagged, values = masks["T@1%"], as_scores(scam)
    alarms = np.flatnonzero(rows & legit_rows & flagged)
    missed = np.flatnonzero(rows & scam_rows & ~flagged)
    chosen = [
        *alarms[np.argsort(-values[alarms], kind="stable")][:WORST_ROWS],
        *missed[np.argsort(values[missed], kind="stable")][:WORST_ROWS],
    ]
    return worst_rows(table, chosen, scam)


def worst_rows(table: pa.Table, chosen: Sequence[int], scam: Floats) -> list[WorstRow]:
    """Return the ``chosen`` rows by their hashes, in that order; ``scam`` (rows,)."""
    origin, hashes, verdicts = (column(table, name) for name in ("source", "row_hash", "verdict"))
    return [
        WorstRow(
            source=origin[row],
            row_hash=hashes[row],
            verdict=verdicts[row],
            scam_probability=None if np.isnan(scam[row]) else float(scam[row]),
        )
        for row in chosen
    ]


ERRORS = 50


def worst_errors(table: pa.Table, scores: DetectorScores) -> tuple[WorstRow, ...]:
    """Return the lowest missed scams, then the highest false alarms, of the dev rows.

    25 of each, more if the other has fewer. Both are at the detector's own flag threshold; unscored
    scams are first.
    """
    dev, values = column(table, "role") == "dev", as_scores(scores.scam)
    missed = np.flatnonzero(dev & has_verdict(table, Verdict.SCAM) & ~scores.flagged)
    alarms = np.flatnonzero(dev & has_verdict(table, Verdict.LEGIT) & scores.flagged)
    half = ERRORS // 2
    chosen = [
        *missed[np.argsort(values[missed], kind="stable")][: ERRORS - min(alarms.size, half)],
        *alarms[np.argsort(-values[alarms], kind="stable")][: ERRORS - min(missed.size, half)],
    ]
    return tuple(worst_rows(table, chosen, scores.scam))
