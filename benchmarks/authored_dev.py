"""Measure a bundle on the dev part of the project's own messages, whatever it trained on.

All rows are written by one language model: an authored figure is no generator-held-out result.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from scamdetect import ScamDetector
from scamdetect.data.authored import AuthoredRow, load_authored
from scamdetect.evaluation.metrics import (
    auc_estimate,
    false_positive_rate,
    recall,
    recall_at_fpr_estimate,
)
from scamdetect.evaluation.provenance import commit, machine
from scamdetect.labels import Verdict

ROOT = Path(__file__).resolve().parent.parent


def measure(rows: list[AuthoredRow], scores: np.ndarray, flag: float) -> dict[str, Any]:
    """Return the figures of these rows; promos are in none, every language uses one threshold."""
    legit = np.array([row.verdict is Verdict.LEGIT for row in rows])
    scam = np.array([row.verdict is Verdict.SCAM for row in rows])
    numbers: dict[str, int] = {}
    groups = np.array([numbers.setdefault(row.pair or row.id, len(numbers)) for row in rows])
    known = legit | scam
    threshold = np.sort(scores[legit])[-max(1, int(0.01 * legit.sum()))]

    def by(name: Callable[[AuthoredRow], str | None]) -> dict[str, Any]:
        names = [name(row) for row in rows]
        found = {}
        for key in sorted({n for n in names if n}):
            here = np.array([n == key for n in names])
            found[key] = {
                "recall_at_pooled_1%": _plain(recall((scores > threshold)[here & scam])),
                "flag_recall": _plain(recall((scores >= flag)[here & scam])),
                "flag_fpr": _plain(false_positive_rate((scores >= flag)[here & legit])),
            }
        return found

    return {
        "n_scam": int(scam.sum()),
        "n_legit": int(legit.sum()),
        "auc": _plain(auc_estimate(scores[known], scam[known], groups[known])),
        "R@1%": _plain(recall_at_fpr_estimate(scores[known], scam[known], 0.01, groups[known])),
        "flag_recall": _plain(recall((scores >= flag)[scam])),
        "flag_fpr": _plain(false_positive_rate((scores >= flag)[legit])),
        "pairs": _pairs(rows, scores, flag),
        "by_language": by(lambda row: row.lang),
        "by_slice": by(lambda row: row.slice),
        "by_first_kind": by(lambda row: row.kinds[0].value if row.kinds else None),
    }


def _pairs(rows: list[AuthoredRow], scores: np.ndarray, flag: float) -> dict[str, Any]:
    sides: dict[str, dict[Verdict, float]] = {}
    for row, score in zip(rows, scores, strict=True):
        if row.pair:
            sides.setdefault(row.pair, {})[row.verdict] = float(score)
    whole = [side for side in sides.values() if len(side) == 2]
    ranked = np.array([side[Verdict.SCAM] > side[Verdict.LEGIT] for side in whole])
    both = np.array([side[Verdict.SCAM] >= flag > side[Verdict.LEGIT] for side in whole])
    return {"by_rank": _plain(recall(ranked)), "both_sides_at_flag": _plain(recall(both))}


def _plain(estimate: Any) -> dict[str, Any] | None:  # noqa: ANN401
    return None if estimate is None else asdict(estimate)


def main() -> None:
    """Score the dev rows and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    rows = [row for row in load_authored(asked.authored) if row.part == "dev"]
    with ScamDetector.load(asked.bundle) as detector:
        scores = detector.predict_proba([row.text for row in rows])[:, 2].astype(np.float64)
        flag, model = detector.thresholds.flag, detector.model_id
    figures = {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "machine": machine(),
        "model_id": model,
        "flag": flag,
    }
    figures |= measure(rows, scores, flag)
    name = f"authored-dev-{asked.bundle.resolve().name}.json"
    (asked.out / name).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    short = ("n_scam", "n_legit", "auc", "R@1%", "flag_recall", "flag_fpr", "pairs")
    sys.stdout.write(json.dumps({key: figures[key] for key in short}, indent=1) + "\n")


if __name__ == "__main__":
    main()
