"""Fit temperatures and choose the shipped thresholds on the calibrate role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.detector import ScamDetector
from scamdetect.errors import RecipeError
from scamdetect.evaluation.reference_mix import reference_weights
from scamdetect.evaluation.table import column, detector_texts, has_verdict
from scamdetect.labels import KINDS, VERDICTS, Provenance, Verdict
from scamdetect.thresholds import OperatingPoint, operating_point, sigmoid, softmax

FLAG_FPR, REVIEW_FPR = 0.005, 0.03
POINT_FPRS = (0.05, 0.03, 0.01, 0.005, 0.001)
_FEWEST = 50  # rows of a class without which nothing is calibrated
_KIND_ROWS = 3_000  # one temperature needs no more
_RANGE = (0.25, 8.0)


@dataclass(frozen=True)
class Calibration:
    """What calibration adds to a bundle's settings."""

    temperature: float
    kind_temperature: float
    flag: float
    review: float
    operating_points: tuple[OperatingPoint, ...]

    def settings(self) -> dict[str, Any]:
        """Return the keys of ``scamdetect.json`` that this decides."""
        return {
            "temperature": self.temperature,
            "kind_temperature": self.kind_temperature,
            "thresholds": {"flag": self.flag, "review": self.review},
            "operating_points": [asdict(point) for point in self.operating_points],
        }


def calibrate(table: pa.Table, detector: ScamDetector) -> Calibration:
    """Return the calibration of a detector whose temperatures are 1, from the calibrate rows.

    Every slice x language cell of honest rows and every kind x language cell of scams weighs the
    same. Raises RecipeError where a class has too few rows.
    """
    rows = {verdict: has_verdict(table, verdict) for verdict in Verdict}
    for verdict in (Verdict.LEGIT, Verdict.SCAM):
        if rows[verdict].sum() < _FEWEST:
            raise RecipeError(
                f"calibration needs {_FEWEST} {verdict} rows of the role calibrate, "
                f"the corpus has {int(rows[verdict].sum())}; run: scamdetect data build"
            )
    texts = detector_texts(table)
    weights = reference_weights(table)
    log_p = np.log(np.clip(detector.predict_proba(texts).astype(np.float64), 1e-9, 1.0))
    temperature = _fit_verdict(log_p, rows, weights)
    kind_temperature = _fit_kinds(table, detector, rows[Verdict.LEGIT])
    scam = softmax(log_p, temperature)[:, VERDICTS.index(Verdict.SCAM)]
    legit, fraud = rows[Verdict.LEGIT], rows[Verdict.SCAM]
    points = tuple(
        operating_point(scam[legit], scam[fraud], fpr, weights[legit], weights[fraud])
        for fpr in POINT_FPRS
    )
    chosen = {point.fpr: min(point.threshold, 1.0) for point in points}
    return Calibration(temperature, kind_temperature, chosen[FLAG_FPR], chosen[REVIEW_FPR], points)


def _fit_verdict(
    log_p: NDArray[np.float64], rows: dict[Verdict, NDArray[np.bool_]], weights: NDArray[Any]
) -> float:
    known = np.logical_or.reduce(list(rows.values()))
    truth = np.select([rows[verdict] for verdict in VERDICTS], range(len(VERDICTS)), default=0)[
        known
    ]

    def loss(temperature: float) -> float:
        p = softmax(log_p[known], temperature)[np.arange(known.sum()), truth]
        return float(-(weights[known] * np.log(np.clip(p, 1e-9, 1))).sum())

    return _minimum(loss)


def _fit_kinds(table: pa.Table, detector: ScamDetector, legit: NDArray[np.bool_]) -> float:
    provenance = column(table, "kinds_provenance")
    stated = np.array([p is not None and p != Provenance.RULE for p in provenance])
    known = np.flatnonzero(legit | stated)
    known = np.random.default_rng(0).permutation(known)[:_KIND_ROWS]
    chosen = table.take(pa.array(known))
    names = [kind.value for kind in KINDS]
    truth = np.array([[name in kinds for name in names] for kinds in column(chosen, "kinds")])
    probabilities = detector.kind_proba(detector_texts(chosen)).astype(np.float64)
    p = np.clip(probabilities, 1e-7, 1 - 1e-7)
    logits = np.log(p / (1 - p))

    def loss(temperature: float) -> float:
        q = np.clip(sigmoid(logits, temperature), 1e-7, 1 - 1e-7)
        return float(-np.where(truth, np.log(q), np.log(1 - q)).mean())

    return _minimum(loss) if known.size else 1.0


def _minimum(loss: Callable[[float], float]) -> float:
    """Return the temperature in _RANGE with the least loss: golden section on its logarithm."""
    ratio = (np.sqrt(5) - 1) / 2
    low, high = np.log(_RANGE[0]), np.log(_RANGE[1])
    for _ in range(40):
        span = ratio * (high - low)
        if loss(float(np.exp(high - span))) < loss(float(np.exp(low + span))):
            high = low + span
        else:
            low = high - span
    return round(float(np.exp((low + high) / 2)), 4)
