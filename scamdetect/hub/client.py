"""The hub client: no telemetry, fixed revisions, errors with a fix."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import scamdetect
from scamdetect.errors import (
    EndpointError,
    InputError,
    MissingExtraError,
    ScamDetectError,
)
from scamdetect.system.os_errors import said, shareable, unwritable
from scamdetect.urls import SecretsFilter, shown_url, without_secrets

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_NO_URL = "HF_ENDPOINT is not a URL of a hub; write it as https://host"


def _endpoint() -> str | None:
    """Return HF_ENDPOINT, None if it is not set; raise InputError if it is not a plain URL."""
    endpoint = os.environ.get("HF_ENDPOINT") or None
    if endpoint is not None:
        try:
            parts = urlsplit(endpoint)
            _ = parts.port
        except ValueError:
            raise InputError(_NO_URL) from None  # the cause may quote a password
        plain = parts.scheme in ("http", "https") and parts.hostname and not parts.query
        if not plain or parts.fragment or any(map(str.isspace, endpoint)):
            raise InputError(_NO_URL)
    return endpoint


_endpoint()  # the library reads it on import, and quotes it if it is malformed
try:
    import httpx2
    import huggingface_hub as hub
    from huggingface_hub import constants, errors
    from huggingface_hub.utils.tqdm import tqdm
except ImportError as problem:
    raise MissingExtraError("huggingface_hub", "hub") from problem
except ValueError:
    raise InputError(_NO_URL) from None

_LOG_IN = "log in with `hf auth login`, or set HF_TOKEN to a token with access"
_TOO_MANY, _SERVER_ERROR = 429, 500
_LONGEST = 200  # characters of a hub's message
_FILTER = SecretsFilter()


class Bar(tqdm):
    """Show progress only in a terminal; the library's own bar is also written to files."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **{"disable": None} | options)  # type: ignore[no-untyped-call]


@contextmanager
def client(repo_id: str, revision: str | None = None) -> Iterator[hub.HfApi]:
    """Yield the hub's client; the library finds the token and HF_ENDPOINT itself.

    Raises InputError for an unusable repository, revision, file or token, EndpointError if the hub
    is down or the connection fails, and OutputError if the disk is full.
    """
    for handler in logging.getLogger("huggingface_hub").handlers:
        handler.addFilter(_FILTER)  # its warnings quote URLs
    telemetry = constants.HF_HUB_DISABLE_TELEMETRY
    constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        yield hub.HfApi(
            endpoint=_endpoint(),
            library_name="scamdetect",
            library_version=scamdetect.__version__,
        )
    except ScamDetectError:
        raise
    except Exception as problem:
        told = _told(problem, repo_id, revision)
        if told is None:
            raise
        raise told from shareable(problem)
    finally:
        constants.HF_HUB_DISABLE_TELEMETRY = telemetry


def _told(
    problem: BaseException | None, repo_id: str, revision: str | None
) -> ScamDetectError | None:
    """Return the error in this project's words, or None if it was not expected."""
    at = f"{repo_id} at {revision}" if revision else repo_id
    match problem:
        case errors.HFValidationError():
            return InputError(f"{repo_id!r}: not a repository name; pass OWNER/NAME")
        case errors.RevisionNotFoundError():
            return InputError(f"{at}: revision not found; see its commits and tags on the hub")
        case errors.RepositoryNotFoundError() | errors.DisabledRepoError():
            return InputError(
                f"{repo_id}: repository not found or not visible to you; check the name, and if "
                f"it is private or gated {_LOG_IN}"
            )
        case errors.OfflineModeIsEnabled():
            return InputError(f"{at}: offline mode is on; unset HF_HUB_OFFLINE")
        case errors.FileMetadataError():
            return EndpointError(f"{at}: the server is not a hub; check HF_ENDPOINT and proxies")
        case errors.LocalEntryNotFoundError() | RuntimeError():
            # The library's error if something else failed during the transfer.
            return _told(problem.__cause__, repo_id, revision)
        case errors.EntryNotFoundError():
            return InputError(f"{at}: a file of the bundle is missing; pull another revision")
        case errors.HfHubHTTPError():
            return _told_status(problem, at)
        case httpx2.HTTPError():
            return EndpointError(
                f"{shown_url(_endpoint() or constants.ENDPOINT)}: cannot be reached, or the "
                f"connection failed ({type(problem).__name__}); check the network and "
                "HF_ENDPOINT, then try again"
            )
        case httpx2.InvalidURL():
            return InputError(
                f"{at}: the proxy address is not a URL; check HTTPS_PROXY and ALL_PROXY"
            )
        case OSError() if problem.errno is not None:
            return unwritable(at, problem)
        case OSError():  # the library's check of lengths
            return EndpointError(f"{at}: a download is incomplete; try again")
        case ValueError():
            return InputError(f"{at}: the hub's client rejected this ({said(problem)})")
        case _:
            return None


def _told_status(problem: errors.HfHubHTTPError, at: str) -> ScamDetectError:
    status = problem.response.status_code
    if status in (401, 403):
        return InputError(f"{at}: the hub denied access ({status}); {_LOG_IN}")
    if status == _TOO_MANY or status >= _SERVER_ERROR:
        return EndpointError(f"{at}: the hub answered {status}; try again later", status)
    message = without_secrets(problem.server_message or "")[:_LONGEST]
    return EndpointError(
        f"{at}: the hub answered {status}{f': {message}' if message else ''}", status
    )


COMMIT = re.compile(r"[0-9a-f]{40}")


def commit_of(api: HfApi, repo_id: str, revision: str) -> str:
    """Return the commit (40 hex digits) of a revision, which can be a tag.

    Raises InputError for a branch, with its current commit, and for an unknown revision.
    """
    if COMMIT.fullmatch(revision):
        return revision
    refs = api.list_repo_refs(repo_id)
    for tag in refs.tags:
        if tag.name == revision:
            return str(tag.target_commit)
    for branch in refs.branches:
        if branch.name == revision:
            raise InputError(
                f"{repo_id}: {revision} is a branch and moves; for its current state pass "
                f"--revision {branch.target_commit}"
            )
    tags = ", ".join(tag.name for tag in refs.tags) or "none"
    raise InputError(
        f"{repo_id}: tag {revision} not found, and a commit has 40 hex digits; its tags are: {tags}"
    )
