"""The prediction for a message, and the protocols that a detector fulfils."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from scamdetect.labels import KINDS, Decision, Kind, Verdict

SCHEMA_VERSION = 1
# Reasons, or how they start.
CLEARED = "cleared early"  # the encoder did not read the message in full
ALLOWED = "allowed by"  # it passed only because of an allow-list
FLAGGED_BY_KIND = "flagged by kind"  # it was flagged only by its kinds
REVIEWED_BY_VERDICT = "review by verdict"  # it is below the review threshold
LISTED = "review by indicator"  # it has a listed indicator


@dataclass(frozen=True, slots=True)
class KindScore:
    """A kind of scam and its probability, at most the scam probability."""

    kind: Kind
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction for one message; if unscored, it only has a reason.

    ``verdict`` is the most probable class, ``decision`` follows from the thresholds in force.
    ``kinds`` are sorted by probability; ``other`` is listed only on its own, also for a kind that
    the bundle never lists, or first. A scored message has a ``reason`` if more than its probability
    decided (see the constants) or if it was not read completely; several are separated by
    semicolons.
    """

    decision: Decision
    verdict: Verdict | None
    legit_probability: float | None
    spam_probability: float | None
    scam_probability: float | None
    kinds: tuple[KindScore, ...]
    language: str
    n_windows: int
    reason: str | None
    model_id: str

    @property
    def probabilities(self) -> dict[Verdict, float] | None:
        """Return the probability of each verdict in the fixed order, or None if unscored."""
        legit, spam, scam = self.legit_probability, self.spam_probability, self.scam_probability
        if legit is None or spam is None or scam is None:
            return None
        return {Verdict.LEGIT: legit, Verdict.SPAM: spam, Verdict.SCAM: scam}

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, with the ``schema_version`` of this layout."""
        probabilities = self.probabilities
        return {
            "schema_version": SCHEMA_VERSION,
            "verdict": None if self.verdict is None else self.verdict.value,
            "decision": self.decision.value,
            "scam_probability": self.scam_probability,
            "probabilities": probabilities and {k.value: p for k, p in probabilities.items()},
            "kinds": [{"kind": k.kind.value, "probability": k.probability} for k in self.kinds],
            "language": self.language,
            "n_windows": self.n_windows,
            "reason": self.reason,
            "model_id": self.model_id,
        }


def ranked(scores: Iterable[KindScore]) -> tuple[KindScore, ...]:
    """Return the kinds sorted by probability; ``other`` is kept only on its own or first."""
    ordered = sorted(scores, key=lambda score: (-score.probability, KINDS.index(score.kind)))
    # ``other`` adds nothing to a named kind.
    return tuple(s for s in ordered if s is ordered[0] or s.kind is not Kind.OTHER)


def unscored(reason: str, model_id: str) -> Prediction:
    """Return the prediction for a message that cannot be scored."""
    return Prediction(
        Decision.UNSCORED, None, None, None, None, (), "und", 0, reason=reason, model_id=model_id
    )
