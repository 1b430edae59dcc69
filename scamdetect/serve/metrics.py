"""Counters of the service in the text format that Prometheus reads."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate

from scamdetect.prediction import ALLOWED, Prediction

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """What the service has done since it began: numbers and names of its own, no text."""

    def __init__(self, model_id: str) -> None:
        self.decisions: Counter[str] = Counter()
        self._model_id = model_id
        self._requests: Counter[tuple[str, int]] = Counter()
        self._allowed = 0
        self._seconds = 0.0
        self._in_bucket = [0] * (len(_BUCKETS) + 1)

    def add_request(self, path: str, status: int) -> None:
        """Count a request that was answered; ``path`` is one of few."""
        self._requests[path, status] += 1

    def add_latency(self, seconds: float) -> None:
        """Count how long texts waited for their predictions."""
        self._seconds += seconds
        self._in_bucket[bisect_left(_BUCKETS, seconds)] += 1

    def add_predictions(self, predictions: Iterable[Prediction]) -> None:
        """Count predictions by their decision, and those that only an allow-list let pass."""
        for one in predictions:
            self.decisions[one.decision.value] += 1
            self._allowed += (one.reason or "").startswith(ALLOWED)

    def render(self, waiting: int, working: int) -> str:
        """Return the page, with the numbers of requests that wait and are scored now."""
        return "\n".join(self._lines(waiting, working)) + "\n"

    def _lines(self, waiting: int, working: int) -> Iterator[str]:
        yield from _head("scamdetect_model_info", "gauge", "The model that answers.")
        yield f'scamdetect_model_info{{model_id="{_escaped(self._model_id)}"}} 1'
        yield from _head("scamdetect_requests_total", "counter", "Requests by path and status.")
        for (path, status), count in sorted(self._requests.items()):
            yield f'scamdetect_requests_total{{path="{path}",status="{status}"}} {count}'
        yield from _head("scamdetect_rows_total", "counter", "Texts that were answered.")
        yield f"scamdetect_rows_total {self.decisions.total()}"
        yield from _head("scamdetect_decisions_total", "counter", "Texts by decision.")
        for decision, count in sorted(self.decisions.items()):
            yield f'scamdetect_decisions_total{{decision="{decision}"}} {count}'
        name = "scamdetect_allowed_total"
        yield from _head(name, "counter", "Texts that only the allow-list let pass.")
        yield f"{name} {self._allowed}"
        yield from _head("scamdetect_waiting_requests", "gauge", "Requests that wait for a thread.")
        yield f"scamdetect_waiting_requests {waiting}"
        yield from _head("scamdetect_working_requests", "gauge", "Requests that are scored now.")
        yield f"scamdetect_working_requests {working}"
        name = "scamdetect_predict_seconds"
        yield from _head(name, "histogram", "Seconds from request head to answer, if answered.")
        sums = list(accumulate(self._in_bucket))
        for bound, count in zip((*map(str, _BUCKETS), "+Inf"), sums, strict=True):
            yield f'{name}_bucket{{le="{bound}"}} {count}'
        yield f"{name}_sum {self._seconds!r}"
        yield f"{name}_count {sums[-1]}"


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
