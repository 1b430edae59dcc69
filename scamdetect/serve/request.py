"""Check a request before its body is parsed: limits, host, token, headers and size."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse

from scamdetect.errors import InputError

Code = Literal[
    "body_too_large", "busy", "compressed", "failed", "needs_token", "no_such_address", "not_json",
    "not_text", "stopping", "text_too_long", "too_many_texts", "too_slow", "unauthorized",
    "unknown_preset", "wrong_host", "wrong_members", "wrong_value",
]  # fmt: skip


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server that listens on the host."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_local_name(header: str) -> bool:
    """Return whether a header Host, with or without a port, is an IP address or localhost."""
    try:
        host = urlsplit(f"//{header}").hostname or ""
        if host != "localhost":
            ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Limits:
    """Limits of requests; raises InputError if one is not over 0.

    ``texts`` limits the texts of one request, and the messages of a conversation; ``explained`` the
    texts of one request for explanations; ``characters`` one text. ``body_bytes`` and
    ``body_seconds`` limit the body. ``head_seconds`` limits how long a connection may take for a
    whole request head, or to accept a part of an answer. ``parallel`` requests are scored at once;
    ``queue`` more wait, each at most ``wait_seconds``. When the service stops, running requests
    have ``stop_seconds`` left.
    """

    texts: int = 256
    explained: int = 8
    characters: int = 20_000
    body_bytes: int = 1 << 20
    body_seconds: float = 10.0
    head_seconds: float = 15.0
    parallel: int = 1
    queue: int = 64
    wait_seconds: float = 10.0
    connections: int = 512
    stop_seconds: int = 25  # Kubernetes kills after 30

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not value > 0:
                raise InputError(f"{one.name}={value!r} is invalid; use a number over 0")


@dataclass
class Refusal(Exception):
    """Refuse a request; ``message`` says what to change and contains no text of the request."""

    status: int
    code: Code
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> JSONResponse:
        """Return the error as an HTTP response."""
        error = {"code": self.code, "message": self.message}
        return JSONResponse({"error": error}, self.status, dict(self.headers))


def check_host(request: Request) -> None:
    """Raise Refusal if the request names a host that is neither an IP address nor localhost.

    A web page can make its own name lead to this machine (DNS rebinding) and is then of the same
    origin as the service, but its requests still carry that name.
    """
    given = request.headers.get("host")
    if given is not None and not is_local_name(given):
        raise Refusal(
            421,
            "wrong_host",
            "Use an IP address such as 127.0.0.1, or localhost, in the URL. To allow other names, "
            "start the service with a token.",
        )


def has_token(request: Request, token: str | None) -> bool:
    """Return whether the service has no token or the request sends it."""
    if token is None:
        return True
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    # Always compared, and in constant time: the time must not reveal anything about the token.
    same = hmac.compare_digest(given.strip().encode("latin-1"), token.encode("utf-8"))
    return same and scheme.lower() == "bearer"


def check_token(request: Request, token: str | None) -> None:
    """Raise Refusal if the service has a token and the request does not send it."""
    if not has_token(request, token):
        raise Refusal(
            401,
            "unauthorized",
            "Send the header Authorization: Bearer TOKEN with the token of this service.",
            {"WWW-Authenticate": "Bearer"},
        )


def check_head(request: Request, limits: Limits) -> None:
    """Raise Refusal if the headers show that the body is not acceptable."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, "not_json", "Send the header Content-Type: application/json.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "compressed", "Send the body uncompressed, without Content-Encoding.")
    if int(request.headers.get("content-length", 0)) > limits.body_bytes:
        raise _too_large(limits)


async def read_body(request: Request, limits: Limits) -> bytes:
    """Return the body; raise Refusal if it is too large or arrives too slowly."""
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.stream():
                if len(body) + len(chunk) > limits.body_bytes:
                    raise _too_large(limits)
                body += chunk
    except TimeoutError as problem:
        raise Refusal(
            408,
            "too_slow",
            f"The body did not arrive within {limits.body_seconds:g} seconds. Send it again.",
            {"Connection": "close"},
        ) from problem
    return bytes(body)


def _too_large(limits: Limits) -> Refusal:
    message = f"The body is larger than {limits.body_bytes:,} bytes. Split it into more requests."
    return Refusal(413, "body_too_large", message)
