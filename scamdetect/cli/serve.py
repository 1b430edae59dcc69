"""The command that serves over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from scamdetect.cli.options import (
    MODEL,
    RUNTIME,
    command,
    with_thresholds,
)
from scamdetect.cli.streams import say
from scamdetect.cli.train import extra
from scamdetect.errors import InputError

TOKEN = "SCAMDETECT_TOKEN"


@command(epilog="Example: SCAMDETECT_TOKEN=secret scamdetect serve --port 8080")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on. 0: any free port.",
)
@MODEL
@with_thresholds
@click.option(
    "--allow-list",
    "allowing",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Pass messages of these templates, and of these senders if requests name them.",
)
@RUNTIME
@click.option(
    "--tier",
    default="auto",
    show_default=True,
    help="full reads every message completely; auto may clear clearly honest ones early.",
)
@click.option(
    "--parallel", type=int, help="Requests to score at the same time.  [default: one per core]"
)
@click.option("--threads", type=int, default=1, show_default=True, help="Threads per request.")
@click.option(
    "--cache-size",
    type=int,
    help="Number of cached scores for repeated messages. 0: no cache.  [default: 100000]",
)
@click.option(
    "--queue",
    type=int,
    default=64,
    show_default=True,
    help="Requests that may wait.",
)
@click.option(
    "--max-texts",
    "texts",
    type=int,
    default=256,
    show_default=True,
    help="Most texts per request.",
)
@click.option(
    "--max-characters", "characters", type=int, default=20_000, show_default=True,
    help="Most characters per text.",
)  # fmt: skip
@click.option(
    "--max-bytes", "body_bytes", type=int, default=1 << 20, show_default=True,
    help="Most bytes per request.",
)  # fmt: skip
@click.option(
    "--stop-seconds",
    type=int,
    default=25,
    show_default=True,
    help="Seconds that running requests may take after the service is asked to stop.",
)
def serve(
    host: str,
    port: int,
    model: Path | None,
    thresholds: dict[str, Any],
    allowing: Path | None,
    runtime: str,
    tier: str,
    parallel: int | None,
    threads: int,
    cache_size: int | None,
    **asked: Any,  # noqa: ANN401 - what Limits takes as it is
) -> None:
    """Serve predictions over HTTP.

    Endpoints: POST /v1/predict, /v1/conversation and /v1/explain; GET /openapi.json, /healthz and
    /metrics. Only programs on this machine can connect unless --host is set. If the environment has
    SCAMDETECT_TOKEN, requests must send it as "Authorization: Bearer TOKEN"; without it,
    /v1/conversation and /v1/explain are not available. There is no encryption: on a shared network
    put a TLS proxy in front. SIGTERM stops the service after the running requests. No text is
    logged.
    """
    with extra("serve"):
        from scamdetect.serve.request import Limits, is_loopback
        from scamdetect.serve.server import serve as run
    from scamdetect.bundle.scoring import CACHE_SIZE
    from scamdetect.detector import ScamDetector
    from scamdetect.dumps.allow_list import AllowList

    token = _token()
    limits = Limits(parallel=os.cpu_count() or 1 if parallel is None else parallel, **asked)
    allow_list = None if allowing is None else AllowList.load(allowing)
    if token is None and not is_loopback(host):
        say(f"scamdetect: anyone who can reach {host} can send requests; set {TOKEN}", err=True)
    with ScamDetector.load(
        model,
        runtime=runtime,  # type: ignore[arg-type]
        threads=threads,
        tier=tier,  # type: ignore[arg-type]
        cache_size=CACHE_SIZE if cache_size is None else cache_size,
    ) as detector:
        ended = run(
            detector.with_thresholds(**thresholds),
            host=host,
            port=port,
            limits=limits,
            token=token,
            say=lambda line: say(line, err=True),
            allow_list=allow_list,
        )
    if not ended:
        # Python would first wait, perhaps for minutes, for scoring whose answer nobody gets.
        os._exit(0)


def _token() -> str | None:
    """Return the token, None if it is not set; raise InputError if no header can hold it."""
    token = os.environ.get(TOKEN)
    if token is not None and (not token or not token.isascii() or set(token) & set(" \t\r\n")):
        raise InputError(f"{TOKEN} must be ASCII without spaces and not empty; or unset it")
    return token
