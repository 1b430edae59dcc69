"""The application: what each address answers."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scamdetect.dumps.allow_list import AllowList
from scamdetect.prediction import Prediction
from scamdetect.serve.gate import Gate
from scamdetect.serve.limits import Limits
from scamdetect.serve.metrics import CONTENT_TYPE, Metrics
from scamdetect.serve.refusal import Refusal
from scamdetect.serve.request import (
    Asked,
    asked_of,
    check_head,
    check_host,
    check_token,
    has_token,
    read_body,
)

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
