"""Write what scamdetect-bench-1 is: the manifests of its suites, their checksum and the data card.

    python benchmarks/bench_release.py

From the corpus of ``scamdetect data build --licences default`` with every source fetched. No suite
is scored here. Equal rows give equal files.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench_card import card

from scamdetect.bench import suite as release
from scamdetect.bench.answers import Material
from scamdetect.bench.names import SUITES, load
from scamdetect.bench.suite import Suite
from scamdetect.bench.suites.calibrate import NAME as CALIBRATE
from scamdetect.bench.suites.calibrate import calibrate
from scamdetect.errors import ScamDetectError
from scamdetect.train.data.registry import load_registry

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Build every suite and write the release's file and its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=ROOT / "data" / "corpus.parquet")
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--sources", type=Path, default=ROOT / "data" / "sources")
    parser.add_argument("--json", type=Path, default=ROOT / "scamdetect" / "bench" / release.FILE)
    parser.add_argument("--card", type=Path, default=ROOT / "benchmarks" / "bench-1.md")
    asked = parser.parse_args()
    try:
        suites = build(Material(asked.corpus, asked.authored, _log))
        registry = load_registry(asked.sources)
    except ScamDetectError as problem:
        sys.exit(f"bench_release: {problem}")
    checksum = release.digest(suite.manifest for suite in suites)
    record = {
        "name": release.NAME,
        "sha256": checksum,
        "suites": {suite.name: release.to_record(suite) for suite in suites},
    }
    asked.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    lines = card(release.NAME, checksum, suites, registry)
    asked.card.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for suite in suites:
        _log(f"{suite.name}: {suite.manifest.rows:,} rows, sha256 {suite.manifest.sha256[:12]}")


def build(material: Material) -> list[Suite]:
    """Return the suites of the release in its order."""
    return [
        calibrate(material) if name == CALIBRATE else load(SUITES, name)(material)
        for name in release.SUITES
    ]


def _log(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
