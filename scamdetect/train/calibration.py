"""Calibrate a bundle on calibrate rows: scalings, kinds, operating points, thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from sklearn.metrics import precision_recall_curve

from scamdetect.bundle.cache import Scores
from scamdetect.bundle.scorer import Scorer
from scamdetect.calibration.operating_points import (
    CalibrationRows,
    OperatingPoint,
    operating_point,
    supported,
    with_recall,
)
from scamdetect.calibration.probabilities import (
    Scaling,
    scam_logits,
    sigmoid,
    verdict_probabilities,
)
from scamdetect.calibration.statistics import Bools, Floats, at_base_rate, wilson
from scamdetect.calibration.thresholds import KindThresholds
from scamdetect.errors import RecipeError
from scamdetect.labels import KINDS, VERDICTS, Kind, Verdict
from scamdetect.train.data.mix import BLOCKS, FLAG_FPR, block_weights, reference_weights
from scamdetect.train.data.table import (
    column,
    detector_texts,
    half_of,
    has_seen_kinds,
    has_verdict,
    kind_table,
    normalised,
    select,
)
from scamdetect.train.scaling import FEWEST_LEGIT, FEWEST_SCAM, ScalingRows, Scalings, fit_scalings

FEWEST = 30  # scams of a kind, and rows that a precision is computed from; each counts as one
MIN_F1, MIN_PRECISION = 0.3, 0.9
BELIEVED, BELIEVED_LOW = 0.6, 0.5  # the precision among scams of a listed kind, and its lower bound

_RANGE = (0.25, 8.0)


def known_kinds(table: pa.Table) -> Bools:
    """Return which rows are scams with one or more kinds from a reader or a writer."""
    stated = np.array([bool(kinds) for kinds in column(table, "kinds")], dtype=bool)
    return stated & has_seen_kinds(table)


def kind_truth(table: pa.Table) -> Bools:
    """Return the kinds of each row, (rows, kinds)."""
    return kind_table(column(table, "kinds"))


def logit(probabilities: ArrayLike) -> Floats:
    """Return the logits of probabilities, clipped near 0 and 1."""
    p = np.clip(np.asarray(probabilities, dtype=np.float64), 1e-7, 1 - 1e-7)
    logits: Floats = np.log(p / (1 - p))
    return logits


def fit_kind_temperature(logits: Floats, truth: Bools, weights: Floats) -> float:
    """Return the temperature with the lowest loss on scams: logits and truth (n, kinds), (n,).

    Without rows it is 1.
    """
    if not len(truth):
        return 1.0

    def loss(log_temperature: float) -> float:
        margins = logits / np.exp(log_temperature)
        losses = np.logaddexp(0.0, np.where(truth, -margins, margins)).mean(axis=1)
        return float((weights * losses).sum() / weights.sum())

    found = minimize_scalar(loss, bounds=tuple(np.log(_RANGE)), method="bounded")
    return round(float(np.exp(found.x)), 4)


def joint_probabilities(scam: Floats, logits: Floats, temperature: float) -> Floats:
    """Return P(scam and kind), (n, kinds), as the bundle will compute it."""
    joint: Floats = scam[:, None] * sigmoid(logits, temperature).astype(np.float64)
    return joint


def fit_kind_thresholds(
    joint: Floats, truth: Bools, weights: Floats
) -> tuple[float, dict[Kind, KindThresholds]]:
    """Return the common threshold of the kinds (best pooled F1) and the kinds' own thresholds.

    ``joint`` and ``truth`` (n, kinds), ``weights`` (n,): honest rows and scams of known kinds, with
    the scams weighted to a share BASE_RATE. F1 and precision hold at that base rate: if scams are
    rarer, fewer of the messages with a kind have it. Without any known kind the common threshold is
    0.5. A threshold is midway to the next lower score.

    A kind is listed from the lowest credible threshold at or above that of the best F1: of at least
    FEWEST scams that it lists, a share BELIEVED has the kind, and the lower end of the 95 % Wilson
    interval (two-sided) is at least BELIEVED_LOW. Honest rows do not count in that precision, as in
    ``kind_figures``. A kind without such a threshold, with fewer than FEWEST scams or with a best
    F1 below MIN_F1 (such a low optimum lists everything) is never listed.
    """
    own = dict.fromkeys(KINDS, KindThresholds(None, None))
    if not truth.any():
        return 0.5, own
    pooled = _curve(joint.ravel(), truth.ravel(), np.repeat(weights, truth.shape[1]))
    scam = truth.any(axis=1)
    for place, kind in enumerate(KINDS):
        if truth[:, place].sum() >= FEWEST:
            curve = _curve(joint[:, place], truth[:, place], weights)
            lowest = _believed_from(curve, joint[scam, place], truth[scam, place])
            if curve.f1[curve.best] >= MIN_F1 and lowest is not None:
                named_from = _midway(curve.thresholds, lowest)
                own[kind] = KindThresholds(named_from, _precise(curve, joint[:, place]))
    return _midway(pooled.thresholds, pooled.best), own


def proven_kinds(
    own: Mapping[Kind, KindThresholds], joint: Floats, truth: Bools
) -> dict[Kind, KindThresholds]:
    """Return thresholds that are also credible on other scams, (n, kinds).

    Each is at least as high as the given one. A kind without such a threshold is never listed.
    """
    return {
        kind: _proven(own[kind], joint[:, place], truth[:, place])
        for place, kind in enumerate(KINDS)
    }


def _proven(given: KindThresholds, scores: Floats, truth: Bools) -> KindThresholds:
    if given.f1 is None:
        return given
    thresholds = np.concatenate([[given.f1], np.unique(scores[scores > given.f1])])
    place = _first_believed(scores, truth, thresholds)
    if place is None:
        return KindThresholds(None, None)
    named_from = given.f1 if place == 0 else _midway(thresholds, place)
    precise = None if given.precision is None else max(given.precision, named_from)
    return KindThresholds(named_from, precise)


class _Curve(NamedTuple):
    """Precision and F1 (n,) at ascending thresholds, and the index of the best F1."""

    thresholds: Floats
    precision: Floats
    f1: Floats
    best: int


def _curve(scores: Floats, truth: Bools, weights: Floats) -> _Curve:
    precision, recall, thresholds = precision_recall_curve(truth, scores, sample_weight=weights)
    precision, recall = precision[:-1], recall[:-1]  # the last has no threshold
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return _Curve(thresholds, precision, f1, int(f1.argmax()))


def _precise(curve: _Curve, scores: Floats) -> float | None:
    """Return the lowest threshold that keeps MIN_PRECISION.

    None unless at least FEWEST rows, unweighted, reach it: the precision of fewer is chance.
    """
    named = _reaching(scores, curve.thresholds)
    precise = np.flatnonzero((curve.precision >= MIN_PRECISION) & (named >= FEWEST))
    return _midway(curve.thresholds, int(precise[0])) if precise.size else None


def _believed_from(curve: _Curve, scores: Floats, truth: Bools) -> int | None:
    """Return the lowest index on the curve, from the best F1 on, at which the kind is credible.

    ``scores`` and ``truth`` (n,) are those of the scams.
    """
    found = _first_believed(scores, truth, curve.thresholds[curve.best :])
    return None if found is None else curve.best + found


def _first_believed(scores: Floats, truth: Bools, thresholds: Floats) -> int | None:
    """Return the index of the lowest ascending threshold at which a kind is credible."""
    named, right = _reaching(scores, thresholds), _reaching(scores[truth], thresholds)
    for place in np.flatnonzero((named >= FEWEST) & (right >= BELIEVED * named)).tolist():
        if wilson(int(right[place]), int(named[place]))[0] >= BELIEVED_LOW:
            return int(place)
    return None


def _reaching(scores: Floats, thresholds: Floats) -> Floats:
    """Return how many scores reach each threshold."""
    return np.asarray(scores.size - np.searchsorted(np.sort(scores), thresholds), np.float64)


def _midway(scores: Floats, place: int) -> float:
    """Return a threshold between the score at an index, which reaches it, and the next lower."""
    middle = np.float32((scores[place] + scores[max(place - 1, 0)]) / 2)
    below = place > 0 and middle <= scores[place - 1]
    return float(str(np.float32(scores[place]) if below else middle))


REVIEW_FPR = 0.03
POINT_FPRS = (0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002, 0.001)
OWN_FPRS = (0.05, 0.03, 0.01, 0.005, 0.001)  # of a language or a kind
# The settings set by ``calibrate``, in a bundle that is not calibrated.
UNCALIBRATED: dict[str, Any] = {
    "temperature": 1.0,
    "kind_temperature": 1.0,
    "kind_threshold": 0.5,
    "thresholds": {"flag": 0.5, "review": 0.5},
    "operating_points": [],
}
_FEWEST = 50  # minimum number of rows of a class
_SCAM = VERDICTS.index(Verdict.SCAM)


@dataclass(frozen=True)
class Calibration:
    """The settings that calibration adds to a bundle."""

    scalings: Scalings
    kind_temperature: float
    kind_threshold: float
    kind_thresholds: Mapping[Kind, KindThresholds]
    flag: OperatingPoint
    review: OperatingPoint
    operating_points: tuple[OperatingPoint, ...]
    rows: CalibrationRows
    honest_to_review: float  # share of the honest mass with the decision review or flag
    blocks: Mapping[str, float]  # of the honest mass behind the points; empty with given weights
    kinds_proven_on: int = 0  # scams of the dev rows

    def settings(self) -> dict[str, Any]:
        """Return the keys of ``scamdetect.json`` that this sets."""
        return {
            "scam_curve": [list(knot) for knot in self.scalings.curve.knots],
            "language_calibration": {
                name: [scaling.temperature, scaling.bias]
                for name, scaling in self.scalings.by_language.items()
            },
            "kind_temperature": self.kind_temperature,
            "kind_threshold": self.kind_threshold,
            "kind_thresholds": {
                kind.value: asdict(pair) for kind, pair in self.kind_thresholds.items()
            },
            "thresholds": {"flag": self.flag.threshold, "review": self.review.threshold},
            "thresholds_fpr": {"flag": self.flag.fpr, "review": self.review.fpr},
            "operating_points": [_rounded(point) for point in self.operating_points],
            "calibration_rows": asdict(self.rows),
        }

    def record(self) -> dict[str, Any]:
        """Return the manifest's record of the fit by language."""
        return {
            "cross_validated_nll": self.scalings.nll_curve,
            "cross_validated_nll_by_language": self.scalings.nll_language,
            "shrinkage_strength": self.scalings.strength,
            "honest_to_review": round(self.honest_to_review, 5),
            "blocks": dict(self.blocks),
            "kinds_proven_on": self.kinds_proven_on,
        }


