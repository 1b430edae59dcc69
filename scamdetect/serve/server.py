"""Run the application as a process that ends well when it is told to."""

from __future__ import annotations

import logging
import math
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType

import uvicorn

from scamdetect.dumps.allow_list import AllowList
from scamdetect.errors import InputError
from scamdetect.serve.app import Detector, create_app
from scamdetect.serve.connections import impatient
from scamdetect.serve.gate import scoring
from scamdetect.serve.hosts import is_loopback
from scamdetect.serve.limits import Limits
from scamdetect.system.os_errors import said

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
    """Serve until SIGTERM or SIGINT, answer what is at hand, return whether all scoring has ended.

    Where it has not, a thread scores what nobody waits for any more, and would keep the process
    from ending. ``port`` 0 takes a free one; ``say`` is told the address. Raises InputError where
    the address cannot be had.
    """
    # Where files run out asyncio cannot accept, and says so without end. What it accepts at once
    # lives through three turns of its loop until it is closed as too many, and needs files too.
    files = _most_files()
    limits = replace(limits, connections=int(min(limits.connections, files // 2)))
    backlog = int(min(_BACKLOG, files // 10))
    config = uvicorn.Config(
        create_app(detector, limits, token, local=is_loopback(host), allow_list=allow_list),
        http=impatient(limits),
        ws="none",
        lifespan="on",
        use_colors=False,  # what stderr is may show no character that controls a terminal
        log_level="error",  # below that it has a line for each malformed request
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

    A client that breaks the protocol makes uvicorn log a whole traceback, and an exception may
    hold a text.
    """
    if record.exc_info and record.exc_info[0] is not None:
        record.msg, record.args = "a request failed: %s", (record.exc_info[0].__name__,)
        record.exc_info = record.exc_text = None
    return True


def _most_files() -> float:
    """Return how many files, connections among them, this process may have open."""
    if sys.platform == "win32":
        return math.inf
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if files == resource.RLIM_INFINITY else files


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; raise InputError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except (OSError, OverflowError, TypeError, ValueError) as problem:  # a host that is no name
        raise InputError(
            f"cannot listen on {host} port {port} ({said(problem)}); choose others with --host, "
            "--port"
        ) from problem
    # Connections inherit it. asyncio sets it for those alone whose listener names its protocol, and
    # without it the second half of each answer waits 40 ms for the client to have the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@contextmanager
def _stopping(server: uvicorn.Server) -> Iterator[None]:
    """Let signals stop the server, those too that come before it looks for them itself.

    It raises them again once it has stopped, when they are to end nothing any more.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
