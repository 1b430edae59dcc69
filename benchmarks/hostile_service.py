"""Send requests that no client would send; each is refused as documented, and no text leaks."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from benchmarks.hostile_scene import ROOT, Scene, printed_faults
from benchmarks.malformed_inputs import marks
from scamdetect import ScamDetector

STATUSES = (200, 400, 401, 403, 404, 405, 408, 413, 415, 421, 422, 503)
_TOKEN = "invented-token-of-the-harness"
_HOSTS = (
    "127.0.0.1:8000", "localhost", "[::1]:8000", "evil.example", "evil.example:8000", "", "a@b",
    "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "[::1", "\xff",
    "LOCALHOST", "0x7f.1", "2130706433", "127.0.0.1:99999999999", "evil.example#localhost", "a b",
)  # fmt: skip
_LOCAL = ("127.0.0.1:8000", "localhost", "[::1]:8000", "LOCALHOST")
_GUARDED = ("/v1/conversation", "/v1/explain")
_PATHS = (
    "/v1/predict", "/v1/predict", "/v1/predict", *_GUARDED, *_GUARDED, "/openapi.json",
    "/healthz", "/metrics", "/v1/predict/", "/", "",
    "//v1/predict", "/v1/../healthz", "/v1/predict\0", "/v1/predict?x=zq0001qz", "/zq0002qz",
    "/\x1b[31m", "/" + "a" * 20_000, "*", "http://evil.example/healthz", "/V1/PREDICT", "/é",
)  # fmt: skip
_METHODS = ("POST", "POST", "POST", "GET", "HEAD", "PUT", "OPTIONS", "TRACE", "CONNECT", "X" * 500)


class _Logged(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(logging.Formatter().format(record))


@cache
def _detector(bundle: str) -> ScamDetector:
    return ScamDetector.load(bundle, threads=1)


def ask(
    bundle: str, options: Mapping[str, Any], scope: Mapping[str, Any], chunks: Sequence[bytes]
) -> tuple[list[Any], str]:
    """Return the status, headers and body of an answer, and the log; runs in a process."""
    from scamdetect.serve.app import create_app
    from scamdetect.serve.request import Limits

    limits = Limits(texts=8, explained=2, characters=500, body_bytes=100_000, body_seconds=0.3)
    app = create_app(_detector(bundle), limits, options["token"], local=options["local"])
    sent: list[Any] = []
    waiting = [{"type": "http.request", "body": one, "more_body": True} for one in chunks]
    if not options["slow"]:
        waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop(0)
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: Any) -> None:  # noqa: ANN401
        sent.append(message)

    logged = _Logged()
    logging.getLogger().addHandler(logged)
    try:
        asyncio.run(app(dict(scope), receive, send))
    finally:
        logging.getLogger().removeHandler(logged)
    body = b"".join(one.get("body", b"") for one in sent)
    return [sent[0]["status"], sent[0]["headers"], body], "\n".join(logged.lines)


def application(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Send any method, address, headers and body, with a token and without."""
    token = rnd.choice((None, None, _TOKEN))
    host, path, method = rnd.choice(_HOSTS), rnd.choice(_PATHS), rnd.choice(_METHODS)
    body, slow = _body(rnd), rnd.random() < 0.05
    given = rnd.choice(
        (_TOKEN, _TOKEN, _TOKEN + "x", "", "é", "\xff", f"{_TOKEN}, {_TOKEN}", "a" * 9999)
    )
    kind = rnd.choice(
        ("application/json",) * 6 + ("text/plain", "", "application/json\xff", "a/b;" * 99)
    )
    headers = [("host", host), ("content-type", kind), ("content-length", str(len(body)))]
    if token or rnd.random() < 0.2:
        headers.append(
            ("authorization", f"{rnd.choice(('Bearer', 'bearer', 'Basic', ''))} {given}")
        )
    if rnd.random() < 0.2:
        headers.append(rnd.choice(_HEADERS))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path.partition("?")[0], "raw_path": path.encode("utf-8"),
        "query_string": path.partition("?")[2].encode(), "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 8000),
    }  # fmt: skip
    cuts = sorted(rnd.choices(range(len(body) + 1), k=rnd.randrange(4)))
    chunks = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    options = {"token": token, "local": True, "slow": slow}
    ran = scene.worker.call(ask, str(scene.bundle), options, scope, chunks)
    if ran.broken:
        yield ran.broken
        return
    (status, answered, content), log = ran.value
    yield from _answer_faults(status, content)
    yield from printed_faults(ran.printed + log)
    if marks(b"".join(value for _, value in answered)):
        yield "a text of a message in a header"
    if token is None and host not in _LOCAL and _detector_id(scene) in content.decode("latin-1"):
        yield "the model id for a foreign host"
    right = ("authorization", f"Bearer {_TOKEN}"), ("authorization", f"bearer {_TOKEN}")
    closed = ("/v1/predict", "/metrics", "/openapi.json", *_GUARDED)
    if not token and path in _GUARDED and status == 200:
        yield "an answer of a path that needs a token"
    if token and path in closed and not set(right) & set(headers):
        if status not in (401, 404, 405):
            yield f"status {status} without the token"