def calibrate(
    table: pa.Table,
    scorer: Scorer,
    weights: Floats | None = None,
    rates: tuple[float, float] = (FLAG_FPR, REVIEW_FPR),
) -> Calibration:
    """Return the calibration of an uncalibrated scorer, from the calibrate rows.

    ``weights`` (rows,) and ``rates`` are those of ``fit_calibration``. Raises RecipeError if the
    bundle is calibrated already, if a class has too few rows and if they support no threshold.
    """
    bundle = scorer.bundle
    if (bundle.temperature, bundle.kind_temperature) != (1, 1) or (
        bundle.scam_curve or bundle.language_calibration or bundle.own_scaling != Scaling()
    ):
        raise RecipeError(
            f"{bundle.folder} is already calibrated, and calibrating it again would not "
            "describe what it ships; calibrate a new one: scamdetect export RUN_DIR"
        )
    for verdict in (Verdict.LEGIT, Verdict.SCAM):
        n = int(has_verdict(table, verdict).sum())
        if n < _FEWEST:
            raise RecipeError(
                f"calibration needs {_FEWEST} {verdict} rows of the role calibrate, but the "
                f"corpus has {n}; run: scamdetect data build"
            )
    texts = normalised(detector_texts(table))
    return fit_calibration(table, scorer.score(texts), bundle.languages, weights, rates)


