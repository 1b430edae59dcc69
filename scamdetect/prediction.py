"""The prediction for a message, and the protocols that a detector fulfils."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from scamdetect.labels import KINDS, Decision, Kind, Verdict

if TYPE_CHECKING:
    from scamdetect.calibration.presets import Preset
    from scamdetect.conversation.predict import ConversationPrediction

SCHEMA_VERSION = 1
CLEARED = "cleared early"  # reason of a message that the encoder did not read in full
ALLOWED = "allowed by"  # starts the reason of a message that passed only because of an allow-list
FLAGGED_BY_KIND = (
    "flagged by kind"  # starts the reason of a message that was flagged only by its kinds
)
REVIEWED_BY_VERDICT = (
    "review by verdict"  # starts the reason of a message below the review threshold
)
LISTED = "review by indicator"  # starts the reason of a message with a listed indicator


@dataclass(frozen=True, slots=True)
class KindScore:
    """A kind of scam and its probability, at most the scam probability."""

    kind: Kind
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction for one message; if unscored, it only has a reason.

    ``verdict`` is the most probable class. ``decision`` compares ``scam_probability`` with the
    thresholds in force; at the thresholds of a bundle not set by ``calibrate``, a message with the
    verdict scam never passes. ``kinds`` are sorted by probability; ``other`` is listed only on its
    own or first. On its own it can also represent a kind that the bundle never lists, with the
    probability of that kind. ``reason`` is also set on a scored message that was cleared early,
    passed because of an allow-list, was flagged by kind flags (it lists the kinds), went to review
    because of its verdict or a listed indicator, or was too long to be read completely. Several
    reasons are separated by semicolons.
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
    found = sorted(scores, key=lambda one: (-one.probability, KINDS.index(one.kind)))
    # ``other`` adds nothing to a named kind.
    return tuple(one for one in found if one is found[0] or one.kind is not Kind.OTHER)


def unscored(reason: str, model_id: str) -> Prediction:
    """Return the prediction for a message that cannot be scored."""
    return Prediction(
        decision=Decision.UNSCORED,
        verdict=None,
        legit_probability=None,
        spam_probability=None,
        scam_probability=None,
        kinds=(),
        language="und",
        n_windows=0,
        reason=reason,
        model_id=model_id,
    )


class Bands(Protocol):
    """The thresholds in force."""

    @property
    def flag(self) -> float:
        """Return the scam probability at which a message is flagged."""

    @property
    def review(self) -> float:
        """Return the scam probability at which a message goes to review."""

    @property
    def kind_flags(self) -> Mapping[Kind, float]:
        """Return the kind probabilities at which a message in review is flagged."""

    @property
    def review_scam_verdicts(self) -> bool:
        """Return True if a message with the verdict scam always goes at least to review."""


class ConversationDetector(Protocol):
    """A detector of conversations."""

    def predict_conversations(
        self, conversations: Iterable[Iterable[Any]], *, me: str | None = None
    ) -> list[ConversationPrediction]:
        """Return one prediction per conversation, in order."""


class Detector(ConversationDetector, Protocol):
    """A detector of messages and conversations."""

    @property
    def model_id(self) -> str:
        """Return the model id."""

    @property
    def thresholds(self) -> Bands:
        """Return the thresholds in force."""

    @property
    def preset(self) -> Preset | None:
        """Return the preset in force, if any."""

    @property
    def clears(self) -> bool:
        """Return True if some messages are cleared before they are read in full."""

    def predict(self, texts: Iterable[object], /) -> list[Prediction]:
        """Return one prediction per text, in order."""
