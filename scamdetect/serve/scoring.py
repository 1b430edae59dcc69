"""Score what requests contain; the methods run in threads and return JSON values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scamdetect.detector import ScamDetector
from scamdetect.dumps.decide import AllowList
from scamdetect.errors import InputError
from scamdetect.prediction import Prediction
from scamdetect.serve.gate import Metrics, refusal
from scamdetect.serve.schema import Conversation, Limits, Message, Texts


@dataclass(frozen=True)
class Scoring:
    """What the service scores with."""

    detector: ScamDetector
    limits: Limits
    allow_list: AllowList | None
    metrics: Metrics

    def predict(self, body: Texts) -> dict[str, Any]:
        """Return one prediction for each text."""
        predictions = self._at_preset(body, self.limits.texts).predict(body.texts)
        return {"predictions": [each.to_dict() for each in self._decide(predictions, body)]}

    def explain(self, body: Texts) -> dict[str, Any]:
        """Return one explanation for each text, with the decision of its prediction."""
        detector = self._at_preset(body, self.limits.explained)
        explanations = [detector.explain(text) for text in body.texts]
        predictions = self._decide([each.prediction for each in explanations], body)
        pairs = zip(explanations, predictions, strict=True)
        return {"explanations": [e.to_dict() | {"prediction": p.to_dict()} for e, p in pairs]}

    def judge(self, body: Conversation) -> dict[str, Any]:
        """Return the prediction for a conversation."""
        messages = [dict(each) if isinstance(each, Message) else each for each in body.messages]
        self._check([m["text"] if isinstance(m, dict) else m for m in messages], self.limits.texts)
        try:
            prediction = self.detector.predict_conversation(messages, me=body.me)
        except InputError:
            raise refusal(422, "wrong_value", "Check me, sender and time.") from None
        self.metrics.conversations.labels(prediction.decision.value).inc()
        return {"conversation": prediction.to_dict()}

    def _at_preset(self, body: Texts, most: int) -> ScamDetector:
        self._check(body.texts, most)
        if body.senders is not None and self.allow_list is None:
            raise refusal(422, "wrong_content", 'Leave "senders" out: there is no allow-list.')
        for values in (body.ids, body.senders):
            if values is not None and len(values) != len(body.texts):
                raise refusal(422, "wrong_content", "Send one id and one sender for each text.")
        try:
            return self.detector.with_thresholds(preset=body.preset)
        except InputError:
            message = "The service does not have this preset."
            raise refusal(422, "unknown_preset", message) from None

    def _decide(self, predictions: list[Prediction], body: Texts) -> list[Prediction]:
        if self.allow_list is not None:
            predictions = self.allow_list.apply(predictions, body.texts, body.senders)
        self.metrics.add_predictions(predictions)
        return predictions

    def _check(self, texts: Sequence[str | None], most: int) -> None:
        if len(texts) > most:
            raise refusal(422, "too_many_texts", f"Send at most {most:,} texts in one request.")
        if any(len(text or "") > self.limits.characters for text in texts):
            message = f"Send at most {self.limits.characters:,} characters in a text."
            raise refusal(422, "text_too_long", message)
