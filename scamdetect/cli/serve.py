"""The command that serves over HTTP."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

from scamdetect.cli.options import COUNT, MODEL, command, extra, option, with_thresholds
from scamdetect.cli.streams import say
from scamdetect.errors import InputError
from scamdetect.system.os_errors import said

TOKEN = "SCAMDETECT_TOKEN"
_CONNECTIONS = 512


@command(epilog="Example: SCAMDETECT_TOKEN=secret scamdetect serve --port 8080")
@option("--host ADDRESS", "Address to listen on.", "127.0.0.1")
@option("--port", "Port to listen on. 0: any free port.", 8000, type=COUNT)
@MODEL
@with_thresholds
@option("--allow-list FILE", "Pass messages of these templates, and of senders that requests name.")
@option("--tier TIER", "full reads every message; auto clears clearly honest ones early.", "auto")
@option("--threads N", "Threads per request.", 1)
@option("--cache-size", "Cached scores of repeated messages. 0: no cache.", 100_000, type=COUNT)
@option("--parallel N", "Requests to score at the same time.  [default: one per core]")
@option("--queue N", "Requests that may wait.", 64)
@option("--max-texts texts N", "Most texts per request.", 256)
@option("--max-characters characters N", "Most characters per text.", 20_000)
@option("--max-bytes body_bytes N", "Most bytes per request.", 1 << 20)
@option("--stop-seconds N", "Seconds for running requests after SIGTERM.", 25)
def serve(
    host: str,
    port: int,
    model: Path | None,
    thresholds: dict[str, Any],
    allow_list: Path | None,
    parallel: int | None,
    stop_seconds: int,
    tier: Any,  # noqa: ANN401 - what load checks
    threads: int,
    cache_size: int,
    **limits: int,
) -> None:
    """Serve predictions over HTTP.

    Endpoints: POST /v1/predict, /v1/conversation and /v1/explain; GET /docs, /openapi.json,
    /healthz and /metrics. If the environment has SCAMDETECT_TOKEN, requests must send it as
    "Authorization: Bearer TOKEN". Without it, only programs on this machine can connect, and
    /v1/conversation and /v1/explain are not available. There is no encryption: on a shared network
    put a TLS proxy in front. SIGTERM stops the service after the running requests. No text is
    logged.
    """
    token = os.environ.get(TOKEN)
    if token is not None and (not token or not token.isascii() or set(token) & set(" \t\r\n")):
        raise InputError(f"{TOKEN} must be ASCII without spaces and not empty; or unset it")
    with extra("serve"):
        import uvicorn

        from scamdetect.serve.app import LOCAL, create_app
        from scamdetect.serve.schema import Limits
    name = f"[{host}]" if ":" in host else host
    if token is None and not LOCAL.fullmatch(name):
        raise InputError(f"anyone who can reach {host} could send requests; set {TOKEN}")
    from scamdetect.detector import ScamDetector
    from scamdetect.dumps.decide import AllowList

    detector = ScamDetector.load(model, threads=threads, tier=tier, cache_size=cache_size)
    app = create_app(
        detector.with_thresholds(**thresholds),
        Limits(parallel=parallel or os.cpu_count() or 1, **limits),
        token,
        allow_list=None if allow_list is None else AllowList.load(allow_list),
    )
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="error",  # lower levels log a line for each request
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=stop_seconds,
    )
    with _listening(host, port) as listener:
        for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again at its end
            signal.signal(number, lambda *_: None)
        say(f"{detector.model_id} on http://{name}:{listener.getsockname()[1]}", err=True)
        uvicorn.Server(config).run(sockets=[listener])
    os._exit(0)  # no thread may keep the process whose client is gone


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except (OSError, OverflowError, TypeError, ValueError) as problem:  # a host that is not a name
        reason = f"cannot listen on {host} port {port} ({said(problem)})"
        raise InputError(f"{reason}; choose others with --host, --port") from problem
    # Without it the second half of each answer waits 40 ms until the client has the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
