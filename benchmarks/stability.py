"""Measure what should not move a decision: collection style, and honest words behind a scam.

    python benchmarks/stability.py data/corpus.parquet BUNDLE [BUNDLE...]

Restyled: honest dev rows of the pools, drawn with seed 0, as other collections would have left them
(masks, case, cut ends; ``data.restyled_share`` of a recipe). Padded: scams of the dev part of this
project's messages with 30 honest words of their language behind them. Both at the flag threshold,
through the public API. Writes ``stability.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scamdetect.calibration.statistics import Bools, Estimate, wilson
from scamdetect.detector import ScamDetector
from scamdetect.errors import ScamDetectError
from scamdetect.evaluate.pools import load_pools, used_rows
from scamdetect.labels import Verdict
from scamdetect.reports.cells import percent
from scamdetect.reports.pages import table, write_results
from scamdetect.train.cascade import padded_scams
from scamdetect.train.data.scores import commit, machine, today
from scamdetect.train.data.table import (
    detector_texts,
    has_verdict,
    read_rows,
    select,
)
from scamdetect.train.rows import restyle

ROOT = Path(__file__).resolve().parent.parent
HONEST, SCAMS = 500, 400  # rows at most
MOST_CHANGE, LEAST_KEPT = 0.005, 0.90  # the gates


def main() -> None:
    """Change the texts, score both forms, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("bundles", type=Path, nargs="+")
    parser.add_argument("--pools", type=Path, default=ROOT / "data" / "pools.toml")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    try:
        rows = read_rows(asked.corpus, {"dev"})
        honest = honest_texts(rows, asked.pools)
        scams = padded_scams(rows, SCAMS)
        found = []
        for bundle in asked.bundles:
            with ScamDetector.load(bundle) as detector:
                found.append(measure(detector, honest, scams))
    except ScamDetectError as problem:
        sys.exit(f"stability: {problem}")
    record = {"date": today(), "commit": commit(), "machine": machine(), "bundles": found}
    sys.stdout.write(write_results(asked.out / "stability.json", record, page(record)))


def honest_texts(rows: pa.Table, pools: Path) -> list[tuple[str, str]]:
    """Return honest rows of the pools, each as it is and restyled."""
    used = used_rows(rows, load_pools(pools)) & has_verdict(rows, Verdict.LEGIT)
    texts = detector_texts(select(rows, used))
    generator = random.Random(0)
    chosen = generator.sample(texts, min(HONEST, len(texts)))
    return [(text, restyle(text, generator)) for text in chosen]


def measure(
    detector: ScamDetector, honest: list[tuple[str, str]], scams: list[tuple[str, str]]
) -> dict[str, Any]:
    """Return the flags of both forms of the texts."""
    before, after = flags(detector, honest)
    plain, padded = flags(detector, scams)
    return {
        "model_id": detector.model_id,
        "honest": len(honest),
        "flagged": int(before.sum()),
        "flagged_restyled": int(after.sum()),
        "changed": int((before != after).sum()),
        "scams": len(scams),
        "scams_flagged": int(plain.sum()),
        "scams_kept": int((plain & padded).sum()),
    }


def flags(detector: ScamDetector, pairs: list[tuple[str, str]]) -> tuple[Bools, Bools]:
    """Return which texts (n,) are flagged as they are, and changed."""
    first, second = (
        np.array([one.decision == "flag" for one in detector.predict([p[side] for p in pairs])])
        for side in (0, 1)
    )
    return first, second


def page(record: dict[str, Any]) -> list[str]:
    """Return the figures as Markdown."""
    body = []
    for one in record["bundles"]:
        n, scams = one["honest"], one["scams_flagged"]
        change = (one["flagged_restyled"] - one["flagged"]) / n
        low, high = wilson(one["scams_kept"], scams)
        kept = Estimate(one["scams_kept"] / max(scams, 1), low, high, scams)
        body.append([
            one["model_id"], f"{one['flagged']} -> {one['flagged_restyled']} of {n}",
            f"{change * 100:+.1f} points", _met(change <= MOST_CHANGE),
            f"{percent(kept)} of {scams}", _met(kept.value >= LEAST_KEPT),
        ])  # fmt: skip
    head = ["bundle", "honest flagged, restyled", "change", "at most +0.5"]
    head += ["scams kept behind 30 honest words", "at least 90%"]
    return [
        "# Stability",
        "",
        f"{record['date']}, commit {record['commit']}, {record['machine']}. At the flag threshold "
        "of each bundle; the scams are by the writer of training rows.",
        "",
        *table(head, body),
    ]


def _met(met: bool) -> str:
    return "met" if met else "missed"


if __name__ == "__main__":
    main()
