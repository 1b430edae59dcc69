"""Measure detectors on the pools that a model is chosen by: bundles, TF-IDF and keyword rules.

    python benchmarks/pools.py data/corpus.parquet [BUNDLE...] [--half select|check|all]

``select`` is for searches, ``check`` for the bundle of a release and the one before it. Writes
``pools-HALF.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from scamdetect.bundle.bundle import trained_sources
from scamdetect.calibration.statistics import Floats
from scamdetect.detector import ScamDetector
from scamdetect.errors import ScamDetectError
from scamdetect.evaluate import baselines
from scamdetect.evaluate.comparison import DETECTOR_CODE, ScoreCache
from scamdetect.evaluate.pools import evaluate_pools, language_cells, load_pools, used_rows
from scamdetect.system.files import file_sha256
from scamdetect.train.cells import counted, decimal, estimate, percent
from scamdetect.train.data.scores import commit, machine, score_texts, today
from scamdetect.train.data.table import column, detector_texts, half_of, read_rows, select
from scamdetect.train.pages import table as markdown
from scamdetect.train.pages import write_results
from scamdetect.train.rows import read_roles

ROOT = Path(__file__).resolve().parent.parent
SAME_WRITER = ("everyday", "authored")


def main() -> None:
    """Score the dev rows with each detector and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("bundles", type=Path, nargs="*", help="by default the shipped one")
    parser.add_argument("--half", choices=["select", "check", "all"], default="select")
    parser.add_argument("--kept", type=Path, help="folder in which scores are kept between runs")
    parser.add_argument("--pools", type=Path, default=ROOT / "data" / "pools.toml")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    try:
        record = measure(asked.corpus, asked.bundles, asked.half, asked.pools, asked.kept)
    except ScamDetectError as problem:
        sys.exit(f"pools: {problem}")
    path = asked.out / f"pools-{asked.half}.json"
    sys.stdout.write(write_results(path, record, page(record)))


def measure(
    corpus: Path, bundles: Sequence[Path], half: str, pools: Path, kept: Path | None = None
) -> dict[str, Any]:
    """Return the figures of all detectors on the dev rows, or on a half of them."""
    chosen = load_pools(pools)
    rows = read_rows(corpus, {"dev"})
    rows = select(rows, used_rows(rows, chosen))
    cells, halves = language_cells(rows, chosen), half_of(rows)
    cache = ScoreCache(kept, file_sha256(corpus), _log)
    detectors = [ScamDetector.load(bundle) for bundle in bundles or [None]]
    texts, norm = detector_texts(rows), rows["norm"].to_pylist()
    hashes = column(rows, "row_hash").tolist()
    scores: dict[str, Floats] = {
        one.model_id: cache.scores(
            "bundle",
            one.model_id,
            DETECTOR_CODE,
            hashes,
            lambda one=one: score_texts(one, texts, one.model_id, _log),
        ).scam
        for one in detectors
    }
    fitted = baselines.train_baseline(read_roles(corpus, ["train"], "default"), _log)
    scores[baselines.TFIDF] = fitted.scam_probabilities(norm)
    scores[baselines.KEYWORDS] = baselines.keyword_scores(norm)
    measured = np.asarray((half == "all") | (halves == half), dtype=bool)
    rows = select(rows, measured)
    own = {one.model_id: own_thresholds(one) for one in detectors}
    results = {
        name: asdict(
            evaluate_pools(rows, found[measured], chosen, cells[measured], own.get(name, {}))
        )
        for name, found in scores.items()
    }
    return {
        "date": today(),
        "commit": commit(),
        "machine": machine(),
        "half": half,
        "in_training": {
            one.model_id: _trained(one, set(column(rows, "source"))) for one in detectors
        },
        "detectors": results,
    }


def own_thresholds(detector: ScamDetector) -> dict[str, float]:
    """Return the thresholds of the bundle's presets and of its review, by name."""
    named = {name: point.threshold for name, point in detector.presets.items()}
    return named | {"review": detector.thresholds.review}


def _trained(detector: ScamDetector, sources: set[str]) -> list[str]:
    return sorted(trained_sources(detector.bundle.training) & sources)


def page(record: dict[str, Any]) -> list[str]:
    """Return the figures as Markdown."""
    detectors: dict[str, Any] = record["detectors"]
    seen = "; ".join(
        f"{name}: {', '.join(sources) or 'none'}" for name, sources in record["in_training"].items()
    )
    lines = [
        "# Pools",
        "",
        f"Dev rows: {record['half']}; {record['date']}, commit {record['commit']}, "
        f"{record['machine']}. One threshold, which 1 % of the weighted honest side reach; recall "
        "is the mean of source mean and language mean, with 95 % intervals from resampled groups. "
        "Everyday and authored rows are **same writer**: the language model that wrote them wrote "
        "training rows too.",
        "",
        f"Of these sources trained {seen}.",
        "",
        *_table("recall at 1 %", detectors, _means),
        "",
        "## At the bundles' own thresholds",
        "",
        "Real scams are those of transfer and in_source, by their shares.",
        "",
        *_shipped_table(detectors),
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


def _shipped_table(detectors: dict[str, Any]) -> list[str]:
    blocks = list(next(iter(detectors.values()))["over_threshold"])
    head = [
        "bundle, threshold", "real scams", "everyday, same writer", "authored, same writer",
        "honest, weighted", *blocks, "honest reports",
    ]  # fmt: skip
    body = [
        [
            f"{name}, {threshold} {at['threshold']:.4f}",
            percent(estimate(at["real"])),
            *(percent(estimate(at["pools"][pool])) for pool in SAME_WRITER),
            percent(estimate(at["honest"])),
            *(counted(estimate(at["blocks"][block])) for block in blocks),
            counted(estimate(at["twins"])),
        ]
        for name, one in detectors.items()
        for threshold, at in one["shipped"].items()
    ]
    return markdown(head, body)


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
