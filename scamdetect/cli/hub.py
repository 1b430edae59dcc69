"""The commands that push bundles to the Hugging Face hub and pull them, pinned."""

from __future__ import annotations

from pathlib import Path

import click

from scamdetect.cli.streams import say

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
