"""A server on this machine that answers as it is told to: honestly, badly, late or not at all."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """What was sent: path with query, headers by lower-case name, and the body read as JSON."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Answer:
    """What is sent back: after ``wait`` seconds, or nothing at all where ``hang_up``.

    ``drip`` seconds pass before each further byte; ``claimed`` is a false Content-Length.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    drip: float = 0.0
    hang_up: bool = False
    claimed: int | None = None


Script = Sequence[Answer] | Callable[[Request], Answer]


@contextmanager
def bad_endpoint(script: Script, seen: list[Request] | None = None) -> Iterator[str]:
    """Run a server that answers by the script and give its URL, "http://127.0.0.1:PORT".

    A sequence is gone through request by request, the last answer repeated; a function answers
    each request. What was asked is appended to ``seen``. Any path will do.
    """
    handler = type("Handler", (_Handler,), {"answer": staticmethod(_answering(script, seen))})
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def as_json(value: object, status: int = 200) -> Answer:
    """Return an answer of JSON; NaN is written as such."""
    return Answer(json.dumps(value).encode(), status)


def chat(
    content: object,
    finish: str = "stop",
    refusal: str | None = None,
    usage: tuple[int, int] | None = (100, 10),
) -> Answer:
    """Return what a chat endpoint sends when the model wrote ``content``."""
    message = {"role": "assistant", "content": content, "refusal": refusal}
    body: dict[str, Any] = {"choices": [{"message": message, "finish_reason": finish}]}
    if usage:
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
    return as_json(body)


def judged(per_cent: object, kinds: object = ()) -> Answer:
    """Return what a chat endpoint sends when the model judged as asked."""
    return chat(json.dumps({"scam_probability": per_cent, "kinds": kinds}))


def late(answer: Answer, seconds: float) -> Answer:
    """Return the answer after some seconds."""
    return replace(answer, wait=seconds)


BUSY = Answer(b"busy", 429, {"Retry-After": "0"})
DOWN = Answer(b"down", 500)
HANGS_UP = Answer(hang_up=True)
PROSE = Answer(b"<html>Welcome!</html>", 200, {"Content-Type": "text/html"})
NO_CHOICES = as_json({"choices": []})
CUT_JSON = Answer(b'{"choices": [{"message": {"con')
CUT_CONNECTION = Answer(b'{"choices": [', claimed=4096)
NESTED = Answer(b"[" * 200_000)
HUGE = Answer(b'{"scam": [' + b" " * (9 << 20))


def message_of(request: Request) -> str:
    """Return the message that a chat endpoint was asked about."""
    fenced = request.body["messages"][-1]["content"]
    found = re.search(r"\A<(message-\w+)>\n(.*)\n</\1>\Z", fenced, re.DOTALL)
    return found[2] if found else fenced


def honest_judge(*words: str) -> Callable[[Request], Answer]:
    """Return the script of a model to which a message with one of the words is a scam."""

    def answer(request: Request) -> Answer:
        scam = _has(message_of(request), words)
        return judged(96, ["investment"]) if scam else judged(3)

    return answer


def honest_scores(*words: str) -> Callable[[Request], Answer]:
    """Return the script of an ``http:`` detector to which a text with one of the words is scam."""

    def answer(request: Request) -> Answer:
        flagged = [_has(text, words) for text in request.body["texts"]]
        kinds = [["investment"] if one else [] for one in flagged]
        scam = [0.96 if one else 0.03 for one in flagged]
        return as_json({"scam": scam, "kinds": kinds, "flagged": flagged})

    return answer


def honest_rewriter(change: Callable[[str], str]) -> Callable[[Request], Answer]:
    """Return the script of a model that rewrites by a function."""
    return lambda request: chat(f"<rewritten>{change(message_of(request))}</rewritten>")


def _has(text: str, words: Sequence[str]) -> bool:
    return any(word.casefold() in text.casefold() for word in words)


def _answering(script: Script, seen: list[Request] | None) -> Callable[[Request], Answer]:
    lock, count = threading.Lock(), iter(range(1 << 62))

    def answer(request: Request) -> Answer:
        with lock:
            number = next(count)
            if seen is not None:
                seen.append(request)
        return script(request) if callable(script) else script[min(number, len(script) - 1)]

    return answer


class _Server(ThreadingHTTPServer):
    daemon_threads, block_on_close = True, False
    request_queue_size = 256  # so that callers that come all at once are not put off


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet
    answer: Callable[[Request], Answer]

    def do_POST(self) -> None:  # noqa: N802
        size = int(self.headers["Content-Length"])
        sent = self.rfile.read(size)
        if len(sent) < size:  # the client ran out of time while it asked
            self.close_connection = True
            return
        body = json.loads(sent)
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.answer(Request(self.path, headers, body))
        time.sleep(answer.wait)
        # The client may be gone by now.
        with suppress(OSError):
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        if answer.hang_up:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        for name, value in ({"Content-Type": "application/json"} | answer.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(answer.claimed or len(answer.body)))
        self.end_headers()
        if answer.drip:
            for byte in answer.body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(answer.drip)
        else:
            self.wfile.write(answer.body)
        self.wfile.flush()
        if answer.claimed:
            self.close_connection = True

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""
