"""Bundles on the Hugging Face hub: verified before they are pushed and before they are used."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

from scamdetect.bundle.bundle import MANIFEST, Bundle
from scamdetect.errors import (
    BundleError,
    EndpointError,
    InputError,
    MissingExtraError,
    ScamDetectError,
)
from scamdetect.system.os_errors import unwritable, written

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]* [A-Za-z0-9][\w.-]*")


def download(repo_id: str, revision: str | None = None) -> Path:
    """Return the folder of the bundle OWNER/NAME in our cache; download it if it is not there.

    The cache is ``scamdetect`` in XDG_CACHE_HOME or ~/.cache; remove the folder to update it.
    Raises as ``pull`` does.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scamdetect"
    if not _REPO.fullmatch(f"{repo_id} {revision or 'main'}"):
        raise InputError(f"{repo_id!r}: not a repository, or no revision; pass OWNER/NAME")
    folder = cache / repo_id.replace("/", "--") / (revision or "main")
    if not folder.is_dir():
        with written(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
        pull(repo_id, revision, folder)
    return folder


def pull(repo_id: str, revision: str | None, folder: Path) -> str:
    """Download a bundle into a new or replaced folder and return its commit.

    The files are verified before the folder is renamed. Raises InputError for an unknown
    repository, BundleError for damaged files, EndpointError if the hub fails, and OutputError.
    """
    with _client(repo_id, revision) as api:
        commit = str(api.model_info(repo_id, revision=revision).sha)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as work:
            draft = Path(work, "new")
            api.snapshot_download(
                repo_id, revision=commit, allow_patterns=MANIFEST, local_dir=draft
            )
            try:
                files = map(escape, json.loads((draft / MANIFEST).read_bytes())["files"])
            except (OSError, ValueError, KeyError, TypeError):
                raise BundleError(f"{repo_id} at {commit}: has no usable {MANIFEST}") from None
            api.snapshot_download(
                repo_id, revision=commit, allow_patterns=list(files), local_dir=draft
            )
            shutil.rmtree(draft / ".cache", ignore_errors=True)  # the client's own notes
            Bundle.load(draft)
            if folder.exists():
                folder.rename(Path(work, "old"))
            draft.rename(folder)
    return commit


def push(folder: Path, repo_id: str, *, private: bool = False, tag: str | None = None) -> str:
    """Verify a bundle, upload it in one commit and return the commit; raises as ``pull`` does."""
    bundle = Bundle.load(folder)
    with _client(repo_id, None) as api:
        api.create_repo(repo_id, private=private or None, exist_ok=True)
        if private and not api.model_info(repo_id).private:
            raise InputError(f"{repo_id}: is public; make it private on the hub first")
        commit = api.upload_folder(
            repo_id=repo_id,
            folder_path=folder,
            allow_patterns=list(map(escape, bundle.sha256)),
            commit_message=f"Upload {bundle.model_id}",
        )
        if tag is not None:
            api.create_tag(repo_id, tag=tag, revision=commit.oid)
    return str(commit.oid)


@contextmanager
def _client(repo_id: str, revision: str | None) -> Iterator[HfApi]:
    """Give the client of the hub; its errors may quote URLs with secrets, so they are replaced."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        from huggingface_hub import HfApi, errors
    except ImportError as problem:
        raise MissingExtraError("huggingface_hub", "hub") from problem
    name = f"{repo_id} at {revision}" if revision else repo_id
    try:
        yield HfApi(library_name="scamdetect")
    except ScamDetectError:
        raise
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.GatedRepoError):
        cure = "check the name, or log in with `hf auth login`"
        raise InputError(f"{name}: not found, or not visible to you; {cure}") from None
    except (OSError, ValueError, RuntimeError) as problem:
        if isinstance(problem, OSError) and problem.errno is not None:
            raise unwritable(name, problem) from None
        raise EndpointError(
            f"{name}: the hub failed ({type(problem).__name__}); check the network, the token and "
            "HF_ENDPOINT, then try again"
        ) from None
