"""Run the application as a process that ends cleanly."""

import signal
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from scamdetect.errors import InputError
from scamdetect.system.os_errors import said

_CONNECTIONS = 512


def serve(
    app: FastAPI, host: str, port: int, stop_seconds: int, started: Callable[[int], None]
) -> None:
    """Serve until SIGTERM or SIGINT, then answer running requests.

    ``started`` gets the port. Raises InputError if the address is not available.
    """
    config = uvicorn.Config(
        app,
        ws="none",
        log_config=None,
        log_level="error",  # lower levels log a line for each malformed request
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=stop_seconds,
    )
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again at its end
        signal.signal(number, lambda *_: None)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except (OSError, OverflowError, TypeError, ValueError) as problem:  # a host that is not a name
        raise InputError(
            f"cannot listen on {host} port {port} ({said(problem)}); choose others with --host, "
            "--port"
        ) from problem
    # Without it the second half of each answer waits 40 ms until the client has the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with listener:
        started(listener.getsockname()[1])
        uvicorn.Server(config).run(sockets=[listener])
