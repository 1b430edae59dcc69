"""The part of ScamDetector that a job needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from scamdetect.calibration.presets import Preset
from scamdetect.labels import Kind
from scamdetect.prediction import Prediction

if TYPE_CHECKING:
    from scamdetect.conversation.predict import ConversationPrediction


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
        """Return whether a first tier answers some messages alone."""

    def predict(self, texts: Iterable[object], /) -> list[Prediction]:
        """Return one prediction a text, in their order."""
