"""Limit how many requests are scored at once and how many wait, and count what is done."""

import asyncio
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import HTTPException, Request, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from starlette.requests import ClientDisconnect

from scamdetect.prediction import ALLOWED, Prediction
from scamdetect.serve.schema import Limits

Body = TypeVar("Body")


def refusal(status: int, code: str, message: str, **headers: str) -> HTTPException:
    """Return the error for a request; the message contains no text of it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HTTPException(status, {"code": code, "message": message}, named)


class Metrics:
    """Counters for Prometheus since the start: numbers only, no text."""

    def __init__(self, model_id: str) -> None:
        self.registry = own = CollectorRegistry()
        Info("scamdetect_model", "Model.", registry=own).info({"model_id": model_id})
        self.requests = Counter(
            "scamdetect_requests", "Requests.", ["path", "status"], registry=own
        )
        self.decisions = Counter("scamdetect_decisions", "Texts.", ["decision"], registry=own)
        self.allowed = Counter("scamdetect_allowed", "Texts of the allow-list.", registry=own)
        self.conversations = Counter(
            "scamdetect_conversations", "Conversations.", ["decision"], registry=own
        )
        self.waiting = Gauge("scamdetect_waiting_requests", "Waiting requests.", registry=own)
        self.working = Gauge("scamdetect_working_requests", "Scored requests.", registry=own)
        self.seconds = Histogram("scamdetect_predict_seconds", "/v1/predict.", registry=own)

    def add_predictions(self, predictions: Iterable[Prediction]) -> None:
        """Count predictions by decision, and those that pass only because of the allow-list."""
        for prediction in predictions:
            self.decisions.labels(prediction.decision.value).inc()
            self.allowed.inc((prediction.reason or "").startswith(ALLOWED))


class Gate:
    """Score in separate threads; call it from one event loop."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits, self._metrics, self._waiting = limits, metrics, 0
        self._threads = ThreadPoolExecutor(limits.parallel)
        self._free = asyncio.Semaphore(limits.parallel)

    async def run(
        self, request: Request, score: Callable[[Body], dict[str, Any]], body: Body, **ids: object
    ) -> Response:
        """Return the score of a body, after its ids; raise HTTPException if no thread is free."""
        busy = refusal(503, "busy", "Too many requests are waiting. Try again.", Retry_After="1")
        if self._waiting >= self._limits.queue and self._free.locked():
            raise busy
        self._waiting += 1
        try:
            with self._metrics.waiting.track_inprogress():
                async with asyncio.timeout(self._limits.wait_seconds):
                    await self._free.acquire()
        except TimeoutError:
            raise busy from None
        finally:
            self._waiting -= 1
        try:
            if await request.is_disconnected():  # it may have sent the same texts again
                raise ClientDisconnect
            with self._metrics.working.track_inprogress():
                loop = asyncio.get_running_loop()
                answer = await loop.run_in_executor(self._threads, score, body)
        finally:
            self._free.release()
        given = {name: value for name, value in ids.items() if value is not None}
        return Response(json.dumps(given | answer), media_type="application/json")
