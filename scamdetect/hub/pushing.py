"""Push a bundle to the hub: verified first, its own files and no others, in one commit."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from scamdetect.bundle.bundle import OPTIONAL, Bundle
from scamdetect.errors import InputError
from scamdetect.hub.client import client

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def push(
    bundle: str | os.PathLike[str],
    repo_id: str,
    *,
    private: bool = False,
    tag: str | None = None,
) -> str:
    """Upload the bundle in a folder to the model repository OWNER/NAME and return the commit.

    The repository is made where it is not there. ``private`` makes it private, and refuses one
    that is public already. ``tag`` names the commit. Raises BundleError for a damaged bundle,
    which sends nothing, InputError for what the hub does not take, EndpointError where it is down.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    loaded = Bundle.load(bundle)
    added = [CommitOperationAdd(name, loaded.read(name)) for name in sorted(loaded.sha256)]
    with client(repo_id) as api:
        api.create_repo(repo_id, private=private or None, exist_ok=True)
        there = _check(api, repo_id, private, tag)
        # Of a bundle that was here before; unlisted, it would make this one unreadable.
        gone = [name for name in OPTIONAL if name in there and name not in loaded.sha256]
        stale = [CommitOperationDelete(name) for name in gone]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*commit a data file")
            commit = api.create_commit(
                repo_id, [*added, *stale], commit_message=f"Upload {loaded.model_id}"
            )
        if tag is not None:
            api.create_tag(repo_id, tag=tag, revision=commit.oid)
    return str(commit.oid)


def _check(api: HfApi, repo_id: str, private: bool, tag: str | None) -> set[str]:
    """Return the files of the repository; raise InputError where it is not as it was asked for."""
    info = api.model_info(repo_id)
    if private and info.private is False:
        raise InputError(
            f"{repo_id}: is public already; make it private on the hub, or push without --private"
        )
    if tag is not None and tag in {one.name for one in api.list_repo_refs(repo_id).tags}:
        raise InputError(f"{repo_id}: has a tag {tag} already; tags do not move, choose another")
    return {one.rfilename for one in info.siblings or ()}


def pull_command(repo_id: str, commit: str) -> str:
    """Return the command that gets this very bundle."""
    folder = Path(repo_id).name
    return f"scamdetect hub pull {repo_id} --revision {commit} --out {folder}"
