"""The commands that serve over HTTP, and that push bundles to the hub and pull them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from scamdetect.cli.options import MODEL, RUNTIME, with_thresholds
from scamdetect.cli.streams import say
from scamdetect.cli.train import extra
from scamdetect.errors import InputError

TOKEN = "SCAMDETECT_TOKEN"


@click.command(epilog="Example: SCAMDETECT_TOKEN=secret scamdetect serve --port 8080")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True,
    help="Port to listen on; 0 takes a free one.",
)  # fmt: skip
@MODEL
@with_thresholds
@click.option(
    "--allow-list",
    "allowing",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File of templates and senders whose messages pass. Requests may then name senders.",
)
@RUNTIME
@click.option("--tier", default="auto", show_default=True, help="auto or full.")
@click.option(
    "--parallel", type=int, help="Requests that are scored at once.  [default: one for each core]"
)
@click.option("--threads", type=int, default=1, show_default=True, help="Threads for each request.")
@click.option(
    "--cache-size",
    type=int,
    help="Messages whose scores are kept for later copies; 0 keeps none.  [default: 100000]",
)
@click.option("--queue", type=int, default=64, show_default=True, help="Requests that may wait.")
@click.option(
    "--max-texts", "texts", type=int, default=256, show_default=True,
    help="Most texts in one request.",
)  # fmt: skip
@click.option(
    "--max-characters", "characters", type=int, default=20_000, show_default=True,
    help="Most characters in one text.",
)  # fmt: skip
@click.option(
    "--max-bytes", "body_bytes", type=int, default=1 << 20, show_default=True,
    help="Most bytes in one request.",
)  # fmt: skip
@click.option(
    "--stop-seconds",
    type=int,
    default=25,
    show_default=True,
    help="Seconds for running requests when the service stops.",
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
    """Serve over HTTP: POST /v1/predict, /v1/conversation, /v1/explain; GET /openapi.json.

    Only programs on this machine can reach it, unless --host allows others. If SCAMDETECT_TOKEN is
    set in the environment, requests need it as "Authorization: Bearer TOKEN"; without it,
    /v1/conversation and /v1/explain are not available. There is no encryption: use a proxy with TLS
    if others can read the network. SIGTERM ends the service after the running requests. No text is
    logged. GET /healthz and /metrics are for monitoring.
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
        say(f"scamdetect: anyone who can reach {host} can use the service; set {TOKEN}", err=True)
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
    """Return the token or None; raise InputError if a header cannot contain it."""
    token = os.environ.get(TOKEN)
    if token is not None and (not token or not token.isascii() or set(token) & set(" \t\r\n")):
        raise InputError(f"{TOKEN} must be ASCII without spaces and not empty; or unset it")
    return token


_REPO = click.argument("repo_id", metavar="OWNER/NAME")


@click.group()
def hub() -> None:
    """Push a bundle to the Hugging Face hub, or pull one at a fixed commit (extra `hub`).

    The token is the one of `hf auth login` or HF_TOKEN; HF_ENDPOINT names another hub. Nothing
    else of scamdetect goes to the network.
    """


@hub.command(epilog="Example: scamdetect hub push bundle your-name/scamdetect-small --private")
@click.argument("bundle", type=click.Path(path_type=Path))
@_REPO
@click.option("--private", is_flag=True, help="Make the repository private.")
@click.option("--tag", help="Also name the commit so; a tag that is there is refused.")
def push(bundle: Path, repo_id: str, private: bool, tag: str | None) -> None:
    """Verify BUNDLE, upload its files in one commit and say how to pull that commit."""
    from scamdetect.hub.bundles import pull_command
    from scamdetect.hub.bundles import push as upload

    commit = upload(bundle, repo_id, private=private, tag=tag)
    say(f"{repo_id}: {bundle} is commit {commit}{f', tag {tag}' if tag else ''}")
    say(pull_command(repo_id, commit))


@hub.command(
    epilog="Example: scamdetect hub pull your-name/scamdetect-small --revision v1 --out bundle"
)
@_REPO
@click.option(
    "--revision", required=True, help="A commit (40 hex digits) or a tag; a branch is refused."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the bundle.")
@click.option("--overwrite", is_flag=True, help="Replace a bundle that is there.")
def pull(repo_id: str, revision: str, out: Path, overwrite: bool) -> None:
    """Download the bundle of OWNER/NAME, verify it and put it in place whole."""
    from scamdetect.hub.bundles import pull_bundle

    found = pull_bundle(repo_id, revision, out, overwrite=overwrite)
    say(f"{out}: {found.model_id}, commit {found.commit}")
    if found.commit != revision:
        say(f"a tag can be moved by its owner; pinned: --revision {found.commit}")
