"""Choose thresholds from scores, and decide by thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scamdetect.calibration.probabilities import Share
from scamdetect.errors import InputError
from scamdetect.labels import KINDS, Decision, Kind, Verdict


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The scam probabilities at which a message is flagged or goes to review.

    ``kind_flags`` are the kind probabilities at which a message that would go to review is flagged.
    They only add flags. With ``review_scam_verdicts`` a message with the verdict scam goes at least
    to review, even below ``review``. Raises InputError unless 0 < review <= flag <= 1 and each kind
    flag is above 0 and below flag.
    """

    flag: float
    review: float
    kind_flags: Mapping[Kind, float] = field(default_factory=dict, hash=False)
    review_scam_verdicts: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.review <= self.flag <= 1:
            raise InputError(
                f"thresholds flag={self.flag!r}, review={self.review!r} are invalid; choose 0 < "
                "review <= flag <= 1"
            )
        for kind, probability in self.kind_flags.items():
            if not 0 < probability < self.flag:
                raise InputError(
                    f"the flag of kind {kind.value}={probability!r} has no effect with "
                    f"flag={self.flag!r}, because a kind is never more probable than the scam; "
                    f"choose one above 0 and below {self.flag!r}, or remove it"
                )
        if self.kind_flags and self.review == self.flag:
            raise InputError(
                f"kind flags apply to messages in review, but review={self.review!r} and "
                f"flag={self.flag!r} leave none; choose a lower review"
            )

    def decide(self, scam_probability: float, verdict: Verdict | None = None) -> Decision:
        """Return the decision for a scored message, or for a risk, which has no ``verdict``."""
        if scam_probability >= self.flag:
            return Decision.FLAG
        if scam_probability >= self.review or self.reviewed_by_verdict(scam_probability, verdict):
            return Decision.REVIEW
        return Decision.PASS

    def reviewed_by_verdict(self, scam_probability: float, verdict: Verdict | None) -> bool:
        """Return True if a message goes to review only because of its verdict."""
        below = scam_probability < self.review
        return self.review_scam_verdicts and verdict is Verdict.SCAM and below

    def flagging_kinds(self, probabilities: Mapping[Kind, float]) -> list[Kind]:
        """Return the kinds that flag a message in review, most probable first.

        ``probabilities`` holds the probability of each kind with a flag, from ``kind_proba``.
        """
        reached = [kind for kind, flag in self.kind_flags.items() if probabilities[kind] >= flag]
        return sorted(reached, key=lambda kind: (-probabilities[kind], KINDS.index(kind)))


@dataclass(frozen=True, slots=True)
class KindThresholds:
    """The probability at which a kind is listed, ``f1`` (None: never), or is quite certain."""

    f1: Share | None
    precision: Share | None


def known_kind_flags(flags: Mapping[str, float] | Mapping[Kind, float]) -> dict[Kind, float]:
    """Return flags by kind, in the order of kinds.

    Raises InputError for unknown kinds and for values that are not numbers.
    """
    known = [kind.value for kind in KINDS]
    for name, value in flags.items():
        if name not in known:
            raise InputError(f"unknown kind {name!r}; known kinds: {', '.join(known)}")
        if not is_number(value):
            raise InputError(f"the flag of kind {name} must be a number above 0; got {value!r}")
    return {Kind(name): flags[name] for name in sorted(flags, key=known.index)}  # type: ignore[index]


def is_number(value: object) -> bool:
    """Return True for real numbers, but not for True and False."""
    return isinstance(value, Real) and not isinstance(value, bool)


def threshold_at_fpr(
    legit_scores: ArrayLike, fpr: float, weights: ArrayLike | None = None
) -> float:
    """Return the lowest threshold that at most ``fpr`` of the legit rows reach or exceed.

    Tied scores stay together. ``weights`` (n,) give a weighted rate. If even one row is too many,
    the result exceeds every legit score, and may exceed 1 for probabilities. Raises InputError
    without rows, for scores that are not finite and for an ``fpr`` outside [0, 1].
    """
    scores, mass = weighted(legit_scores, weights)
    if not 0 <= fpr <= 1:
        raise InputError(f"a false-positive rate must be in [0, 1]; got {fpr!r}")
    values, inverse = np.unique(scores, return_inverse=True)
    tail = np.cumsum(np.bincount(inverse, mass)[::-1])[::-1] / mass.sum()
    too_many = np.flatnonzero(tail > fpr * (1 + 1e-9))
    if too_many.size == 0:
        return float(values[0])
    # Decisions compare decimals of float32 scores, so the next float32 is the next possible score.
    score = float(values[too_many[-1]])
    step = np.float32(score)
    return float(str(step if step > score else np.nextafter(step, np.float32(np.inf))))


def weighted(
    scores: ArrayLike, weights: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scores and positive weights (n,), ones by default; raise InputError for others."""
    values = np.asarray(scores, dtype=np.float64).ravel()
    mass = np.ones_like(values) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.size == 0:
        raise InputError("a threshold needs at least one row; got none")
    if not np.isfinite(values).all():
        raise InputError("scores must be finite; leave unscored rows out")
    if mass.shape != values.shape or not (np.isfinite(mass).all() and (mass > 0).all()):
        raise InputError(f"need {values.size} positive weights, one per score")
    return values, mass