_HEADERS = (
    ("content-encoding", "gzip"), ("content-encoding", "\x1b"), ("transfer-encoding", "chunked"),
    ("host", "evil.example"), ("x-forwarded-for", "127.0.0.1"), ("expect", "100-continue"),
    ("content-type", "text/plain"), ("range", "bytes=0-"), ("cookie", "a" * 5000), ("", ""),
    ("x-http-method-override", "DELETE"), ("content-length", "5"), ("authorization", "Bearer"),
)  # fmt: skip


def _detector_id(scene: Scene) -> str:
    return f"{json.loads((scene.bundle / 'scamdetect.json').read_bytes())['name']}@"


def _body(rnd: random.Random) -> bytes:
    """Return a body that holds a mark in most cases."""
    mark = f"zq{rnd.randrange(9000):04}qz"
    deep = rnd.choice((10, 900, 20_000))
    value = rnd.choice(
        (
            f'"{mark}"', f'"{mark} \\ud83d"', f'"{mark}\\u0000\\u001b"', "1e400", "9" * 5000, "NaN",
            "-Infinity", "[" * deep + "]" * deep, '{"a":' * deep + "1" + "}" * deep, "null", "true",
            f'{{"{mark}": 1}}', f'"{mark * 100}"', f'"{mark}', f"{mark}", '""', f'["{mark}"]',
            f'"{mark} \u202e"', f'"{mark}\r\n"',
        )
    )  # fmt: skip
    whole = rnd.choice(
        (
            f'{{"texts": [{value}]}}', f'{{"texts": [{value}, "{mark}"]}}', f'{{"texts": {value}}}',
            f'{{"texts": [{", ".join([value] * rnd.choice((8, 9, 3000)))}]}}', value,
            f'{{"texts": ["a"], "{mark}": {value}}}', f'{{"text\\u0073": [{value}]}}',
            f'{{"texts": ["{mark}"], "texts": [{value}]}}',
            f'{{"senders": ["{mark}"], "texts": [{value}]}}',
            f'{{"texts": ["{mark}"], "ids": [1], "preset": {value}}}',
            f'{{"texts": ["{mark}"], "ids": {value}}}', f'{{"messages": [{value}, "{mark}"]}}',
            f'{{"messages": [{{"text": {value}, "sender": 1, "time": {value}}}]}}',
            f'{{"messages": ["{mark}", {{"text": {value}, "{mark}": 1}}], "me": "a"}}',
            f'\ufeff{{"texts": [{value}]}}', f'{{"texts": [{value}]}} {mark}', "",
        )
    )  # fmt: skip
    encoding = rnd.choice(("utf-8",) * 8 + ("utf-16", "utf-32", "cp1252", "utf-7"))
    body = whole.encode(encoding, "replace")
    return body + rnd.choice((b"",) * 9 + (b" " * 200_000, b"\xff", b"\0"))


