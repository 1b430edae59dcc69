"""The group ``scamdetect model``: get, publish, describe and check bundles."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click

from scamdetect.cli.options import MODEL, OVERWRITE_BUNDLE, PATH, Group, option
from scamdetect.cli.streams import say, say_marked, say_next
from scamdetect.errors import ScamDetectError

PACKAGES = ("scamdetect", "numpy", "onnxruntime", "tokenizers", "pyarrow")
TOLERANCE = 0.02  # of the scam probability of a known answer
_REPO = click.argument("repo_id", metavar="OWNER/NAME")
Check = tuple[bool | None, str, str]  # passed, or None if there is nothing to check; name; finding


@click.group(cls=Group)
def model() -> None:
    """Download, upload, describe and check model bundles.

    The hub is Hugging Face (extra `hub`). The token comes from `hf auth login` or HF_TOKEN.
    """


@model.command(
    epilog="Example: scamdetect model pull your-name/scamdetect-small --revision v1 -o bundle"
)
@_REPO
@option("--revision TEXT", "Commit, tag or branch. A commit never changes.", required=True)
@option("-o --output folder DIR", "Folder.", required=True)
@OVERWRITE_BUNDLE
def pull(repo_id: str, revision: str, folder: Path, overwrite: bool) -> None:
    """Download a bundle and verify it."""
    from scamdetect.bundle.bundle import MANIFEST
    from scamdetect.hub import pull as download
    from scamdetect.system.destinations import replaced_folder

    commit = download(repo_id, revision, replaced_folder(folder, MANIFEST, overwrite=overwrite))
    say(f"{folder}: {repo_id} at commit {commit}")
    say_next("model", "check", "--model", folder)


@model.command(epilog="Example: scamdetect model push bundle your-name/scamdetect-small --private")
@click.argument("bundle", type=PATH)
@_REPO
@option("--private", "Create a private repository.")
def push(bundle: Path, repo_id: str, private: bool) -> None:
    """Verify a bundle and upload it in one commit."""
    from scamdetect.hub import push as upload

    commit = upload(bundle, repo_id, private=private)
    say(f"{repo_id}: {bundle} is commit {commit}")
    say_next("model", "pull", repo_id, "--revision", commit, "-o", Path(repo_id).name)


@model.command(epilog="Example: scamdetect model info")
@MODEL
def info(model: Path | None) -> None:
    """Print the id, thresholds, presets, languages and figures of a bundle as JSON."""
    from scamdetect.detector import ScamDetector

    detector = ScamDetector.load(model)
    bundle = detector.bundle
    whole = [point for point in bundle.operating_points if point.lang is point.kind is None]
    facts = {
        "id": bundle.model_id,
        "folder": str(bundle.folder),
        "thresholds": {"flag": bundle.thresholds.flag, "review": bundle.thresholds.review},
        "thresholds_fpr": dict(bundle.thresholds_fpr),
        "presets": {name: point.threshold for name, point in detector.presets.items()},
        "recall_at_fpr": {f"{point.fpr:g}": point.recall for point in whole},
        "languages": list(bundle.languages),
        "cascade": bundle.cascade is not None and bundle.cascade.proven,
        "conversations": bundle.conversation is not None,
    }
    say_marked(json.dumps(facts, indent=2) + "\n")


@model.command(epilog="Example: scamdetect model check")
@MODEL
def check(model: Path | None) -> None:
    """Check this machine and a bundle.

    The exit code is 1 if a check fails.
    """
    failed = False
    for ok, name, detail in examine(model):
        say(f"{'note' if ok is None else 'ok' if ok else 'WRONG':5}  {name:11}  {detail}")
        failed |= ok is False
    if failed:
        raise click.exceptions.Exit(1)


def examine(model: Path | None = None) -> Iterator[Check]:
    """Check versions, 8-bit products, the files of the bundle and its known answers."""
    from scamdetect.bundle.session import multiplies_exactly
    from scamdetect.detector import ScamDetector

    yield True, "python", f"{platform.python_version()} on {platform.platform()}"
    for package in PACKAGES:
        yield True, package, metadata.version(package)
    if multiplies_exactly(fast=True):
        yield True, "int8", "8-bit products are exact"
    elif multiplies_exactly(fast=False):
        yield True, "int8", "fast 8-bit products saturate; exact, slower ones are used"
    else:
        detail = "8-bit products saturate, so scores are wrong; use another onnxruntime"
        yield False, "int8", detail
    try:
        detector = ScamDetector.load(model)
    except ScamDetectError as problem:
        yield False, "bundle", str(problem)
        return
    yield True, "bundle", f"{detector.model_id} in {detector.bundle.folder}"
    answers = detector.bundle.known_answers
    if not answers:
        yield None, "self-test", "the bundle has no known answers"
        return
    predictions = detector.predict([answer.text for answer in answers])
    scores = [prediction.scam_probability for prediction in predictions]
    wrong = sum(
        score is None or abs(score - answer.scam_probability) > TOLERANCE
        for score, answer in zip(scores, answers, strict=True)
    )
    detail = f"{wrong} of {len(answers)} known answers differ by more than {TOLERANCE}"
    yield not wrong, "self-test", f"{detail}; reinstall onnxruntime" if wrong else detail
