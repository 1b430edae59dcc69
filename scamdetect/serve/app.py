"""The application: what each address answers, and its counters for Prometheus."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import accumulate
from typing import Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scamdetect.dumps.allow_list import AllowList
from scamdetect.prediction import ALLOWED, Prediction
from scamdetect.serve.gate import Gate
from scamdetect.serve.request import (
    Asked,
    Limits,
    Refusal,
    asked_of,
    check_head,
    check_host,
    check_token,
    has_token,
    read_body,
)

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


Endpoint = Callable[[Request], Awaitable[Response]]

_LOG = logging.getLogger("scamdetect.serving")
_GONE = 499  # as nginx counts clients that left; nobody receives it


class Detector(Protocol):
    """The part of ScamDetector that the service needs; several threads call it at once."""

    @property
    def model_id(self) -> str:
        """Return what names the model."""

    def predict(self, texts: Iterable[object], /) -> list[Prediction]:
        """Return one prediction a text, in their order."""


def create_app(
    detector: Detector,
    limits: Limits | None = None,
    token: str | None = None,
    *,
    local: bool = False,
    allow_list: AllowList | None = None,
) -> Starlette:
    """Return the service as an ASGI application, which scores in threads of this process.

    With a ``token`` all addresses want it as ``Authorization: Bearer`` but ``/healthz``, which
    without it says nothing but that the service lives. Without one a ``local`` service, reached
    from this machine alone, answers to addresses and to localhost only, so that no web page reaches
    it under a name of its own. With an ``allow_list`` requests may have senders, and what it allows
    passes.
    """
    limits = limits or Limits()
    metrics = Metrics(detector.model_id)

    def answer(asked: Asked) -> tuple[bytes, list[Prediction]]:
        found = detector.predict(asked.texts)
        if allow_list is not None:
            found = allow_list.apply(found, asked.texts, asked.senders)
        body = json.dumps({"predictions": [one.to_dict() for one in found]}, allow_nan=False)
        return body.encode("ascii"), found

    gate = Gate(limits)

    def check_name(request: Request) -> None:
        if local and token is None:
            check_host(request)

    def check_asker(request: Request) -> None:
        check_name(request)
        check_token(request, token)

    async def predict(request: Request) -> Response:
        began = time.monotonic()
        check_asker(request)
        check_head(request, limits)
        gate.check()  # before the body takes room
        body = await read_body(request, limits)
        asked = asked_of(body, limits, with_senders=allow_list is not None)
        answered, predictions = await gate.run(
            partial(answer, asked), len(asked.texts), request.is_disconnected
        )
        metrics.add_predictions(predictions)
        metrics.add_latency(time.monotonic() - began)
        return Response(answered, media_type="application/json")

    async def healthz(request: Request) -> Response:
        check_name(request)
        known = {"model_id": detector.model_id} if has_token(request, token) else {}
        return JSONResponse({"status": "ok"} | known)

    async def show_metrics(request: Request) -> Response:
        check_asker(request)
        return Response(
            metrics.render(gate.waiting, gate.working), headers={"Content-Type": CONTENT_TYPE}
        )

    async def refuse_other(request: Request, problem: Exception) -> Response:
        status = problem.status_code if isinstance(problem, HTTPException) else 500
        metrics.add_request("other", status)
        allowed = problem.headers if isinstance(problem, HTTPException) else None
        message = "POST /v1/predict, GET /healthz and GET /metrics are all there is"
        return Refusal(status, "no_such_address", message, allowed or {}).response()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        gate.close()

    service = Starlette(
        routes=[
            _route("/v1/predict", "POST", predict, metrics),
            _route("/healthz", "GET", healthz, metrics),
            _route("/metrics", "GET", show_metrics, metrics),
        ],
        exception_handlers={HTTPException: refuse_other},
        lifespan=lifespan,
    )
    # It would send clients to where their own header Host says.
    service.router.redirect_slashes = False
    return service


def _route(path: str, method: str, endpoint: Endpoint, metrics: Metrics) -> Route:
    """Return the endpoint at its path with every answer counted and no exception let out.

    An exception may hold a text, so nothing but its type is logged. What stands in a request, such
    as its header Host, which is a part of its URL, names no path here.
    """

    async def answer(request: Request) -> Response:
        try:
            response = await endpoint(request)
        except Refusal as refusal:
            response = refusal.response()
        except asyncio.CancelledError:  # only a server that stops cancels
            message = "the service stops; try again"
            response = Refusal(503, "stopping", message, {"Retry-After": "1"}).response()
        except ClientDisconnect:
            response = Response(status_code=_GONE)
        except Exception as problem:
            _LOG.error("%s failed: %s", path, type(problem).__name__)
            message = "the service failed; its log has the kind of the error"
            response = Refusal(500, "failed", message).response()
        metrics.add_request(path, response.status_code)
        return response

    return Route(path, answer, methods=[method])
