"""Carry thresholds and settings of a bundle over to refitted probabilities: no decision changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scamdetect.adapt.halves import Moved
from scamdetect.bundle.bundle import Bundle
from scamdetect.calibration.operating_points import OperatingPoint
from scamdetect.calibration.probabilities import Scaling
from scamdetect.calibration.statistics import float32_decimals
from scamdetect.errors import InputError
from scamdetect.labels import VERDICTS, Verdict

Floats = NDArray[np.float64]


def carried(
    scores: Floats, scaling: Scaling, moved: Sequence[Moved], points: Sequence[OperatingPoint]
) -> tuple[tuple[Moved, ...], tuple[OperatingPoint, ...]]:
    """Return both with the thresholds of the scaled probabilities; every figure stays.

    A threshold that cannot part the scaled scores (n,) as before is no operating point any more.
    Raises InputError where that is one of ``moved``.
    """
    own = [
        replace(
            one,
            after=replace(one.after, threshold=threshold),
            point=replace(one.point, threshold=threshold),
        )
        for one in moved
        for threshold in (carried_threshold(one.after.threshold, scores, scaling),)
    ]
    others = []
    for point in points:
        try:
            threshold = carried_threshold(point.threshold, scores, scaling)
        except InputError:
            continue
        others.append(replace(point, threshold=threshold))
    return tuple(own), tuple(others)


def carried_threshold(threshold: float, scores: Floats, scaling: Scaling) -> float:
    """Return the threshold that parts the scaled scores (n,) as it parted the scores.

    Raises InputError where two scores on its two sides become one.
    """
    reached = scores >= threshold
    scaled = float32_decimals(scaling(scores))
    low = float(scaled[~reached].max(initial=0.0))
    high = float(scaled[reached].min(initial=1.0))
    if not low < high:
        raise InputError(
            f"the threshold {threshold:g} cannot be kept: with refitted probabilities the scores "
            "on its two sides are one number; leave --refit-probabilities out"
        )
    (moved,) = float32_decimals(scaling([threshold]))
    return float(moved) if low < moved <= high else high


def scaled_settings(bundle: Bundle, scaling: Scaling) -> dict[str, Any]:
    """Return the keys of ``scamdetect.json`` that hold probabilities or thresholds, scaled.

    Kinds go on to be named as before, so that the thresholds behind the names stay; that a kind's
    probability keeps a precision is known of those before alone.
    """
    own = scaling.after(bundle.own_scaling)
    answers = bundle.known_answers
    known = float32_decimals(scaling([one.scam_probability for one in answers]))
    settings: dict[str, Any] = {
        "own_scaling": [own.temperature, own.bias],
        "known_answers": [
            {"text": one.text, "scam_probability": float(probability)}
            for one, probability in zip(answers, known, strict=True)
        ],
        "kind_thresholds": {
            kind.value: asdict(replace(pair, precision=None))
            for kind, pair in bundle.kind_thresholds.items()
        },
    }
    if bundle.clearing is not None:
        settings["first_tier"] = asdict(bundle.clearing) | {
            "probabilities": _with_scam(bundle.clearing.probabilities, scaling)
        }
    if bundle.conversation is not None:
        settings["conversation"] = bundle.conversation.scaled(scaling).settings()
    return settings


def _with_scam(probabilities: tuple[float, float, float], scaling: Scaling) -> list[float]:
    """Return the verdicts with that of scam scaled; the ratio of the others stays."""
    place = VERDICTS.index(Verdict.SCAM)
    before = probabilities[place]
    after = float(scaling([before])[0])
    rest = (1 - after) / (1 - before) if before < 1 else 0.0
    return [after if n == place else rest * p for n, p in enumerate(probabilities)]
