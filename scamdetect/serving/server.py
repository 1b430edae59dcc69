"""Run the application as a process that ends well when it is told to."""

from __future__ import annotations

import math
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType

import uvicorn

from scamdetect.errors import InputError
from scamdetect.serving.app import Detector, create_app
from scamdetect.serving.connections import impatient
from scamdetect.serving.limits import Limits

_BACKLOG = 128


def serve(
    detector: Detector,
    *,
    host: str,
    port: int,
    limits: Limits,
    token: str | None,
    say: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is at hand and return.

    ``port`` 0 takes a free one; ``say`` is told the address. Raises InputError where the address
    cannot be had.
    """
    # Where files run out asyncio cannot accept, and says so without end. What it accepts at once
    # lives through three turns of its loop until it is closed as too many, and needs files too.
    files = _most_files()
    limits = replace(limits, connections=int(min(limits.connections, files // 2)))
    backlog = int(min(_BACKLOG, files // 10))
    config = uvicorn.Config(
        create_app(detector, limits, token),
        http=impatient(limits),
        ws="none",
        lifespan="on",
        log_level="error",  # below that it has a line for each malformed request
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=backlog,
        timeout_graceful_shutdown=limits.stop_seconds,
    )
    with _listening(host, port) as listener, _ending_well():
        name = f"[{host}]" if ":" in host else host
        say(f"{detector.model_id} on http://{name}:{listener.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[listener])


def _most_files() -> float:
    """Return how many files, connections among them, this process may have open."""
    if sys.platform == "win32":
        return math.inf
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if files == resource.RLIM_INFINITY else files


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as problem:
        raise InputError(
            f"cannot listen on {host} port {port} ({problem}); choose others with --host, --port"
        ) from problem


@contextmanager
def _ending_well() -> Iterator[None]:
    """Let the signals that uvicorn raises again, once it has stopped, end nothing any more."""

    def ignore(number: int, frame: FrameType | None) -> None:
        pass

    before = {number: signal.signal(number, ignore) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
