"""Open the final part of the project's own messages, once per released bundle.

Name the bundle to be released and every candidate beforehand: all are scored in one run,
aggregates are printed, and a line a bundle goes to results/final_log.csv. A bundle that stands
there already is refused. The final rows choose nothing: no model, threshold or round of writing.
The rows of languages that nothing trains, in a folder of their own, are opened with them.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from scamdetect import ScamDetector
from scamdetect.data.corpus_rows import authored_table
from scamdetect.errors import InputError
from scamdetect.evaluation.authored import AuthoredFigures, authored_figures
from scamdetect.evaluation.logbook import add_line, read_lines
from scamdetect.evaluation.metrics import Estimate
from scamdetect.evaluation.provenance import commit, file_stem, today
from scamdetect.evaluation.reliability import BASE_RATES, reliability_of_rows
from scamdetect.evaluation.scoring import score_texts
from scamdetect.evaluation.table import detector_texts

ROOT = Path(__file__).resolve().parent.parent
UNTRAINED = "untrained"
COLUMNS = (
    "date", "commit", "model_id", "rows", "n_scam", "n_legit", "languages", "writers", "auc",
    "recall_1%", "recall_5%", "flag_recall", "flag_fpr", "pairs_by_rank", "pairs_at_flag",
)  # fmt: skip


def main() -> None:
    """Score every named bundle on the final rows and log it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundles", type=Path, nargs="+")
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    log = asked.out / "final_log.csv"
    detectors = [ScamDetector.load(bundle) for bundle in asked.bundles]
    opened = {line["model_id"]: line["date"] for line in read_lines(log)}
    if len({detector.model_id for detector in detectors}) < len(detectors):
        raise InputError("a bundle is named twice; name each once")
    for detector in detectors:
        if detector.model_id in opened:
            raise InputError(
                f"{log}: {detector.model_id} was opened on {opened[detector.model_id]}; "
                "the final part is opened once per bundle"
            )
    for rows, folder in (("final", asked.authored), (UNTRAINED, asked.authored / UNTRAINED)):
        table = authored_table(folder, "test")
        if not table.num_rows:
            raise InputError(f"{folder}: holds no row of the final part")
        texts = detector_texts(table)
        for bundle, detector in zip(asked.bundles, detectors, strict=True):
            scores = score_texts(detector, texts, bundle.name, lambda line: None)
            (figures,) = authored_figures(table, scores.scam, scores.flagged)
            result = {"date": today(), "commit": commit(), "model_id": detector.model_id}
            mixes = [
                reliability_of_rows(f"{rows} mix, {rate:.0%} scams", table, scores.scam, rate)
                for rate in BASE_RATES
            ]
            result |= {"reliability": [asdict(mix) for mix in mixes if mix is not None]}
            text = json.dumps(result | asdict(figures), indent=1) + "\n"
            (asked.out / f"{rows}-{file_stem(detector.model_id)}.json").write_text(
                text, encoding="utf-8"
            )
            add_line(log, COLUMNS, log_line(detector.model_id, rows, figures))
            shown = lines(detector.model_id, rows, figures)
            shown += [f"  ECE {mix.name}: {_interval(mix.ece)}" for mix in mixes if mix is not None]
            sys.stdout.write("\n".join(shown) + "\n")


def log_line(model_id: str, rows: str, figures: AuthoredFigures) -> list[object]:
    """Return a line of the log: a bundle on the final part or on the untrained languages."""
    return [
        today(), commit(), model_id, rows, figures.n_scam, figures.n_legit,
        figures.n_languages, " ".join(figures.writers), _short(figures.auc),
        *(_short(found) for found in figures.recall_at.values()),
        *map(_short, (figures.flag_recall, figures.flag_fpr, figures.pairs_by_rank,
                      figures.pairs_at_flag)),
    ]  # fmt: skip


def lines(model_id: str, rows: str, figures: AuthoredFigures) -> list[str]:
    """Return the aggregates to print."""
    shown = [
        f"{model_id}, {rows}: {figures.n_scam} scam, {figures.n_legit} legit rows in "
        f"{figures.n_languages} languages, written by {', '.join(figures.writers)}, which wrote "
        "the train rows too: no generator-held-out result",
        f"  AUC {_interval(figures.auc)}",
        *(f"  R@{rate} {_interval(found)}" for rate, found in figures.recall_at.items()),
        f"  flagged scams {_interval(figures.flag_recall)}, legit {_interval(figures.flag_fpr)}",
        f"  pairs by rank {_interval(figures.pairs_by_rank)}, "
        f"at the flag threshold {_interval(figures.pairs_at_flag)}",
    ]
    weakest = sorted(
        (cell.recall_at_pooled_5.value, cell.name)
        for cell in figures.cells
        if cell.by == "language" and cell.recall_at_pooled_5 is not None
    )
    shown.append("  R@5% by language: " + ", ".join(f"{name} {r:.2f}" for r, name in weakest))
    if figures.reader_auc is not None:
        shown.append(f"  a blind reader: AUC {_interval(figures.reader_auc)}")
    return shown


def _short(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"{estimate.value:.4f}"


def _interval(estimate: Estimate | None) -> str:
    if estimate is None:
        return "not measured"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


if __name__ == "__main__":
    try:
        main()
    except InputError as problem:
        sys.exit(f"final: {problem}")
