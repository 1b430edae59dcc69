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

from scamdetect import ScamDetector
from scamdetect.calibration.thresholds import threshold_at_fpr
from scamdetect.evaluate.evasion import STRENGTHS, Message, disguise, evasion_results
from scamdetect.labels import Verdict
from scamdetect.train.cells import change, estimate, moved
from scamdetect.train.data.authored import load_authored
from scamdetect.train.data.scores import commit, machine, score_texts, today
from scamdetect.train.pages import table

ROOT = Path(__file__).resolve().parent.parent
STRENGTH = "medium"
LOOSE, LOOSE_FPR = "5 % of clean legit", 0.05


def main() -> None:
    """Score the dev rows under every evasion and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    rows = [row for row in load_authored(asked.authored) if row.part == "dev"]
    messages = [
        Message(row.text, row.id, row.verdict is Verdict.SCAM, row.script)
        for row in rows
        if row.verdict is not Verdict.SPAM
    ]
    disguised = disguise(messages, [STRENGTH])
    texts = [message.text for message in messages]
    texts += [text for one in disguised for text in one.texts]
    with ScamDetector.load(asked.bundle) as detector:
        scores = score_texts(detector, texts, "evasion", _log).scam
        clean = scores[: len(messages)]
        honest = np.array([not message.scam for message in messages])
        thresholds = {
            "flag": detector.thresholds.flag,
            LOOSE: float(threshold_at_fpr(clean[honest], LOOSE_FPR)),
        }
        results = evasion_results(messages, disguised, clean, scores[len(messages) :], thresholds)
        record: dict[str, Any] = {
            "date": today(),
            "commit": commit(),
            "machine": machine(),
            "model_id": detector.model_id,
            "share": STRENGTHS[STRENGTH],
            "thresholds": thresholds,
            "evasions": [asdict(result) for result in results],
        }
    stem = asked.out / f"evasion-{asked.bundle.resolve().name}"
    stem.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    page = "\n".join(_page(record)) + "\n"
    stem.with_suffix(".md").write_text(page, encoding="utf-8")
    sys.stdout.write(page)


def _page(record: dict[str, Any]) -> list[str]:
    header = ["evasion", "n scam", "n legit", "AUC", "flagged scams", "flagged legit"]
    header += ["scams over T5", "legit over T5"]
    rows, by_script = [], []
    scripts = sorted({s for found in record["evasions"] for s in _legit_by_script(found)})
    for found in record["evasions"]:
        cells = [found["evasion"], str(found["n_scam"]), str(found["n_legit"])]
        cells.append(" -> ".join("-" if x is None else f"{x:.3f}" for x in found["auc"]))
        for name in record["thresholds"]:
            for side in ("recall", "fpr"):
                cells.append(change(*map(estimate, found["rates"][name][side])))
        rows.append(cells)
        counts = _legit_by_script(found)
        by_script.append([found["evasion"], *(moved(counts.get(script)) for script in scripts)])
    return [
        "# Evasion",
        "",
        f"{record['date']}, commit {record['commit']}, {record['model_id']}, {record['machine']}. "
        f"Authored dev rows (one writer model), {record['share']:.0%} of the words disguised; only "
        "rows that the evasion changes. Clean -> disguised.",
        "",
        *table(header, rows),
        "",
        f"T5 is {record['thresholds'][LOOSE]:.4f}, which 5 % of all clean legit dev rows reach. "
        "Legit rows over T5 by script, clean -> disguised of n:",
        "",
        *table(["evasion", *scripts], by_script),
    ]


def _legit_by_script(found: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    by_script: dict[str, tuple[int, int, int]] = found["rates"][LOOSE]["legit_by_group"]
    return by_script


def _log(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
