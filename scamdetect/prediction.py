"""What the detector says about one message, and what of a detector a job needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from scamdetect.labels import KINDS, Decision, Kind, Verdict

if TYPE_CHECKING:
    from scamdetect.calibration.presets import Preset
    from scamdetect.conversation.predict import ConversationPrediction

SCHEMA_VERSION = 1
CLEARED = "cleared early"  # the reason of a message that the encoder did not read in full
ALLOWED = "allowed by"  # begins the reason of one that only an allow-list lets pass
FLAGGED_BY_KIND = "flagged by kind"  # begins the reason of one that only its kinds flagged
REVIEWED_BY_VERDICT = "review by verdict"  # begins the reason of one below the review threshold
LISTED = "review by indicator"  # begins the reason of one that only a listed indicator held back


@dataclass(frozen=True, slots=True)
class KindScore:
    """One kind of scam and the probability, at most the scam's, that the message is such a one."""

    kind: Kind
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one message; an unscored one has no verdict, no probabilities and a reason.

    ``verdict`` is the most probable class. ``decision`` compares ``scam_probability`` with the
    thresholds in force; with those of a bundle that ``calibrate`` did not set, a message with the
    verdict scam is never passed.
    ``kinds`` come strongest first, ``other`` only alone or above all named ones; alone it may stand
    for a kind that the bundle never names, with the probability of that kind. ``reason`` is also
    set on a scored message that was cleared early, that an allow-list let pass, that the flags of
    kinds alone flagged (it names them), that only its verdict or a listed indicator sent to review,
    or of which the bundle's window limit left a part unread; several reasons are separated by
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
        """Return the probability of each verdict in their one order, or None when unscored."""
        legit, spam, scam = self.legit_probability, self.spam_probability, self.scam_probability
        if legit is None or spam is None or scam is None:
            return None
        return {Verdict.LEGIT: legit, Verdict.SPAM: spam, Verdict.SCAM: scam}

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types only, with the ``schema_version`` of this layout."""
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
    """Return the kinds strongest first, ``other`` only alone or above all named ones."""
    found = sorted(scores, key=lambda one: (-one.probability, KINDS.index(one.kind)))
    # That a scam is of some other kind says nothing beside a kind that has a name.
    return tuple(one for one in found if one is found[0] or one.kind is not Kind.OTHER)


def unscored(reason: str, model_id: str) -> Prediction:
    """Return the answer for a message that cannot be scored."""
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
        """Return the scam probability from which a message is flagged."""

    @property
    def review(self) -> float:
        """Return the scam probability from which a message is reviewed."""

    @property
    def kind_flags(self) -> Mapping[Kind, float]:
        """Return the probabilities of kinds from which a message to review is flagged."""

    @property
    def review_scam_verdicts(self) -> bool:
        """Return whether a message with the verdict scam goes to review at least."""


class ConversationDetector(Protocol):
    """What judges conversations."""

    def predict_conversations(
        self, conversations: Iterable[Iterable[Any]], *, me: str | None = None
    ) -> list[ConversationPrediction]:
        """Return one prediction a conversation, in their order."""


class Detector(ConversationDetector, Protocol):
    """What judges messages and conversations."""

    @property
    def model_id(self) -> str:
        """Return what names the model."""

    @property
    def thresholds(self) -> Bands:
        """Return the thresholds in force."""

    @property
    def preset(self) -> Preset | None:
        """Return the preset that is in force, if any."""

    @property
    def clears(self) -> bool:
        """Return whether some messages are cleared before they are read in full."""

    def predict(self, texts: Iterable[object], /) -> list[Prediction]:
        """Return one prediction a text, in their order."""