def prove_kinds(calibration: Calibration, scorer: Scorer, dev: pa.Table) -> Calibration:
    """Return the calibration of a scorer with the kinds that are also credible on dev rows.

    They are tested on the scams of known kinds in the half ``select``; fewer than FEWEST prove
    nothing.
    """
    scams = known_kinds(dev) & has_verdict(dev, Verdict.SCAM)
    rows = select(dev, scams & (half_of(dev) == "select"))
    if rows.num_rows < FEWEST:
        return calibration
    texts = normalised(detector_texts(rows))
    joint = scorer.score(texts).kind.astype(np.float64)
    proven = proven_kinds(calibration.kind_thresholds, joint, kind_truth(rows))
    return replace(calibration, kind_thresholds=proven, kinds_proven_on=rows.num_rows)


def fit_calibration(
    table: pa.Table,
    scores: Scores,
    languages: tuple[str, ...],
    weights: Floats | None = None,
    rates: tuple[float, float] = (FLAG_FPR, REVIEW_FPR),
) -> Calibration:
    """Return the calibration from scores (rows,) at temperature 1 of a bundle's ``languages``.

    Without ``weights`` (rows,), probabilities and kinds are fitted on the reference mix with a
    share BASE_RATE of scams; operating points, including flag and review, on honest rows weighted
    by ``block_weights``. Given ``weights`` apply to all. Flag and review are at ``rates``, or at
    the lowest supported rate. Raises RecipeError if no rate is supported.
    """
    log_p = np.log(np.clip(scores.verdict.astype(np.float64), 1e-9, 1.0))
    blocks = BLOCKS if weights is None else {}
    mix = block_weights(table) if weights is None else weights
    weights = reference_weights(table) if weights is None else weights
    scored = scores.scored > 0
    legit, scam = (has_verdict(table, v) & scored for v in (Verdict.LEGIT, Verdict.SCAM))
    found = np.array([*languages, "und"], dtype=object)[scores.language]
    groups = column(table, "group").astype(np.int64)
    rows = ScalingRows(scam_logits(log_p), scam, weights, found, groups)
    scalings = fit_scalings(rows[legit | scam])
    pairs = scalings.language_pairs(found)
    probabilities = verdict_probabilities(log_p, 1.0, scalings.curve, pairs)
    probability = probabilities[:, _SCAM].astype(np.float64)

    known, truth = known_kinds(table) & scam, kind_truth(table)
    given_scam = logit(scores.kind / np.maximum(scores.verdict[:, _SCAM, None], 1e-12))
    kind_temperature = fit_kind_temperature(given_scam[known], truth[known], weights[known])
    joint = joint_probabilities(probability, given_scam, kind_temperature)
    of_kinds = legit | known
    kind_threshold, kind_thresholds = fit_kind_thresholds(
        joint[of_kinds], truth[of_kinds], at_base_rate(weights[of_kinds], scam[of_kinds])
    )

    lang = column(table, "lang")
    in_language = {
        name: (legit & (lang == name), scam & (lang == name)) for name in sorted(set(lang.tolist()))
    }
    counts = CalibrationRows(
        {name: (int(a.sum()), int(b.sum())) for name, (a, b) in in_language.items()},
        {kind: int((known & truth[:, place]).sum()) for place, kind in enumerate(KINDS)},
    )

    def point(fpr: float, honest: Bools, fraud: Bools, name: str | None = None) -> OperatingPoint:
        sides = (probability[honest], probability[fraud])
        return operating_point(
            *sides, fpr, mix[honest], mix[fraud], groups=groups[honest], lang=name
        )

    all_fprs = sorted({*POINT_FPRS, *rates}, reverse=True)
    points = [point(fpr, legit, scam) for fpr in all_fprs]
    flag, review = (shipped_point(points, fpr) for fpr in rates)
    to_review = (probability >= review.threshold) | (probabilities.argmax(axis=1) == _SCAM)
    for place, kind in enumerate(KINDS):
        if counts.kinds[kind] >= FEWEST:
            of_kind = known & truth[:, place]
            points += [
                with_recall(one, probability[of_kind], mix[of_kind], kind)
                for one in points
                if one.kind is None and one.fpr in OWN_FPRS
            ]
    for name, (n_legit, n_scam) in counts.languages.items():
        if n_legit >= FEWEST_LEGIT and n_scam >= FEWEST_SCAM:
            points += [point(fpr, *in_language[name], name) for fpr in OWN_FPRS]
    return Calibration(
        scalings=scalings,
        kind_temperature=kind_temperature,
        kind_threshold=kind_threshold,
        kind_thresholds=kind_thresholds,
        flag=flag,
        review=review,
        operating_points=tuple(one for one in points if supported(one)),
        rows=counts,
        honest_to_review=float(mix[legit & to_review].sum() / mix[legit].sum()),
        blocks=blocks,
    )


def shipped_point(points: Sequence[OperatingPoint], fpr: float) -> OperatingPoint:
    """Return the point of all messages at ``fpr``, or at the next higher supported rate.

    Raises RecipeError if there is no such rate.
    """
    enough = [one for one in points if one.fpr >= fpr and supported(one)]
    if not enough:
        n, worth = points[0].n, points[0].effective_n or 0.0
        raise RecipeError(
            f"the {n} legit calibrate rows (effective number {worth:.0f}) support no "
            f"false-positive rate from {fpr:g} to {max(one.fpr for one in points):g}, so flag "
            "and review have no threshold; add calibrate rows, or train a model that separates "
            "them better from scams"
        )
    return min(enough, key=lambda one: one.fpr)


def _rounded(point: OperatingPoint) -> dict[str, Any]:
    digits = {"upper_bound": 5, "recall": 4, "effective_n": 1}
    row = {name: value for name, value in asdict(point).items() if value is not None}
    row |= {name: round(row[name], places) for name, places in digits.items() if name in row}
    return {"recall": None} | row
