"""The application: what each path of the service answers."""

import hmac
import html
import json
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from scamdetect.detector import ScamDetector
from scamdetect.dumps.decide import AllowList
from scamdetect.serve.gate import Gate, Metrics, refusal
from scamdetect.serve.schema import Conversation, Limits, Message, Refusal, Texts
from scamdetect.serve.scoring import Scoring

_LOG = logging.getLogger("scamdetect.serving")
LOCAL = re.compile(r"(127\.[\d.]+|localhost|\[::1\])(:\d+)?", re.IGNORECASE)
HEALTH, COSTLY = "/healthz", ("/v1/explain", "/v1/conversation")


def create_app(
    detector: ScamDetector,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    token: str | None = None,
    *,
    allow_list: AllowList | None = None,
) -> FastAPI:
    """Return the service as an ASGI application, which scores in threads of this process.

    With a ``token`` every path needs it as ``Authorization: Bearer``, except ``/healthz``, which
    then reports only that the service is alive. Without one, ``/v1/conversation`` and
    ``/v1/explain`` are refused, and the host of a request must be this machine. With an
    ``allow_list``, requests may name senders, and the messages that it allows pass.
    """
    metrics = Metrics(detector.model_id)
    gate, scoring = Gate(limits, metrics), Scoring(detector, limits, allow_list, metrics)
    app = FastAPI(
        title="scamdetect",
        version="1",
        description=f"Limits of a request: {asdict(limits)}",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # to the address in the client's own header Host
        responses={"default": {"model": Refusal}},
        dependencies=[Depends(HTTPBearer(auto_error=False))] if token else [],
        exception_handlers={HTTPException: _error, RequestValidationError: _invalid},
    )

    @app.middleware("http")
    async def guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        try:
            _check_head(request, token)
            if request.method == "POST":
                request._body = await _json_body(request, limits.body_bytes)
            response = await answer(request)
        except HTTPException as refused:
            response = await _error(request, refused)
        except ClientDisconnect:
            response = Response(status_code=499)
        except Exception as problem:  # its message may hold a text
            _LOG.error("a request failed: %s", type(problem).__name__)
            failed = refusal(500, "failed", "The service failed. Its log names the error.")
            response = await _error(request, failed)
        # The URL of the request is never a label, only the path of a route.
        path = getattr(request.scope.get("route"), "path", "other")
        metrics.requests.labels(path, response.status_code).inc()
        return response

    @app.post("/v1/predict")
    async def predict(body: Texts, request: Request) -> Response:
        """Classify texts: {"ids", "predictions"}, with one Prediction.to_dict for each text."""
        with metrics.seconds.time():
            return await gate.run(request, scoring.predict, body, ids=body.ids)

    @app.post(COSTLY[0])
    async def explain(body: Texts, request: Request) -> Response:
        """Explain scores: {"ids", "explanations"}. Needs a service with a token."""
        return await gate.run(request, scoring.explain, body, ids=body.ids)

    @app.post(COSTLY[1])
    async def conversation(body: Conversation, request: Request) -> Response:
        """Judge a conversation: {"id", "conversation"}. Needs a service with a token."""
        return await gate.run(request, scoring.judge, body, id=body.id)

    @app.get(HEALTH)
    async def health(request: Request) -> dict[str, str]:
        """Report that the service is alive; with the token also its model."""
        model = {"model_id": detector.model_id} if _has_token(request, token) else {}
        return {"status": "ok"} | model

    @app.get("/metrics", response_class=Response)
    async def show_metrics() -> Response:
        """Return counters for Prometheus."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/docs", response_class=HTMLResponse)
    async def docs() -> str:
        """Return this page, which loads nothing; the schemas are in /openapi.json."""
        rows = (
            f"<dt><code>{method.upper()} {path}</code><dd>{html.escape(operation['description'])}"
            for path, methods in app.openapi()["paths"].items()
            for method, operation in methods.items()
        )
        return f"<!doctype html><title>scamdetect</title><dl>{''.join(rows)}</dl>"

    return app


async def _json_body(request: Request, most: int) -> bytes:
    """Return the body with lone surrogates, which pydantic refuses, as U+FFFD."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise refusal(413, "body_too_large", f"Send at most {most:,} bytes in one request.")
    try:
        value = json.dumps(json.loads(body), ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        raise refusal(400, "not_json", "The body is not JSON in UTF-8.") from None
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _has_token(request: Request, token: str | None) -> bool:
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(sent.strip().encode("latin-1"), (token or "").encode())
    return token is None or (same and scheme.lower() == "bearer")


def _check_head(request: Request, token: str | None) -> None:
    headers = request.headers
    # A web page can make its own name lead to this machine (DNS rebinding), but not these.
    if token is None and not LOCAL.fullmatch(headers.get("host", "localhost")):
        raise refusal(421, "wrong_host", "Use 127.0.0.1 or localhost as the host.")
    if request.url.path != HEALTH and not _has_token(request, token):
        message = "Send the header Authorization: Bearer TOKEN."
        raise refusal(401, "unauthorized", message, WWW_Authenticate="Bearer")
    if token is None and request.url.path in COSTLY:
        raise refusal(403, "needs_token", "Start the service with SCAMDETECT_TOKEN.")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind != "application/json":
        raise refusal(415, "not_json", "Send the header Content-Type: application/json.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise refusal(415, "compressed", "Send the body without Content-Encoding.")


async def _error(request: Request, error: HTTPException) -> Response:
    message = "Use a method and a path of /openapi.json."
    other = {"code": "no_such_address", "message": message}
    detail = error.detail if isinstance(error.detail, dict) else other
    return JSONResponse({"error": detail}, error.status_code, error.headers)


async def _invalid(request: Request, invalid: RequestValidationError) -> Response:
    """Describe the first error without any part of the input, which pydantic would show."""
    first = invalid.errors()[0]
    names = Texts.model_fields | Conversation.model_fields | Message.model_fields
    where = [str(part) for part in first["loc"] if isinstance(part, int) or part in names]
    message = f"{'.'.join(where) or 'The body'}: {first['msg']}."
    return await _error(request, refusal(422, "wrong_content", message))