def _answer_faults(status: int, content: bytes) -> Iterator[str]:
    if status not in STATUSES:
        yield f"status {status}"
    if marks(content):
        yield "a text of a message in an answer"
    try:
        found = json.loads(content) if content[:1] == b"{" else {}
    except ValueError:
        yield "an answer that is no JSON"
        return
    for one in found.get("predictions", ()):
        share = one["scam_probability"]
        if share is not None and not 0 <= share <= 1:
            yield "a probability out of range"


def connection(scene: Scene, rnd: random.Random) -> Iterator[str]:
    """Send bytes to ``scamdetect serve`` that are cut, doubled or smuggled; it must go on."""
    token = rnd.choice((None, _TOKEN))
    with _serving(scene, token) as (port, server):
        for _ in range(20):
            answer = _exchange(port, _raw_request(rnd))
            for status in map(int, re.findall(rb"^HTTP/1\.[01] (\d{3})", answer, re.MULTILINE)):
                # uvicorn itself answers 100 and 501.
                if status not in (*STATUSES, 100, 501, 431):
                    yield f"status {status} on a connection"
            if marks(answer):
                yield "a text of a message in an answer"
        whole = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        if b" 200 " not in _exchange(port, whole)[:20]:
            yield "no answer any more"
        server.terminate()
        _, err = server.communicate(timeout=scene.worker.seconds)
        log = err.decode("utf-8", "replace")
        if "Traceback" in log:
            yield "a traceback"
        yield from printed_faults(log, (_TOKEN,))
        if server.returncode not in (0, -15):
            yield f"the service ended with {server.returncode}"


def _raw_request(rnd: random.Random) -> bytes:
    body = _body(rnd)[:50_000]
    size = rnd.choice((len(body),) * 5 + (0, len(body) + 50, 10**12, -1, "x", "5, 5"))
    line = rnd.choice(
        (
            "POST /v1/predict HTTP/1.1", "POST /v1/predict HTTP/1.1", "GET /zq0001qz HTTP/1.1",
            "POST /v1/predict HTTP/9.9", "zq0002qz", "GET /healthz", "PRI * HTTP/2.0",
            "POST /v1/%ff%00predict HTTP/1.1", f"GET /{'a' * 70_000} HTTP/1.1",
        )
    )  # fmt: skip
    more = rnd.choice(
        (
            "", "", "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n",
            f"X: {'a' * 70_000}\r\n", "Upgrade: websocket\r\nConnection: upgrade\r\n", "X\r\n",
            "X: zq0003qz\x1b[31m\r\n", "Content-Length: 3\r\n", " folded: zq0004qz\r\n",
            f"Authorization: Bearer {_TOKEN}\r\n", "X: y\r\n" * 3000,
        )
    )  # fmt: skip
    head = f"{line}\r\nHost: {rnd.choice(('127.0.0.1', 'evil.example'))}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {size}\r\n{more}\r\n"
    whole = head.encode() + body
    form = rnd.random()
    if form < 0.1:
        return rnd.randbytes(500)
    if form < 0.2:
        return whole[: rnd.randrange(len(whole))]
    return whole * rnd.choice((1, 1, 3))


def _exchange(port: int, content: bytes) -> bytes:
    """Send the bytes and return what comes within a moment."""
    answer = b""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 10) as one:
        one.settimeout(10)
        with suppress(OSError):
            one.sendall(content)
            one.shutdown(socket.SHUT_WR)
        while part := one.recv(1 << 16):
            answer += part
    return answer


@contextmanager
def _serving(scene: Scene, token: str | None) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    named = {"PYTHONPATH": str(ROOT)} | ({"SCAMDETECT_TOKEN": token} if token else {})
    server = subprocess.Popen(
        [sys.executable, "-m", "scamdetect.cli", "serve", "--port", "0", "--model", scene.bundle],
        env=os.environ | named, stderr=subprocess.PIPE, cwd=scene.folder,
    )  # fmt: skip
    try:
        assert server.stderr is not None
        said = server.stderr.readline().decode()
        yield int(said.rpartition(":")[2]), server
    finally:
        server.kill()
        server.communicate()


CASES = (application, connection)
