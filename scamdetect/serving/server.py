"""Run the application as a process that ends well when it is told to."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from scamdetect.errors import InputError
from scamdetect.serving.app import Detector, create_app
from scamdetect.serving.connections import impatient
from scamdetect.serving.limits import Limits

_BACKLOG = 256


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
    config = uvicorn.Config(
        create_app(detector, limits, token),
        http=impatient(limits.head_seconds),
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=limits.connections,
        timeout_graceful_shutdown=limits.stop_seconds,
    )
    with _listening(host, port) as listener, _ending_well():
        name = f"[{host}]" if ":" in host else host
        say(f"{detector.model_id} on http://{name}:{listener.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
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
