"""Push a bundle to the hub and pull one: verified, pinned to a commit, installed completely."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

from scamdetect.bundle.bundle import MANIFEST, OPTIONAL, Bundle, read_manifest
from scamdetect.errors import BundleError, EndpointError, InputError
from scamdetect.hub.client import Bar, client, commit_of
from scamdetect.system.destinations import replaced_folder
from scamdetect.system.os_errors import unwritable, written

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_LARGEST_MANIFEST = 16 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Pulled:
    """A pulled bundle: its folder, its id and its commit."""

    folder: Path
    model_id: str
    commit: str


def pull(
    repo_id: str, revision: str, out: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Download the bundle at a commit or tag of OWNER/NAME into the folder ``out`` and return it.

    Raises InputError for a branch, a missing repository or revision and an existing ``out`` (unless
    it is a bundle and ``overwrite`` is set), BundleError if the files do not match the manifest,
    EndpointError if the hub is down, OutputError if writing fails. ``out`` is then unchanged.
    """
    return pull_bundle(repo_id, revision, Path(out), overwrite=overwrite).folder


def pull_bundle(repo_id: str, revision: str, out: Path, *, overwrite: bool = False) -> Pulled:
    """Download a bundle as ``pull`` does and return its details too."""
    target = replaced_folder(out, MANIFEST, overwrite=overwrite)
    with _draft(target) as draft:
        with client(repo_id, revision) as api:
            commit = commit_of(api, repo_id, revision)
            _download(api, repo_id, commit, draft)
        shutil.rmtree(draft / ".cache", ignore_errors=True)  # the client's own notes
        try:
            model_id = Bundle.load(draft).model_id
        except BundleError as problem:
            raise BundleError(
                f"{repo_id} at {commit}: not a complete bundle, nothing was saved "
                f"({str(problem).replace(f'{draft}{os.sep}', '')})"
            ) from problem
        _put_in_place(draft, target)
    return Pulled(out, model_id, commit)


@contextmanager
def _draft(out: Path) -> Iterator[Path]:
    """Yield a folder next to ``out`` that is always removed at the end."""
    try:
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.absolute().parent))
    except OSError as problem:
        raise unwritable(out, problem) from problem
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _download(api: HfApi, repo_id: str, commit: str, draft: Path) -> None:
    """Download the manifest and its files; sizes are compared before large files are downloaded."""
    info = api.model_info(repo_id, revision=commit, files_metadata=True)
    if info.sha != commit:
        raise InputError(f"{repo_id}: the hub gave commit {info.sha} for {commit}; try again")
    sizes = {one.rfilename: one.size for one in info.siblings or ()}
    if MANIFEST not in sizes:
        raise InputError(f"{repo_id} at {commit}: contains no {MANIFEST}, so it is not a bundle")
    if (sizes[MANIFEST] or 0) > _LARGEST_MANIFEST:
        raise BundleError(f"{repo_id} at {commit}: {MANIFEST} is {sizes[MANIFEST]} bytes long")
    api.hf_hub_download(repo_id, MANIFEST, revision=commit, local_dir=draft)
    files = read_manifest(draft / MANIFEST)["files"]
    for name, entry in files.items():
        listed = entry.get("bytes") if isinstance(entry, dict) else None
        if name not in sizes:
            raise BundleError(f"{repo_id} at {commit}: lacks {name}; pull another revision")
        if sizes[name] is not None and sizes[name] != listed:
            raise BundleError(
                f"{repo_id} at {commit}: {name} has {sizes[name]} bytes, expected {listed} from "
                f"{MANIFEST}; pull another revision"
            )
    exact = [escape(name) for name in files]
    api.snapshot_download(
        repo_id, revision=commit, allow_patterns=exact, local_dir=draft, tqdm_class=Bar
    )
    # If the hub fails between two calls, the client returns the folder as it is.
    if not all((draft / name).is_file() for name in files):
        raise EndpointError(f"{repo_id} at {commit}: a download is incomplete; try again")


def _put_in_place(draft: Path, out: Path) -> None:
    """Rename the draft; an older bundle is removed only when the new one is in place."""
    draft.chmod(0o755)
    with written(out):
        if not out.exists():
            draft.rename(out)
            return
        with _draft(out) as old:
            kept = out.rename(old / "old")
            try:
                draft.rename(out)
            except OSError:
                kept.rename(out)
                raise


def push(
    bundle: str | os.PathLike[str],
    repo_id: str,
    *,
    private: bool = False,
    tag: str | None = None,
) -> str:
    """Upload the bundle in a folder to the model repository OWNER/NAME and return the commit.

    A missing repository is created. ``private`` makes it private, and rejects one that is already
    public. ``tag`` names the commit. Raises BundleError for a damaged bundle, before anything is
    sent, InputError if the hub rejects the request, EndpointError if it is down.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    loaded = Bundle.load(bundle)
    added = [CommitOperationAdd(name, loaded.read(name)) for name in sorted(loaded.sha256)]
    with client(repo_id) as api:
        api.create_repo(repo_id, private=private or None, exist_ok=True)
        there = _check(api, repo_id, private, tag)
        # Of an earlier bundle here; unlisted files would make this one unreadable.
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
    """Return the files of the repository; raise InputError if it is not as requested."""
    info = api.model_info(repo_id)
    if private and info.private is False:
        raise InputError(
            f"{repo_id}: is already public; make it private on the hub, or push without --private"
        )
    if tag is not None and tag in {one.name for one in api.list_repo_refs(repo_id).tags}:
        raise InputError(f"{repo_id}: already has a tag {tag}; tags do not move, choose another")
    return {one.rfilename for one in info.siblings or ()}


def pull_command(repo_id: str, commit: str) -> str:
    """Return the command that downloads exactly this bundle."""
    folder = Path(repo_id).name
    return f"scamdetect hub pull {repo_id} --revision {commit} --out {folder}"
