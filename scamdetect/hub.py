"""Bundles on the Hugging Face hub: verified before they are pushed and before they are used."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scamdetect.bundle.bundle import Bundle
from scamdetect.errors import EndpointError, InputError, MissingExtraError, ScamDetectError
from scamdetect.system.os_errors import unwritable, written

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]* [A-Za-z0-9][\w.-]*")
_FILES = ["*.json", "*.onnx", "*.arrow", "*.md"]


def download(repo_id: str, revision: str | None = None) -> Path:
    """Return the bundle OWNER/NAME in our cache (``scamdetect`` in XDG_CACHE_HOME or ~/.cache).

    It is downloaded if it is not there; remove the folder to update it. Raises as ``pull`` does.
    """
    if not _REPO.fullmatch(f"{repo_id} {revision or 'main'}"):
        raise InputError(f"{repo_id!r}: not a repository, or no revision; pass OWNER/NAME")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scamdetect"
    folder = cache / repo_id.replace("/", "--") / (revision or "main")
    if not folder.is_dir():
        with written(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
        pull(repo_id, revision, folder)
    return folder


def pull(repo_id: str, revision: str | None, folder: Path) -> str:
    """Download a bundle, verify it, rename it to a new or replaced folder and return its commit.

    Raises InputError for an unknown repository, BundleError for damaged files, EndpointError if the
    hub fails, and OutputError.
    """
    with (
        _client(repo_id) as api,
        tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as work,
    ):
        commit = str(api.model_info(repo_id, revision=revision).sha)
        draft = Path(work, "new")
        api.snapshot_download(repo_id, revision=commit, allow_patterns=_FILES, local_dir=draft)
        shutil.rmtree(draft / ".cache", ignore_errors=True)  # the client's own notes
        Bundle.load(draft)
        if folder.exists():
            folder.rename(Path(work, "old"))
        draft.rename(folder)
    return commit


def push(folder: Path, repo_id: str, *, private: bool = False) -> str:
    """Verify a bundle, upload it in one commit and return the commit; raises as ``pull`` does."""
    model_id = Bundle.load(folder).model_id
    with _client(repo_id) as api:
        api.create_repo(repo_id, private=private or None, exist_ok=True)
        if private and not api.model_info(repo_id).private:
            raise InputError(f"{repo_id}: is public; make it private on the hub first")
        commit = api.upload_folder(
            repo_id=repo_id,
            folder_path=folder,
            allow_patterns=_FILES,
            delete_patterns=_FILES,  # of an earlier bundle: unlisted files are refused
            commit_message=f"Upload {model_id}",
        )
    return str(commit.oid)


@contextmanager
def _client(repo_id: str) -> Iterator[HfApi]:
    """Give the client of the hub; its errors may quote URLs with secrets, so they are replaced."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        from huggingface_hub import HfApi, errors
    except ImportError as problem:
        raise MissingExtraError("huggingface_hub", "hub") from problem
    except ValueError:  # it reads the variable when it is imported
        raise InputError("HF_ENDPOINT: not the URL of a hub; correct or unset it") from None
    try:
        yield HfApi(library_name="scamdetect")
    except ScamDetectError:
        raise
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, ValueError):
        cure = "check the name and the revision, or log in with `hf auth login`"
        raise InputError(f"{repo_id}: not found, or not visible to you; {cure}") from None
    except Exception as problem:  # the errors of its HTTP library have no common base
        if isinstance(problem, OSError) and problem.errno is not None:
            raise unwritable(repo_id, problem) from None
        reason = f"the hub failed ({type(problem).__name__})"
        cure = "check the network, the token and HF_ENDPOINT, then try again"
        raise EndpointError(f"{repo_id}: {reason}; {cure}") from None
