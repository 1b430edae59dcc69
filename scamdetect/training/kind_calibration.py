"""Calibrate the kinds: a temperature among scams, thresholds on the joint probability."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from sklearn.metrics import precision_recall_curve

from scamdetect.evaluation.metrics import Bools, Floats
from scamdetect.evaluation.table import column, has_verdict, kind_table
from scamdetect.labels import KINDS, Kind, Provenance, Verdict
from scamdetect.probabilities import sigmoid
from scamdetect.thresholds import KindThresholds

FEWEST = 30  # scams of a kind, and rows that a precision is read from; each counts as one
MIN_F1, MIN_PRECISION = 0.3, 0.9

_RANGE = (0.25, 8.0)


def known_kinds(table: pa.Table) -> Bools:
    """Return which rows are scams whose kinds a source stated, a reader read or a writer wrote."""
    provenance = column(table, "kinds_provenance")
    known = np.array([p is not None and p != Provenance.RULE for p in provenance], dtype=bool)
    return known & has_verdict(table, Verdict.SCAM)


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
    threshold of all is 0.5. A kind with few rows, or with a best F1 under MIN_F1, has none of its
    own: the best of a poor lot lies so low that it names everything. A threshold stands midway to
    the next lower score.
    """
    if not truth.any():
        return 0.5, {}
    pooled, _ = _thresholds(joint.ravel(), truth.ravel(), np.repeat(weights, truth.shape[1]))
    own = {}
    for place, kind in enumerate(KINDS):
        if truth[:, place].sum() >= FEWEST:
            thresholds, f1 = _thresholds(joint[:, place], truth[:, place], weights)
            if f1 >= MIN_F1:
                own[kind] = thresholds
    return pooled.f1, own


def _thresholds(scores: Floats, truth: Bools, weights: Floats) -> tuple[KindThresholds, float]:
    """Return the thresholds of a kind and the best F1.

    The precision one is None unless FEWEST rows, unweighted, reach it: that of fewer is chance.
    """
    precision, recall, thresholds = precision_recall_curve(truth, scores, sample_weight=weights)
    precision, recall = precision[:-1], recall[:-1]  # the last has no threshold
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    named = scores.size - np.searchsorted(np.sort(scores), thresholds)
    precise = np.flatnonzero((precision >= MIN_PRECISION) & (named >= FEWEST))
    chosen = KindThresholds(
        f1=_midway(thresholds, int(f1.argmax())),
        precision=_midway(thresholds, int(precise[0])) if precise.size else None,
    )
    return chosen, float(f1.max())


def _midway(scores: Floats, place: int) -> float:
    """Return a threshold between the score at a place, which reaches it, and the next lower one."""
    middle = np.float32((scores[place] + scores[max(place - 1, 0)]) / 2)
    below = place > 0 and middle <= scores[place - 1]
    return float(str(np.float32(scores[place]) if below else middle))
