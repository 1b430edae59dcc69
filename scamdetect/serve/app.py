"""The application: what each path of the service answers."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scamdetect.dumps.allow_list import AllowList
from scamdetect.errors import InputError
from scamdetect.prediction import Prediction
from scamdetect.serve.body import ConversationBody, TextsBody, parse_conversation, parse_texts
from scamdetect.serve.gate import Gate
from scamdetect.serve.metrics import CONTENT_TYPE, Metrics
from scamdetect.serve.openapi import description
from scamdetect.serve.request import (
    Limits,
    Refusal,
    check_head,
    check_host,
    check_token,
    has_token,
    read_body,
)

if TYPE_CHECKING:
    from scamdetect.conversation.predict import ConversationPrediction
    from scamdetect.explain.explanation import Explanation

Endpoint = Callable[[Request], Awaitable[Response]]

_LOG = logging.getLogger("scamdetect.serving")
_GONE = 499  # nginx's status for a client that left; nobody receives it
_SCORED_PER_EXPLANATION = 24  # texts, about: the text without each of its segments
_SCORED_PER_MESSAGE = 2  # texts of a conversation: the message and the sender's last words


class Detector(Protocol):
    """The part of ScamDetector that the service needs; several threads call it at once."""

    @property
    def model_id(self) -> str:
        """Return the name of the model."""

    @property
    def presets(self) -> Mapping[str, object]:
        """Return the presets of the bundle by name."""

    def with_thresholds(self, *, preset: str) -> Detector:
        """Return a detector at a preset; raise InputError if other settings rule it out."""

    def predict(self, texts: Iterable[object], /) -> list[Prediction]:
        """Return one prediction a text, in their order."""

    def explain(self, text: object, /) -> Explanation:
        """Return the prediction for a text and what carries its score."""

    def predict_conversation(
        self, messages: Iterable[object], /, *, me: str | int | None = None
    ) -> ConversationPrediction:
        """Return the prediction for a conversation."""


def create_app(
    detector: Detector,
    limits: Limits | None = None,
    token: str | None = None,
    *,
    local: bool = False,
    allow_list: AllowList | None = None,
) -> Starlette:
    """Return the service as an ASGI application, which scores in threads of this process.

    With a ``token`` every path needs it as ``Authorization: Bearer``, except ``/healthz``, which
    then reports only that the service is alive. Without one, ``/v1/conversation`` and
    ``/v1/explain`` are refused, and a ``local`` service, which only this machine can reach, accepts
    only IP addresses and localhost as its host, so that no web page can reach it by DNS rebinding.
    With an ``allow_list``, requests may name senders, and the messages that it allows pass.
    """
    limits = limits or Limits()
    metrics = Metrics(detector.model_id)
    gate = Gate(limits)
    at_preset = _at_presets(detector)
    with_senders = allow_list is not None

    def check_name(request: Request) -> None:
        if local and token is None:
            check_host(request)

    def check_client(request: Request) -> None:
        check_name(request)
        check_token(request, token)

    async def body_of(request: Request) -> bytes:
        check_head(request, limits)
        gate.check()  # before the body takes memory
        return await read_body(request, limits)

    def allowed(found: list[Prediction], asked: TextsBody) -> list[Prediction]:
        return found if allow_list is None else allow_list.apply(found, asked.texts, asked.senders)

    def score(asked: TextsBody) -> tuple[bytes, list[Prediction]]:
        found = allowed(at_preset[asked.preset].predict(asked.texts), asked)
        answer = {"predictions": [one.to_dict() for one in found]}
        return _json(answer, ids=asked.ids), found

    def explain(asked: TextsBody) -> tuple[bytes, list[Prediction]]:
        explanations = [at_preset[asked.preset].explain(text) for text in asked.texts]
        found = allowed([one.prediction for one in explanations], asked)
        answer = {
            "explanations": [
                one.to_dict() | {"prediction": prediction.to_dict()}
                for one, prediction in zip(explanations, found, strict=True)
            ]
        }
        return _json(answer, ids=asked.ids), found

    def judge(asked: ConversationBody) -> tuple[bytes, ConversationPrediction]:
        found = detector.predict_conversation(asked.messages, me=asked.me)
        return _json({"conversation": found.to_dict()}, id=asked.id), found

    async def predict(request: Request) -> Response:
        began = time.monotonic()
        check_client(request)
        asked = parse_texts(
            await body_of(request), limits, presets=presets, with_senders=with_senders
        )
        body, found = await gate.run(
            partial(score, asked), len(asked.texts), request.is_disconnected
        )
        metrics.add_predictions(found)
        metrics.add_latency(time.monotonic() - began)
        return _answer(body)

    async def explanations(request: Request) -> Response:
        check_client(request)
        _check_guarded(token)
        asked = parse_texts(
            await body_of(request),
            limits,
            most=limits.explained,
            presets=presets,
            with_senders=with_senders,
        )
        scored = _SCORED_PER_EXPLANATION * len(asked.texts)
        body, found = await gate.run(partial(explain, asked), scored, request.is_disconnected)
        metrics.add_predictions(found)
        return _answer(body)

    async def conversation(request: Request) -> Response:
        check_client(request)
        _check_guarded(token)
        asked = parse_conversation(await body_of(request), limits)
        scored = _SCORED_PER_MESSAGE * len(asked.messages)
        body, found = await gate.run(partial(judge, asked), scored, request.is_disconnected)
        metrics.add_conversation(found.decision)
        return _answer(body)

    async def healthz(request: Request) -> Response:
        check_name(request)
        known = {"model_id": detector.model_id} if has_token(request, token) else {}
        return JSONResponse({"status": "ok"} | known)

    async def show_metrics(request: Request) -> Response:
        check_client(request)
        return Response(
            metrics.render(gate.waiting, gate.working), headers={"Content-Type": CONTENT_TYPE}
        )

    async def openapi(request: Request) -> Response:
        check_client(request)
        return _answer(described)

    async def refuse_other(request: Request, problem: Exception) -> Response:
        status = problem.status_code if isinstance(problem, HTTPException) else 500
        metrics.add_request("other", status)
        headers = problem.headers if isinstance(problem, HTTPException) else None
        names = ", ".join(f"{method} {path}" for method, path, _ in paths)
        return Refusal(status, "no_such_address", f"Use one of: {names}.", headers or {}).response()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        gate.close()

    presets = [name for name in at_preset if name is not None]
    described = _json(description(limits, presets, with_senders=with_senders))
    paths: list[tuple[str, str, Endpoint]] = [
        ("POST", "/v1/predict", predict),
        ("POST", "/v1/conversation", conversation),
        ("POST", "/v1/explain", explanations),
        ("GET", "/openapi.json", openapi),
        ("GET", "/healthz", healthz),
        ("GET", "/metrics", show_metrics),
    ]
    service = Starlette(
        routes=[_route(path, method, endpoint, metrics) for method, path, endpoint in paths],
        exception_handlers={HTTPException: refuse_other},
        lifespan=lifespan,
    )
    # A redirect would send clients to the address in their own header Host.
    service.router.redirect_slashes = False
    return service


def _at_presets(detector: Detector) -> dict[str | None, Detector]:
    """Return the detector at each preset that its settings allow, and unchanged for None."""
    found: dict[str | None, Detector] = {None: detector}
    for name in detector.presets:
        try:
            found[name] = detector.with_thresholds(preset=name)
        except InputError:  # a flag of a kind is higher than the preset
            continue
    return found


def _check_guarded(token: str | None) -> None:
    if token is None:
        raise Refusal(
            403,
            "needs_token",
            "This path is only available with a token. Start the service with SCAMDETECT_TOKEN in "
            "its environment.",
        )


def _json(answer: dict[str, Any], **given: object) -> bytes:
    """Return an answer as JSON, after the ids that the client gave."""
    kept = {name: value for name, value in given.items() if value is not None}
    return json.dumps(kept | answer, allow_nan=False).encode("ascii")


def _answer(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _route(path: str, method: str, endpoint: Endpoint, metrics: Metrics) -> Route:
    """Return the endpoint as a route that counts every answer and lets no exception out.

    An exception may contain a text, so only its type is logged. Metrics name the path of the route,
    never the URL of the request, which contains the header Host.
    """

    async def answer(request: Request) -> Response:
        try:
            response = await endpoint(request)
        except Refusal as refusal:
            response = refusal.response()
        except asyncio.CancelledError:  # only a server that is stopping cancels
            message = "The service is stopping. Try again."
            response = Refusal(503, "stopping", message, {"Retry-After": "1"}).response()
        except ClientDisconnect:
            response = Response(status_code=_GONE)
        except Exception as problem:
            _LOG.error("%s failed: %s", path, type(problem).__name__)
            message = "The service failed. Its log names the type of the error."
            response = Refusal(500, "failed", message).response()
        metrics.add_request(path, response.status_code)
        return response

    return Route(path, answer, methods=[method])
