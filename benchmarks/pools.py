"""Measure detectors on the pools that a model is chosen by: the bundle, TF-IDF and keyword rules.

    python benchmarks/pools.py data/corpus.parquet [BUNDLE] [--half select|check|all]

``select`` is for searches, ``check`` for the bundle of a release and the one before it. Writes
``pools-HALF.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from scamdetect.bundle import Bundle
from scamdetect.detector import ScamDetector
from scamdetect.errors import ScamDetectError
from scamdetect.evaluation import baseline, keyword_baseline
from scamdetect.evaluation.cells import counted, decimal, estimate, percent
from scamdetect.evaluation.comparison import DETECTOR_CODE
from scamdetect.evaluation.metrics import Floats
from scamdetect.evaluation.pools import (
    evaluate_pools,
    half_of,
    language_cells,
    load_pools,
    used_rows,
)
from scamdetect.evaluation.provenance import commit, machine, today
from scamdetect.evaluation.score_cache import ScoreCache
from scamdetect.evaluation.scoring import score_texts
from scamdetect.evaluation.table import column, detector_texts, read_rows, select
from scamdetect.files import file_sha256
from scamdetect.pages import table as markdown
from scamdetect.pages import write_results
from scamdetect.training.rows import read_roles

ROOT = Path(__file__).resolve().parent.parent
SAME_WRITER = ("everyday", "authored")


def main() -> None:
    """Score the dev rows with each detector and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("bundle", type=Path, nargs="?")
    parser.add_argument("--half", choices=["select", "check", "all"], default="select")
    parser.add_argument("--kept", type=Path, help="folder in which scores are kept between runs")
    parser.add_argument("--pools", type=Path, default=ROOT / "data" / "pools.toml")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    try:
        record = measure(asked.corpus, asked.bundle, asked.half, asked.pools, asked.kept)
    except ScamDetectError as problem:
        sys.exit(f"pools: {problem}")
    path = asked.out / f"pools-{asked.half}.json"
    sys.stdout.write(write_results(path, record, page(record)))


def measure(
    corpus: Path, bundle: Path | None, half: str, pools: Path, kept: Path | None = None
) -> dict[str, Any]:
    """Return the figures of all detectors on the dev rows, or on a half of them."""
    chosen = load_pools(pools)
    rows = read_rows(corpus, {"dev"})
    rows = select(rows, used_rows(rows, chosen))
    cells, halves = language_cells(rows, chosen), half_of(rows)
    cache = ScoreCache(kept, file_sha256(corpus), _log)
    detector = ScamDetector.load(bundle)
    training = Bundle.load(bundle).training
    trained = {str(entry["source"]) for entry in training.get("sources", ())}
    texts, norm = detector_texts(rows), rows["norm"].to_pylist()
    hashes = column(rows, "row_hash").tolist()
    fitted = baseline.train_baseline(read_roles(corpus, ["train"], "default"), _log)
    bundled = cache.scores(
        "bundle",
        detector.model_id,
        DETECTOR_CODE,
        hashes,
        lambda: score_texts(detector, texts, "bundle", _log),
    )
    scores: dict[str, Floats] = {
        detector.model_id: bundled.scam,
        baseline.NAME: fitted.scam_probabilities(norm),
        keyword_baseline.NAME: keyword_baseline.keyword_scores(norm),
    }
    measured = np.asarray((half == "all") | (halves == half), dtype=bool)
    rows = select(rows, measured)
    results = {
        name: asdict(evaluate_pools(rows, found[measured], chosen, cells[measured]))
        for name, found in scores.items()
    }
    return {
        "date": today(),
        "commit": commit(),
        "machine": machine(),
        "half": half,
        "in_training_of_the_bundle": sorted(trained & set(column(rows, "source"))),
        "detectors": results,
    }


def page(record: dict[str, Any]) -> list[str]:
    """Return the figures as Markdown."""
    detectors: dict[str, Any] = record["detectors"]
    seen = ", ".join(record["in_training_of_the_bundle"]) or "none"
    lines = [
        "# Pools",
        "",
        f"Dev rows: {record['half']}; {record['date']}, commit {record['commit']}, "
        f"{record['machine']}. One threshold, which 1 % of the weighted honest side reach; recall "
        "is the mean of source mean and language mean, with 95 % intervals from resampled groups. "
        "Everyday and authored rows are **same writer**: the language model that wrote them wrote "
        "training rows too.",
        "",
        f"Of these sources the bundle has trained on: {seen}.",
        "",
        *_table("recall at 1 %", detectors, _means),
        "",
        "## Honest rows over the threshold",
        "",
        *_table("block", detectors, _honest),
        "",
        "## Transfer sources",
        "",
        *_table("source", detectors, _sources),
    ]
    for pool in ("transfer", "in_source", "everyday", "authored"):
        mark = ", same writer" if pool in SAME_WRITER else ""
        lines += ["", f"## {pool} by language{mark}", ""]
        lines += _table("language or region", detectors, lambda one, pool=pool: _langs(one, pool))
    return lines


def _table(head: str, detectors: dict[str, Any], rows_of: Any) -> list[str]:  # noqa: ANN401
    columns = {name: rows_of(one) for name, one in detectors.items()}
    names = list(dict.fromkeys(row for found in columns.values() for row in found))
    body = [[name, *(found.get(name, "-") for found in columns.values())] for name in names]
    return markdown([head, *columns], body)


def _means(one: dict[str, Any]) -> dict[str, str]:
    found = {
        f"{pool['name']}{', same writer' if pool['name'] in SAME_WRITER else ''}": counted(
            estimate(pool["mean"])
        )
        for pool in one["pools"]
    }
    twins = one["twins"]
    return found | {
        "selection score, half of it same writer": decimal(estimate(one["score"])),
        "honest reports over the threshold": counted(estimate(twins["over_threshold"])),
        "in_source, recall at 5 % of honest reports": percent(estimate(twins["recall_at_own"])),
        "threshold": f"{one['threshold']:.4f}",
    }


def _honest(one: dict[str, Any]) -> dict[str, str]:
    return {name: counted(estimate(found)) for name, found in one["over_threshold"].items()}


def _sources(one: dict[str, Any]) -> dict[str, str]:
    found = next(pool for pool in one["pools"] if pool["name"] == "transfer")
    return {name: counted(estimate(value)) for name, value in found["sources"].items()}


def _langs(one: dict[str, Any], name: str) -> dict[str, str]:
    found = next(pool for pool in one["pools"] if pool["name"] == name)
    cells = {}
    for lang, figures in found["languages"].items():
        own = [
            f"{rate} of its honest rows {percent(estimate(value))}"
            for rate, value in figures["own"].items()
            if value is not None
        ]
        cells[lang] = "; ".join([counted(estimate(figures["pooled"])), *own])
    return cells


def _log(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
