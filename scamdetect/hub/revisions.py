"""Which commit a revision is: only what cannot move is taken."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scamdetect.errors import InputError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

COMMIT = re.compile(r"[0-9a-f]{40}")


def commit_of(api: HfApi, repo_id: str, revision: str) -> str:
    """Return the commit (40 hex digits) that the revision is, which may be a tag.

    Raises InputError for a branch, with the commit that it stands at, and for what is neither.
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
                f"{repo_id}: {revision} is a branch and moves; to have what it is now, pass "
                f"--revision {branch.target_commit}"
            )
    tags = ", ".join(tag.name for tag in refs.tags) or "none"
    raise InputError(
        f"{repo_id}: no tag {revision}, and a commit has 40 hex digits; its tags are: {tags}"
    )
