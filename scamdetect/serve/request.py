"""Read the texts of a request within limits, before anything costly is done, or refuse it."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse

from scamdetect.errors import InputError


def is_loopback(host: str) -> bool:
    """Return whether what listens on the host is reached from this machine alone."""
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
    """The most that requests may hold and wait for; raises InputError on what is not over 0.

    ``texts`` are those of one request, ``characters`` those of one text. ``body_bytes`` and
    ``body_seconds`` bound the reading of a request's body, ``head_seconds`` how long a connection
    may stay without a whole request head, or without taking what is sent to it. ``parallel``
    requests are scored at once, ``queue`` more wait, none longer than ``wait_seconds``.
    ``stop_seconds`` are left to requests at hand once the service is told to stop.
    """

    texts: int = 256
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
                raise InputError(f"{one.name}={value!r} is impossible; use a number over 0")


@dataclass
class Refusal(Exception):
    """Report a request that is not answered; ``message`` names the cure and holds no text of it."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> JSONResponse:
        """Return the answer that says so."""
        error = {"code": self.code, "message": self.message}
        return JSONResponse({"error": error}, self.status, dict(self.headers))


_EXPECTED = 'send {"texts": ["...", ...]} and nothing else'
_JSON_TYPES = {
    bool: "true or false", int: "a number", float: "a number", list: "an array", dict: "an object",
}  # fmt: skip


def check_host(request: Request) -> None:
    """Raise Refusal where the request names a host that is neither an address nor localhost.

    A web page whose name is made to lead to this machine (DNS rebinding) is of the same origin as
    the service then, but its requests still bear its name.
    """
    given = request.headers.get("host")
    if given is not None and not is_local_name(given):
        raise Refusal(
            421,
            "wrong_host",
            "ask by an address such as 127.0.0.1, or set a token: without one no other name of "
            "this machine is known to be its own",
        )


def has_token(request: Request, token: str | None) -> bool:
    """Return whether no token is wanted or the request has it."""
    if token is None:
        return True
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    # Always compared, and in constant time, so that the time tells nothing of the token.
    same = hmac.compare_digest(given.strip().encode("latin-1"), token.encode("utf-8"))
    return same and scheme.lower() == "bearer"


def check_token(request: Request, token: str | None) -> None:
    """Raise Refusal where a token is wanted and the request has another one or none."""
    if not has_token(request, token):
        raise Refusal(
            401,
            "unauthorized",
            "send the header Authorization: Bearer with the token of this service",
            {"WWW-Authenticate": "Bearer"},
        )


def check_head(request: Request, limits: Limits) -> None:
    """Raise Refusal where the head alone says that the body will not do."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, "not_json", "send the header Content-Type: application/json")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "compressed", "send the body without Content-Encoding")
    if int(request.headers.get("content-length", 0)) > limits.body_bytes:
        raise _too_large(limits)


async def read_body(request: Request, limits: Limits) -> bytes:
    """Return the body; raise Refusal where it is too large or comes too slowly."""
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
            f"send the whole body within {limits.body_seconds:g} seconds",
            {"Connection": "close"},
        ) from problem
    return bytes(body)


@dataclass(frozen=True)
class Asked:
    """What a request asks for: texts, None for null, and who sent them, one a text or not given."""

    texts: list[str | None]
    senders: list[str | None] | None = None


def asked_of(body: bytes, limits: Limits, *, with_senders: bool = False) -> Asked:
    """Return what is asked; raise Refusal on other JSON, or too many or too long texts.

    Senders are refused unless something is done ``with_senders``. No message of it says what stands
    in the body.
    """
    try:
        value = json.loads(
            body.decode("utf-8-sig"), parse_constant=_no_constant, object_pairs_hook=_each_once
        )
    except UnicodeDecodeError as problem:
        message = f"the body is not UTF-8 at byte {problem.start}; send JSON in UTF-8"
        raise Refusal(400, "not_json", message) from problem
    except json.JSONDecodeError as problem:
        message = f"the body is no JSON at character {problem.pos}; {_EXPECTED}"
        raise Refusal(400, "not_json", message) from problem
    except (ValueError, RecursionError) as problem:
        message = (
            f"the body holds NaN, a member twice, a number too long or too many levels; {_EXPECTED}"
        )
        raise Refusal(400, "not_json", message) from problem
    members = {"texts", "senders"} if with_senders else {"texts"}
    if not isinstance(value, dict) or "texts" not in value or value.keys() - members:
        message = (
            "the body is no object with texts, and senders where these are known, alone"
            if with_senders
            else f"the body is no object with texts alone; {_EXPECTED}"
        )
        raise Refusal(422, "wrong_members", message)
    texts = _strings("texts", value["texts"])
    if len(texts) > limits.texts:
        message = f"{len(texts):,} texts; send {limits.texts:,} at most in one request"
        raise Refusal(422, "too_many_texts", message)
    for place, text in enumerate(texts):
        if text is not None and len(text) > limits.characters:
            message = (
                f"texts[{place}] has {len(text):,} characters; send {limits.characters:,} at most"
            )
            raise Refusal(422, "text_too_long", message)
    if "senders" not in value:
        return Asked(texts)
    senders = _strings("senders", value["senders"])
    if len(senders) != len(texts):
        message = f"{len(senders):,} senders for {len(texts):,} texts; send one a text, or null"
        raise Refusal(422, "wrong_members", message)
    return Asked(texts, senders)


def _strings(name: str, values: object) -> list[str | None]:
    if not isinstance(values, list):
        raise Refusal(422, "wrong_members", f"{name} is no array; {_EXPECTED}")
    for place, value in enumerate(values):
        if value is not None and not isinstance(value, str):
            message = f"{name}[{place}] is {_JSON_TYPES[type(value)]}; send strings, or null"
            raise Refusal(422, "not_text", message)
    return values


def _too_large(limits: Limits) -> Refusal:
    message = f"send a body of {limits.body_bytes:,} bytes at most; several requests take more"
    return Refusal(413, "body_too_large", message)


def _each_once(members: list[tuple[str, object]]) -> dict[str, object]:
    # What stands between may read the first of two, and we would answer for the last.
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a member twice is no JSON for all who read it")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
