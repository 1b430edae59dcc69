"""Counters of the service for Prometheus: numbers only, no text."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from starlette.types import Scope

from scamdetect.prediction import ALLOWED, Prediction


class Metrics:
    """Count what the service has done since it started."""

    def __init__(self, model_id: str) -> None:
        self.registry = own = CollectorRegistry()
        Info("scamdetect_model", "Model.", registry=own).info({"model_id": model_id})
        self._requests = Counter(
            "scamdetect_requests", "Requests.", ["path", "status"], registry=own
        )
        self._decisions = Counter("scamdetect_decisions", "Texts.", ["decision"], registry=own)
        self._allowed = Counter("scamdetect_allowed", "Texts of the allow-list.", registry=own)
        self.conversations = Counter(
            "scamdetect_conversations", "Conversations.", ["decision"], registry=own
        )
        self.waiting = Gauge("scamdetect_waiting_requests", "Waiting requests.", registry=own)
        self.working = Gauge("scamdetect_working_requests", "Scored requests.", registry=own)
        self.seconds = Histogram("scamdetect_predict_seconds", "/v1/predict.", registry=own)

    def add_request(self, scope: Scope, status: int) -> None:
        """Count an answer; the URL of the request is never a label, only the path of a route."""
        self._requests.labels(getattr(scope.get("route"), "path", "other"), status).inc()

    def add_predictions(self, predictions: Iterable[Prediction]) -> None:
        """Count predictions by decision, and those that pass only because of the allow-list."""
        for prediction in predictions:
            self._decisions.labels(prediction.decision.value).inc()
            self._allowed.inc((prediction.reason or "").startswith(ALLOWED))
