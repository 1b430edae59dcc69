"""Run the application as a process that ends cleanly, and close connections that wait too long."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from scamdetect.dumps.allow_list import AllowList
from scamdetect.errors import InputError
from scamdetect.serve.app import Detector, create_app
from scamdetect.serve.gate import scoring
from scamdetect.serve.request import Limits, is_loopback
from scamdetect.system.os_errors import said


def impatient(limits: Limits) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol of HTTP/1.1 with limits.

    It closes a connection that sends no whole request head for ``head_seconds``, or accepts nothing
    of its answers for so long, and at once those above ``connections``, before files run out.
    """

    class Impatient(H11Protocol):
        _to_ask: asyncio.TimerHandle | None = None
        _to_take: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > limits.connections:
                transport.abort()
            else:
                self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._at_work():
                self._stop_waiting()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._wait()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._to_take = self.loop.call_later(limits.head_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._stop_taking()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            self._stop_taking()
            super().connection_lost(exc)

        def _at_work(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

        def _wait(self) -> None:
            # A byte now and then does not extend the time.
            if self._to_ask is None:
                self._to_ask = self.loop.call_later(limits.head_seconds, self._end)

        def _stop_waiting(self) -> None:
            if self._to_ask is not None:
                self._to_ask.cancel()
                self._to_ask = None

        def _stop_taking(self) -> None:
            if self._to_take is not None:
                self._to_take.cancel()
                self._to_take = None

        def _end(self) -> None:
            self._to_ask = None
            if not self._at_work():
                self.transport.abort()

    return cast(type[asyncio.Protocol], Impatient)


_BACKLOG = 128


def serve(
    detector: Detector,
    *,
    host: str,
    port: int,
    limits: Limits,
    token: str | None,
    say: Callable[[str], None],
    allow_list: AllowList | None = None,
) -> bool:
    """Serve until SIGTERM or SIGINT, answer running requests, return whether all scoring has ended.

    If it has not, a thread still scores a request whose client is gone, and would keep the process
    from ending. ``port`` 0 takes a free one; ``say`` gets the address. Raises InputError if the
    address is not available.
    """
    # Without free files asyncio cannot accept, and logs that without end. Connections above the
    # limit live for three turns of its loop before they are closed, and need files too.
    files = _most_files()
    limits = replace(limits, connections=int(min(limits.connections, files // 2)))
    backlog = int(min(_BACKLOG, files // 10))
    config = uvicorn.Config(
        create_app(detector, limits, token, local=is_loopback(host), allow_list=allow_list),
        http=impatient(limits),
        ws="none",
        lifespan="on",
        use_colors=False,  # stderr may be a file, or a terminal without colours
        log_level="error",  # lower levels log a line for each malformed request
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=backlog,
        timeout_graceful_shutdown=limits.stop_seconds,
    )
    logging.getLogger("uvicorn.error").addFilter(kind_only)  # after Config has set up logging
    server = uvicorn.Server(config)
    with listening(host, port) as listener, _stopping(server):
        name = f"[{host}]" if ":" in host else host
        say(f"{detector.model_id} on http://{name}:{listener.getsockname()[1]}")
        server.run(sockets=[listener])
    return not scoring()


def kind_only(record: logging.LogRecord) -> bool:
    """Replace the exception of a log record by its type; return True, so that it is logged.

    When a client breaks the protocol, uvicorn logs a whole traceback, and an exception may contain
    a text.
    """
    if record.exc_info and record.exc_info[0] is not None:
        record.msg, record.args = "a request failed: %s", (record.exc_info[0].__name__,)
        record.exc_info = record.exc_text = None
    return True


def _most_files() -> float:
    """Return how many files, including connections, this process may have open."""
    if sys.platform == "win32":
        return math.inf
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if files == resource.RLIM_INFINITY else files


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; raise InputError if the address is not available."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except (OSError, OverflowError, TypeError, ValueError) as problem:  # a host that is not a name
        raise InputError(
            f"cannot listen on {host} port {port} ({said(problem)}); choose others with --host, "
            "--port"
        ) from problem
    # Connections inherit it. asyncio sets it only if the listener names its protocol, and without
    # it the second half of each answer waits 40 ms until the client has the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@contextmanager
def _stopping(server: uvicorn.Server) -> Iterator[None]:
    """Stop the server on a signal, also on one that comes before the server handles signals.

    The server raises them again when it has stopped; by then they must not end anything.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
