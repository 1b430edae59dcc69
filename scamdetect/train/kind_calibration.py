"""Calibrate the kinds: a temperature among scams, thresholds on the joint probability."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from sklearn.metrics import precision_recall_curve

from scamdetect.calibration.probabilities import sigmoid
from scamdetect.calibration.statistics import Bools, Floats, wilson
from scamdetect.calibration.thresholds import KindThresholds
from scamdetect.labels import KINDS, Kind
from scamdetect.train.data.table import column, has_seen_kinds, kind_table

FEWEST = 30  # scams of a kind, and rows that a precision is read from; each counts as one
MIN_F1, MIN_PRECISION = 0.3, 0.9
BELIEVED, BELIEVED_LOW = 0.6, 0.5  # the precision among scams of a kind that is named, its bound

_RANGE = (0.25, 8.0)


def known_kinds(table: pa.Table) -> Bools:
    """Return which rows are scams whose kinds a reader read or a writer wrote, one or more."""
    stated = np.array([bool(kinds) for kinds in column(table, "kinds")], dtype=bool)
    return stated & has_seen_kinds(table)


def kind_truth(table: pa.Table) -> Bools:
    """Return which kinds hold for each row, (rows, kinds)."""
    return kind_table(column(table, "kinds"))


def logit(probabilities: ArrayLike) -> Floats:
    """Return the logits of probabilities, clipped where they are certain."""
    p = np.clip(np.asarray(probabilities, dtype=np.float64), 1e-7, 1 - 1e-7)
    logits: Floats = np.log(p / (1 - p))
    return logits


def fit_kind_temperature(logits: Floats, truth: Bools, weights: Floats) -> float:
    """Return the temperature with the least loss on scams: logits and truth (n, kinds), (n,).

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
    """Return P(scam and kind), (n, kinds), as the bundle will give it."""
    joint: Floats = scam[:, None] * sigmoid(logits, temperature).astype(np.float64)
    return joint


def fit_kind_thresholds(
    joint: Floats, truth: Bools, weights: Floats
) -> tuple[float, dict[Kind, KindThresholds]]:
    """Return the threshold of all kinds (best F1, pooled) and those of kinds of their own.

    ``joint`` and ``truth`` (n, kinds), ``weights`` (n,): honest rows and scams of known kinds, the
    scams with the share BASE_RATE of the weight. F1 and precision hold at that base rate: where
    scams are rarer, fewer of the messages named are of the kind. Without any known kind the
    threshold of all is 0.5. A threshold stands midway to the next lower score.

    A kind is named from the lowest threshold, at the best F1 or over it, where it can be believed:
    of FEWEST scams or more that it names, BELIEVED are of the kind, and the lower end of the 95 %
    Wilson interval (two-sided) is BELIEVED_LOW. Honest rows do not count in that precision, as in
    ``kind_figures``. A kind without such a threshold, with under FEWEST scams or with a best F1
    under MIN_F1 (the best of a poor lot lies so low that it names everything) is never named.
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


class _Curve(NamedTuple):
    """Precision and F1 (n,) at ascending thresholds, and the place of the best F1."""

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

    None unless FEWEST rows, unweighted, reach it: the precision of fewer is chance.
    """
    named = _reaching(scores, curve.thresholds)
    precise = np.flatnonzero((curve.precision >= MIN_PRECISION) & (named >= FEWEST))
    return _midway(curve.thresholds, int(precise[0])) if precise.size else None


def _believed_from(curve: _Curve, scores: Floats, truth: Bools) -> int | None:
    """Return the lowest place on the curve, from the best F1 on, where the kind can be believed.

    ``scores`` and ``truth`` (n,) are those of the scams.
    """
    named = _reaching(scores, curve.thresholds)
    right = _reaching(scores[truth], curve.thresholds)
    enough = np.flatnonzero((named >= FEWEST) & (right >= BELIEVED * named))
    for place in enough[enough >= curve.best].tolist():
        if wilson(int(right[place]), int(named[place]))[0] >= BELIEVED_LOW:
            return int(place)
    return None


def _reaching(scores: Floats, thresholds: Floats) -> Floats:
    """Return how many scores reach each threshold."""
    return np.asarray(scores.size - np.searchsorted(np.sort(scores), thresholds), np.float64)


def _midway(scores: Floats, place: int) -> float:
    """Return a threshold between the score at a place, which reaches it, and the next lower one."""
    middle = np.float32((scores[place] + scores[max(place - 1, 0)]) / 2)
    below = place > 0 and middle <= scores[place - 1]
    return float(str(np.float32(scores[place]) if below else middle))
