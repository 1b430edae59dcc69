"""Counters of the service in the text format of Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate

from scamdetect.labels import Decision
from scamdetect.prediction import ALLOWED, Prediction

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Count what the service has done since it started: numbers only, no text."""

    def __init__(self, model_id: str) -> None:
        self._decisions: Counter[str] = Counter()
        self._conversations: Counter[str] = Counter()
        self._model_id = model_id
        self._requests: Counter[tuple[str, int]] = Counter()
        self._allowed = 0
        self._seconds = 0.0
        self._in_bucket = [0] * (len(_BUCKETS) + 1)

    def add_request(self, path: str, status: int) -> None:
        """Count an answered request; ``path`` is one of the few paths of the service."""
        self._requests[path, status] += 1

    def add_latency(self, seconds: float) -> None:
        """Count the seconds that a request waited for its predictions."""
        self._seconds += seconds
        self._in_bucket[bisect_left(_BUCKETS, seconds)] += 1

    def add_predictions(self, predictions: Iterable[Prediction]) -> None:
        """Count predictions by decision, and those that pass only because of the allow-list."""
        for one in predictions:
            self._decisions[one.decision.value] += 1
            self._allowed += (one.reason or "").startswith(ALLOWED)

    def add_conversation(self, decision: Decision) -> None:
        """Count a conversation by its decision."""
        self._conversations[decision.value] += 1

    def render(self, waiting: int, working: int) -> str:
        """Return the page; ``waiting`` and ``working`` count requests in the queue and scored."""
        return "\n".join(self._lines(waiting, working)) + "\n"

    def _lines(self, waiting: int, working: int) -> Iterator[str]:
        yield from _head("scamdetect_model_info", "gauge", "The model that answers.")
        yield f'scamdetect_model_info{{model_id="{_escaped(self._model_id)}"}} 1'
        yield from _head("scamdetect_requests_total", "counter", "Requests by path and status.")
        for (path, status), count in sorted(self._requests.items()):
            yield f'scamdetect_requests_total{{path="{path}",status="{status}"}} {count}'
        yield from _head("scamdetect_rows_total", "counter", "Texts that were answered.")
        yield f"scamdetect_rows_total {self._decisions.total()}"
        yield from _head("scamdetect_decisions_total", "counter", "Texts by decision.")
        for decision, count in sorted(self._decisions.items()):
            yield f'scamdetect_decisions_total{{decision="{decision}"}} {count}'
        name = "scamdetect_allowed_total"
        yield from _head(name, "counter", "Texts that pass only because of the allow-list.")
        yield f"{name} {self._allowed}"
        name = "scamdetect_conversations_total"
        yield from _head(name, "counter", "Conversations by decision.")
        for decision, count in sorted(self._conversations.items()):
            yield f'{name}{{decision="{decision}"}} {count}'
        yield from _head("scamdetect_waiting_requests", "gauge", "Requests that wait for a thread.")
        yield f"scamdetect_waiting_requests {waiting}"
        yield from _head("scamdetect_working_requests", "gauge", "Requests that are being scored.")
        yield f"scamdetect_working_requests {working}"
        name = "scamdetect_predict_seconds"
        yield from _head(name, "histogram", "Seconds from request to answer of /v1/predict.")
        sums = list(accumulate(self._in_bucket))
        for bound, count in zip((*map(str, _BUCKETS), "+Inf"), sums, strict=True):
            yield f'{name}_bucket{{le="{bound}"}} {count}'
        yield f"{name}_sum {self._seconds!r}"
        yield f"{name}_count {sums[-1]}"


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
