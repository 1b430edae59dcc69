"""Measure what disguises cost: recall kept on scams and flags gained on honest text, by evasion.

The dev part of the project's own messages, clean and disguised, through the public API. Two
thresholds: the shipped flag, and the one that 5 % of the clean honest rows reach. All rows are by
one writer model.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scamdetect import ScamDetector
from scamdetect.data.authored import AuthoredRow, load_authored
from scamdetect.evaluation.metrics import auc, false_positive_rate, recall
from scamdetect.evaluation.provenance import commit, machine, today
from scamdetect.labels import Verdict
from scamdetect.perturb import PERTURBATIONS, perturb
from scamdetect.thresholds import threshold_at_fpr

ROOT = Path(__file__).resolve().parent.parent
SHARE = 0.6  # of the words
MIXED = ("leet", "zero_width", "link_tricks")
LOOSE = 0.05


def main() -> None:
    """Score the dev rows under every evasion and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    rows = [row for row in load_authored(asked.authored) if row.part == "dev"]
    rows = [row for row in rows if row.verdict is not Verdict.SPAM]
    with ScamDetector.load(asked.bundle) as detector:
        clean = _scores(detector, [row.text for row in rows])
        honest = np.array([row.verdict is Verdict.LEGIT for row in rows])
        thresholds = {
            "flag": detector.thresholds.flag,
            "5 % of clean legit": float(threshold_at_fpr(clean[honest], LOOSE)),
        }
        results = []
        for names in ([name] for name in PERTURBATIONS):
            results.append(_measure(detector, rows, clean, names, thresholds))
        results.append(_measure(detector, rows, clean, list(MIXED), thresholds))
        record = {
            "date": today(),
            "commit": commit(),
            "machine": machine(),
            "model_id": detector.model_id,
            "share": SHARE,
            "thresholds": thresholds,
            "evasions": results,
        }
    stem = asked.out / f"evasion-{asked.bundle.resolve().name}"
    stem.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    page = "\n".join(_page(record)) + "\n"
    stem.with_suffix(".md").write_text(page, encoding="utf-8")
    sys.stdout.write(page)


def _measure(
    detector: ScamDetector,
    rows: list[AuthoredRow],
    clean: NDArray[np.float64],
    names: list[str],
    thresholds: dict[str, float],
) -> dict[str, Any]:
    """Return the figures of the rows that these evasions change."""
    texts = [perturb(row.text, names, row.id, SHARE) for row in rows]
    changed = [n for n, (row, text) in enumerate(zip(rows, texts, strict=True)) if text != row.text]
    scores = _scores(detector, [texts[place] for place in changed])
    before = clean[changed]
    scam = np.array([rows[place].verdict is Verdict.SCAM for place in changed], dtype=bool)
    scripts = np.array([rows[place].script for place in changed])
    found: dict[str, Any] = {
        "evasion": "+".join(names),
        "n_scam": int(scam.sum()),
        "n_legit": int((~scam).sum()),
        "auc": [float(auc(before, scam)), float(auc(scores, scam))],
    }
    for name, threshold in thresholds.items():
        found[name] = {
            "recall": [_plain(recall(x[scam] >= threshold)) for x in (before, scores)],
            "fpr": [_plain(false_positive_rate(x[~scam] >= threshold)) for x in (before, scores)],
        }
    found["legit_flags_by_script"] = {
        script: [
            int((~scam & (scripts == script)).sum()),
            *(
                int((x[~scam & (scripts == script)] >= thresholds["5 % of clean legit"]).sum())
                for x in (before, scores)
            ),
        ]
        for script in sorted(set(scripts[~scam].tolist()))
    }
    return found


def _scores(detector: ScamDetector, texts: list[str]) -> NDArray[np.float64]:
    # The decimals of float32, as decisions compare them with thresholds.
    return np.array([float(str(score)) for score in detector.predict_proba(texts)[:, 2]])


def _plain(estimate: Any) -> dict[str, float] | None:  # noqa: ANN401
    return None if estimate is None else asdict(estimate)


def _page(record: dict[str, Any]) -> list[str]:
    lines = [
        "# Evasion",
        "",
        f"{record['date']}, commit {record['commit']}, {record['model_id']}, {record['machine']}. "
        f"Authored dev rows (one writer model), {record['share']:.0%} of the words disguised; only "
        "rows that the evasion changes. Clean -> disguised.",
        "",
        "| evasion | n scam | n legit | AUC | flagged scams | flagged legit | scams over T5 | "
        "legit over T5 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for found in record["evasions"]:
        cells = [found["evasion"], str(found["n_scam"]), str(found["n_legit"])]
        cells.append(" -> ".join("-" if x != x else f"{x:.3f}" for x in found["auc"]))
        for name in record["thresholds"]:
            for side in ("recall", "fpr"):
                cells.append(" -> ".join(_percent(x) for x in found[name][side]))
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        f"T5 is {record['thresholds']['5 % of clean legit']:.4f}, which 5 % of all clean legit dev "
        "rows reach. Legit rows over T5 by script, clean -> disguised of n:",
        "",
        "| evasion | " + " | ".join(scripts := _scripts(record)) + " |",
        "|---" * (len(scripts) + 1) + "|",
    ]
    for found in record["evasions"]:
        cells = []
        for script in scripts:
            n, before, after = found["legit_flags_by_script"].get(script, (0, 0, 0))
            cells.append(f"{before} -> {after} of {n}" if n else "-")
        lines.append(f"| {found['evasion']} | {' | '.join(cells)} |")
    return lines


def _scripts(record: dict[str, Any]) -> list[str]:
    return sorted({s for found in record["evasions"] for s in found["legit_flags_by_script"]})


def _percent(estimate: dict[str, float] | None) -> str:
    return "-" if estimate is None else f"{estimate['value']:.1%}"


if __name__ == "__main__":
    main()
