"""A detector without a model: the scam probability follows from the letters of a text."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from scamdetect.labels import Decision, Kind, Verdict
from scamdetect.prediction import KindScore, Prediction, unscored


class SumDetector:
    """Score texts by the sum of their letters, as fast as a dump can be read."""

    def __init__(self, model_id: str = "sum-1", flag: float = 0.8) -> None:
        self.model_id = model_id
        self.thresholds = SimpleNamespace(
            flag=flag, review=0.4, kind_flags={Kind.ROMANCE: 0.9}, review_scam_verdicts=True
        )
        self.preset = None
        self.clears = False
        self.texts: list[Any] = []

    def predict(self, texts: Sequence[Any]) -> list[Prediction]:
        """Return one prediction per text, and remember the texts."""
        self.texts += texts
        return list(map(self._one, texts))

    def _one(self, text: object) -> Prediction:
        if not isinstance(text, str) or not text.strip():
            return unscored("empty", self.model_id)
        scam = sum(map(ord, text)) % 97 / 97
        decision = Decision.FLAG if scam >= self.thresholds.flag else Decision.REVIEW
        decision = decision if scam >= self.thresholds.review else Decision.PASS
        return Prediction(
            decision=decision,
            verdict=Verdict.SCAM if scam > 0.5 else Verdict.LEGIT,
            legit_probability=1 - scam,
            spam_probability=0.0,
            scam_probability=scam,
            kinds=(KindScore(Kind.ROMANCE, scam),) if scam > 0.5 else (),
            language="en",
            n_windows=1,
            reason=None,
            model_id=self.model_id,
        )
