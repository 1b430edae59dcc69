"""From scores to thresholds, from thresholds to decisions, and intervals of shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scamdetect.errors import InputError
from scamdetect.labels import KINDS, Decision, Kind, Verdict


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The scam probabilities from which a message is flagged or sent to review.

    ``kind_flags`` are the probabilities of kinds from which a message that would go to review is
    flagged. They only ever add flags. With ``review_scam_verdicts`` a message whose verdict is scam
    goes to review at least, below ``review`` too. Raises InputError unless 0 < review <= flag <= 1
    and each kind's lies over 0 and under flag.
    """

    flag: float
    review: float
    kind_flags: Mapping[Kind, float] = field(default_factory=dict, hash=False)
    review_scam_verdicts: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.review <= self.flag <= 1:
            raise InputError(
                f"thresholds flag={self.flag!r}, review={self.review!r} are impossible; "
                "choose 0 < review <= flag <= 1"
            )
        for kind, probability in self.kind_flags.items():
            if not 0 < probability < self.flag:
                raise InputError(
                    f"the flag of kind {kind.value}={probability!r} would change nothing beside "
                    f"flag={self.flag!r}, since no kind is likelier than the scam; choose one over "
                    f"0 and under {self.flag!r}, or leave it out"
                )
        if self.kind_flags and self.review == self.flag:
            raise InputError(
                f"flags of kinds decide among messages to review, of which review={self.review!r} "
                f"and flag={self.flag!r} leave none; give a lower review"
            )

    def decide(self, scam_probability: float, verdict: Verdict | None = None) -> Decision:
        """Return what to do with a scored message, or with a risk, which has no ``verdict``."""
        if scam_probability >= self.flag:
            return Decision.FLAG
        if scam_probability >= self.review or self.reviewed_by_verdict(scam_probability, verdict):
            return Decision.REVIEW
        return Decision.PASS

    def reviewed_by_verdict(self, scam_probability: float, verdict: Verdict | None) -> bool:
        """Return whether the message reaches no threshold and only its verdict makes it review."""
        return (
            self.review_scam_verdicts and verdict is Verdict.SCAM and scam_probability < self.review
        )

    def flagging_kinds(
        self,
        scam_probability: float,
        kinds: Mapping[Kind, float],
        verdict: Verdict | None = None,
    ) -> tuple[Kind, ...]:
        """Return the kinds for which a message is flagged that would go to review, strongest first.

        ``kinds`` holds the probability of each kind that has a flag, as ``kind_proba`` gives it.
        """
        if self.decide(scam_probability, verdict) is not Decision.REVIEW:
            return ()
        reached = [kind for kind, bar in self.kind_flags.items() if kinds[kind] >= bar]
        return tuple(sorted(reached, key=lambda kind: (-kinds[kind], KINDS.index(kind))))


@dataclass(frozen=True, slots=True)
class KindThresholds:
    """The probabilities from which a kind is named.

    ``f1`` gave the best F1, or is the lowest over it at which the kind can be believed; None for a
    kind that is never named. ``precision`` is the lowest that keeps the precision asked for, None
    where none does. Raises InputError outside [0, 1].
    """

    f1: float | None
    precision: float | None

    def __post_init__(self) -> None:
        for value in (self.f1, self.precision):
            if value is not None and not 0 <= value <= 1:
                raise InputError(f"a kind's threshold lies in [0, 1]; got {value!r}")


def known_kind_flags(given: Mapping[str, float] | Mapping[Kind, float]) -> dict[Kind, float]:
    """Return flags by kind, in the order of kinds; raise InputError on others than known kinds.

    Values that are no numbers are refused too; how they lie to other thresholds is for Thresholds.
    """
    known = [kind.value for kind in KINDS]
    for name, value in given.items():
        if name not in known:
            raise InputError(f"unknown kind {name!r}; known kinds are {', '.join(known)}")
        if not is_number(value):
            raise InputError(f"the flag of kind {name} is a number over 0; got {value!r}")
    return {Kind(name): given[name] for name in sorted(given, key=known.index)}  # type: ignore[index]


def is_number(value: object) -> bool:
    """Return whether the value is a real number, which True and False are not here."""
    return isinstance(value, Real) and not isinstance(value, bool)


def threshold_at_fpr(
    legit_scores: ArrayLike, fpr: float, weights: ArrayLike | None = None
) -> float:
    """Return the lowest threshold that at most ``fpr`` of the legit rows reach or exceed.

    Tied scores stand on one side. ``weights`` (n,) make the rate a weighted one. The result exceeds
    every legit score where a single row is already too many; for probabilities it may exceed 1.
    Raises InputError on no rows, on scores that are not finite and on an ``fpr`` outside [0, 1].
    """
    scores, mass = weighted(legit_scores, weights)
    if not 0 <= fpr <= 1:
        raise InputError(f"a false-positive rate lies in [0, 1]; got {fpr!r}")
    values, inverse = np.unique(scores, return_inverse=True)
    tail = np.cumsum(np.bincount(inverse, mass)[::-1])[::-1] / mass.sum()
    too_many = np.flatnonzero(tail > fpr * (1 + 1e-9))
    if too_many.size == 0:
        return float(values[0])
    return _above(float(values[too_many[-1]]))


def weighted(
    scores: ArrayLike, weights: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scores and positive weights (n,), ones by default; raise InputError on others."""
    values = np.asarray(scores, dtype=np.float64).ravel()
    mass = np.ones_like(values) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.size == 0:
        raise InputError("a threshold needs at least one row; got none")
    if not np.isfinite(values).all():
        raise InputError("scores must be finite; leave unscored rows out before choosing")
    if mass.shape != values.shape or not (np.isfinite(mass).all() and (mass > 0).all()):
        raise InputError(f"weights must be {values.size} positive numbers, one a score")
    return values, mass


def _above(score: float) -> float:
    # Decisions compare decimals of float32 scores, so the next float32 is the next score there is.
    step = np.float32(score)
    if step <= score:
        step = np.nextafter(step, np.float32(np.inf))
    return float(str(step))
