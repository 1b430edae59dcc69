"""Fit a first tier for a calibrated bundle as a release does, and write what its proof says.

    python benchmarks/first_tier.py [BUNDLE]

The bundle stays as it is. Writes ``first_tier.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from scamdetect.bundle.bundle import Bundle
from scamdetect.bundle.scoring import Scorer
from scamdetect.errors import ScamDetectError
from scamdetect.train.data.scores import commit, machine, today
from scamdetect.train.first_tier import make_first_tier
from scamdetect.train.rows import read_roles

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Fit on train rows, set the threshold on calibrate rows, prove on dev rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path, nargs="?", help="by default the shipped one")
    parser.add_argument("--corpus", type=Path, default=ROOT / "data" / "corpus.parquet")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    try:
        bundle = Bundle.load(asked.bundle)
        roles = ("train", "calibrate", "dev")
        parts = [read_roles(asked.corpus, [role], "default") for role in roles]
        made = make_first_tier(*parts, Scorer(bundle))
    except ScamDetectError as problem:
        sys.exit(f"first_tier: {problem}")
    record = {
        "date": today(), "commit": commit(), "machine": machine(), "model_id": bundle.model_id,
        "rule": made and asdict(made[0].rule), "proof": made and made[1],
    }  # fmt: skip
    asked.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1) + "\n"
    (asked.out / "first_tier.json").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
