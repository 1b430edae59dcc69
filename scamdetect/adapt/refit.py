"""Recalibrate the scam probabilities on a team's messages, and convert thresholds to them.

One half of the messages fits a temperature and a bias of the logit of scam (Platt scaling, Platt
1999), the other half measures the probabilities before and after. All messages that are not scams,
honest or promotion, form the other class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scamdetect.adapt.halves import Moved, choosing
from scamdetect.adapt.own_rows import OwnRows
from scamdetect.bundle.bundle import Bundle
from scamdetect.calibration.operating_points import OperatingPoint
from scamdetect.calibration.probabilities import Scaling
from scamdetect.calibration.reliability import reliability, with_base_rate
from scamdetect.calibration.statistics import (
    Estimate,
    bootstrap_by_group,
    effective_size,
    float32_decimals,
)
from scamdetect.errors import InputError
from scamdetect.labels import Verdict

FEWEST = 20  # distinct messages of a class, in each half
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_CERTAIN = 1e-7  # the lowest probability used in a loss
_FLATTEST = 0.02  # with a smaller slope the scores carry no information
_STEPS = 100


@dataclass(frozen=True)
class Figures:
    """The quality of probabilities on the measuring half, with 95 % intervals over its groups."""

    log_loss: Estimate
    brier: Estimate
    ece: Estimate


@dataclass(frozen=True)
class Refit:
    """The scaling, the share of scams it was fitted for, and the figures before and after.

    ``scams`` and ``others`` are the distinct messages of the measuring half, ``gain`` is the
    decrease of the log loss there; it is ``kept`` if the interval of the gain is above 0.
    """

    scaling: Scaling
    base_rate: float
    scams: int
    others: int
    before: Figures
    after: Figures
    gain: Estimate

    @property
    def kept(self) -> bool:
        """Return True if the new probabilities are significantly better."""
        return self.gain.low > 0


def refit(rows: OwnRows, seed: int, base_rate: float | None = None) -> Refit:
    """Return the scaling fitted on one half's messages and measured on the other.

    A group of near-duplicates counts once per class. Scams have a share ``base_rate`` of the
    messages, by default that of the labelled rows. Raises InputError for an invalid base rate, if a
    half has fewer than 20 distinct scams or others, and if the scores do not separate the classes.
    """
    if base_rate is not None and not 0 < base_rate < 1:
        raise InputError(
            f"a base rate is the share of scams and must be between 0 and 1; got {base_rate!r}"
        )
    scam, weights = rows.of(Verdict.SCAM), np.empty(len(rows.scores))
    for side in (scam, ~scam):
        _, inverse, sizes = np.unique(rows.groups[side], return_inverse=True, return_counts=True)
        weights[side] = 1 / sizes[inverse]
    chooses = choosing(rows, seed)
    counts = [
        [len(np.unique(rows.groups[half & side])) for side in (scam, ~scam)]
        for half in (chooses, ~chooses)
    ]
    if min(map(min, counts)) < FEWEST:
        scams, others = (sum(side) for side in zip(*counts, strict=True))
        raise InputError(
            f"{scams:,} distinct scams and {others:,} distinct other messages are too few to "
            "refit probabilities on one half and measure them on the other, which needs "
            f"{2 * FEWEST} of each; label more, or remove --refit-probabilities"
        )
    rate = float(scam.mean()) if base_rate is None else base_rate
    fitted = _fit(
        _logits(rows.scores[chooses]),
        scam[chooses],
        with_base_rate(weights[chooses], scam[chooses], rate),
        rows.groups[chooses],
    )
    old, truth, mass = rows.scores[~chooses], scam[~chooses], weights[~chooses]
    groups, new = rows.groups[~chooses], fitted(rows.scores[~chooses])

    def mean(losses: Floats) -> Estimate:
        def weighed(drawn: Floats) -> float:
            here = mass * drawn
            if not (here[truth].any() and here[~truth].any()):
                return float("nan")
            return float((with_base_rate(here, truth, rate) * losses).sum() / truth.size)

        found = bootstrap_by_group(weighed, groups, truth.size)
        assert found is not None  # both classes are present
        return found

    def figures(values: Floats) -> Figures:
        error = reliability("own", values, truth, mass, groups, rate)
        assert error is not None
        return Figures(mean(_log_losses(values, truth)), mean(np.square(values - truth)), error.ece)

    gain = mean(_log_losses(old, truth) - _log_losses(new, truth))
    scams, others = counts[1]
    return Refit(fitted, rate, scams, others, figures(old), figures(new), gain)


def _fit(logits: Floats, scam: Bools, mass: Floats, groups: NDArray[np.int64]) -> Scaling:
    """Return the scaling with the lowest weighted log loss, by Newton's method.

    A Gaussian prior worth one message pulls the slope towards 1, so that it is finite if the scores
    separate the classes. The mass counts as its effective number of groups.
    """
    prior = 1 / effective_size(mass, groups)
    design, mass = np.column_stack([logits, np.ones_like(logits)]), mass / mass.sum()

    def loss(point: Floats) -> float:
        values = design @ point
        nll = np.logaddexp(0.0, np.where(scam, -values, values))
        return float((mass * nll).sum() + prior * (point[0] - 1) ** 2 / 2)

    point = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        chance = 0.5 + 0.5 * np.tanh(design @ point / 2)
        slope = design.T @ (mass * (chance - scam)) + [prior * (point[0] - 1), 0.0]
        curvature = (design * (mass * chance * (1 - chance))[:, None]).T @ design
        curvature += np.diag([prior, 1e-12])
        point, moved = _descended(loss, point, np.linalg.solve(curvature, slope))
        if not moved:
            break
    if point[0] < _FLATTEST:
        raise InputError(
            "the scores do not separate these scams from the other messages, so probabilities "
            "cannot be fitted; check the labels and their map"
        )
    return Scaling(round(1 / float(point[0]), 6), round(float(point[1]), 6))


def _descended(loss: Callable[[Floats], float], point: Floats, step: Floats) -> tuple[Floats, bool]:
    """Return the point after the step, halved until the loss falls, and whether it fell at all."""
    before = loss(point)
    for _ in range(40):
        if loss(point - step) < before - 1e-14:
            return point - step, True
        step = step / 2
    return point, False


def _logits(probabilities: Floats) -> Floats:
    values = np.clip(probabilities, _CERTAIN, 1 - _CERTAIN)
    logits: Floats = np.log(values) - np.log1p(-values)
    return logits


def _log_losses(probabilities: Floats, scam: Bools) -> Floats:
    right = np.where(scam, probabilities, 1 - probabilities)
    losses: Floats = -np.log(np.clip(right, _CERTAIN, 1.0))
    return losses


def carried(
    scores: Floats, scaling: Scaling, moved: Sequence[Moved], points: Sequence[OperatingPoint]
) -> tuple[tuple[Moved, ...], tuple[OperatingPoint, ...]]:
    """Return both with thresholds converted to the scaled probabilities; figures are unchanged.

    A threshold that cannot separate the scaled scores (n,) as before is dropped. Raises InputError
    if that is one of ``moved``.
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
    """Return the threshold that separates the scaled scores (n,) like the original ones.

    Raises InputError if the scores on both sides become equal.
    """
    reached = scores >= threshold
    scaled = float32_decimals(scaling(scores))
    low = float(scaled[~reached].max(initial=0.0))
    high = float(scaled[reached].min(initial=1.0))
    if not low < high:
        raise InputError(
            f"the threshold {threshold:g} cannot be kept: with refitted probabilities the "
            "scores on both sides are equal; remove --refit-probabilities"
        )
    (moved,) = float32_decimals(scaling([threshold]))
    return float(moved) if low < moved <= high else high


def scaled_settings(bundle: Bundle, scaling: Scaling) -> dict[str, Any]:
    """Return the keys of ``scamdetect.json`` that hold probabilities or thresholds, scaled.

    Kinds are listed as before, so their thresholds are unchanged; the precision of a kind's
    probability is known only for the original ones.
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
    if bundle.conversation is not None:
        settings["conversation"] = bundle.conversation.scaled(scaling).settings()
    return settings
