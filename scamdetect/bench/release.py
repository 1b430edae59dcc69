"""The released benchmark: which rows its suites have, and whether a suite built here has them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from scamdetect.bench.suite import Manifest, Suite

NAME = "scamdetect-bench-1"
FILE = "bench_1.json"  # in this package
# In the order of the benchmark's checksum; ``calibrate`` is what thresholds are set on.
SUITES = (
    "human",
    "human-final",
    "llm",
    "llm-final",
    "pairs",
    "pairs-final",
    "evasion",
    "rewrite",
    "calibrate",
)
_SHOWN = 3


@cache
def manifests() -> Mapping[str, Manifest]:
    """Return the released manifests by the name of their suite."""
    return {
        name: Manifest.from_dict(record | {"made_with": {}})
        for name, record in _file()["suites"].items()
    }


def sha256() -> str:
    """Return the checksum of the released benchmark."""
    return str(_file()["sha256"])


def digest(released: Iterable[Manifest]) -> str:
    """Return the checksum of a benchmark of these suites: sha256 over theirs, in this order."""
    return hashlib.sha256("".join(one.sha256 for one in released).encode()).hexdigest()


def knows(suite: str) -> bool:
    """Whether the release has a suite of this name; ``check`` says nothing of others."""
    return suite in manifests()


def check(suite: Suite) -> str | None:
    """Return how the suite differs from the released one of its name, and the cure.

    None where the rows are the same, and where the release has no such suite (see ``knows``).
    """
    released = manifests().get(suite.name)
    here = suite.manifest
    if released is None or released.sha256 == here.sha256:
        return None
    size = f"it has as many rows, {here.rows:,}, but not the same"
    if here.rows != released.rows:
        size = f"it has {here.rows:,} rows instead of {released.rows:,}"
    own = all(source.startswith("authored_") for source in released.sources)
    cure = (
        "use data/authored of this version of scamdetect"
        if own
        else "rebuild the corpus with this version of scamdetect and all sources: scamdetect data "
        "fetch, then: scamdetect data build --licences default"
    )
    return (
        f"suite {suite.name}: sha256 {here.sha256[:12]}, {NAME} has {released.sha256[:12]}; "
        f"{size}{_by_source(released.sources, here.sources)}: {cure}"
    )


def to_record(suite: Suite) -> dict[str, Any]:
    """Return the manifest as the release's file holds it."""
    record = suite.manifest.to_dict()
    del record["made_with"]
    return record


def _by_source(released: Mapping[str, int], here: Mapping[str, int]) -> str:
    changed = [
        f"{source} {here.get(source, 0):,} instead of {released.get(source, 0):,}"
        for source in sorted(released.keys() | here.keys())
        if here.get(source, 0) != released.get(source, 0)
    ]
    if not changed:
        return ""
    rest = f" and {len(changed) - _SHOWN} more sources" if len(changed) > _SHOWN else ""
    return f" ({', '.join(changed[:_SHOWN])}{rest})"


@cache
def _file() -> dict[str, Any]:
    text = files("scamdetect.bench").joinpath(FILE).read_text(encoding="utf-8")
    record: dict[str, Any] = json.loads(text)
    return record
