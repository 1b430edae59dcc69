"""Open the final part of the project's own messages, once per released bundle.

Name the bundle to be released and every candidate beforehand: all are scored in one run, aggregates
are printed, and a line a bundle goes to results/final_log.csv. A bundle already listed there is
rejected. The final rows choose nothing: no model, threshold or round of writing. The rows of
languages that nothing trains, in a separate folder, are opened with them, and so is the final part
of the everyday messages.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect import ScamDetector
from scamdetect.calibration.reliability import BASE_RATES, Reliability
from scamdetect.calibration.statistics import Estimate, Floats, as_scores, recall_change
from scamdetect.errors import InputError, ScamDetectError
from scamdetect.evaluate.authored import RATES, READER_FLAG, AuthoredFigures, own_figures, writers
from scamdetect.evaluate.contamination import contamination
from scamdetect.evaluate.experiments import add_line, read_lines
from scamdetect.evaluate.protocol import FLAG
from scamdetect.evaluate.report import reliability_of_rows
from scamdetect.evaluate.slices import BY_SOURCE, Gate, false_alarms, gates
from scamdetect.labels import Verdict
from scamdetect.system.files import file_sha256
from scamdetect.train.bars import BAR
from scamdetect.train.cells import decimal, percent, points
from scamdetect.train.data.corpus_rows import authored_table, everyday_table
from scamdetect.train.data.everyday import Catalogue, load_catalogue
from scamdetect.train.data.scores import DetectorScores, commit, file_stem, score_texts, today
from scamdetect.train.data.table import (
    column,
    detector_texts,
    has_verdict,
    normaliser_problem,
    read_rows,
)

ROOT = Path(__file__).resolve().parent.parent
UNTRAINED, EVERYDAY = "untrained", "everyday"
COLUMNS = (
    "date", "commit", "model_id", "rows", "n_scam", "n_legit", "languages", "writers", "auc",
    "recall_1%", "recall_5%", "flag_recall", "flag_fpr", "pairs_by_rank", "pairs_at_flag",
)  # fmt: skip


def main() -> None:
    """Score every named bundle on the final rows and log it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundles", type=Path, nargs="+")
    parser.add_argument(
        "--before", type=Path,
        help="the release before, scored on the same rows to compare: that chooses nothing",
    )  # fmt: skip
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--cards", type=Path, default=ROOT / "data" / "cards")
    parser.add_argument(
        "--corpus", type=Path, default=ROOT / "data" / "corpus.parquet",
        help="its train rows are searched for the final ones; without the file nothing is searched",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    log = asked.out / "final_log.csv"
    detectors = [ScamDetector.load(bundle) for bundle in asked.bundles]
    opened = {line["model_id"]: line["date"] for line in read_lines(log)}
    if len({detector.model_id for detector in detectors}) < len(detectors):
        raise InputError("a bundle is named twice; name each once")
    for detector in detectors:
        name = detector.model_id
        if name in opened:
            raise InputError(
                f"{log}: {name} was opened on {opened[name]}; "
                "the final part is opened once per bundle"
            )
    # A part that is opened and not logged would be open for good: all that can fail comes first.
    parts = {
        "final": asked.authored, UNTRAINED: asked.authored / UNTRAINED,
        EVERYDAY: asked.authored / EVERYDAY,
    }  # fmt: skip
    catalogue = load_catalogue(asked.cards)
    tables = {
        rows: everyday_table(folder, asked.cards, "test")
        if rows == EVERYDAY
        else authored_table(folder, "test")
        for rows, folder in parts.items()
    }
    for rows, table in tables.items():
        if not table.num_rows:
            raise InputError(f"{parts[rows]}: holds no row of the final part")
    before = None if asked.before is None else ScamDetector.load(asked.before)
    overlap = audit(tables, asked.corpus)
    learnt = writers(authored_table(asked.authored, "train"))
    asked.out.mkdir(parents=True, exist_ok=True)
    found = [
        opened_part(rows, table, detector, catalogue, before)
        for rows, table in tables.items()
        for detector in detectors
    ]
    for one in found:
        stem = f"{one.rows}-{file_stem(one.model_id)}"
        record = json.dumps(one.record() | {"contamination": overlap.get(one.rows)}, indent=1)
        (asked.out / f"{stem}.json").write_text(record + "\n", encoding="utf-8")
        add_line(log, COLUMNS, log_line(one.model_id, one.rows, one.figures))
    for one in found:
        shown = lines(one.model_id, one.rows, one.figures, learnt)
        if one.before:
            old = one.before.figures
            shown.append(
                f"  {one.before.model_id} before: R@1% {percent(old.recall_at['1%'])}, flagged "
                f"scams {percent(old.flag_recall)}, legit {percent(old.flag_fpr)}; change of R@1% "
                f"{points(one.before.change)} points"
            )
        for mix in one.mixes:
            floor = f"noise floor {mix.noise_floor:.3f}"
            shown.append(f"  ECE {mix.name}: {decimal(mix.ece)}, {floor}")
        shown += [
            f"  target of {BAR:.0%} on {gate.slice}: {percent(gate.fpr)} of {gate.fpr.n} flagged, "
            f"{gate.verdict}"
            for gate in one.gates
        ]
        sys.stdout.write("\n".join(shown) + "\n")


@dataclass(frozen=True)
class Before:
    """The release before on the same rows; ``change`` is R@1% now less then, in paired draws."""

    model_id: str
    figures: AuthoredFigures
    change: Estimate | None


@dataclass(frozen=True)
class Opened:
    """The figures of one bundle on one set of final rows."""

    rows: str
    model_id: str
    figures: AuthoredFigures
    mixes: tuple[Reliability, ...]
    gates: tuple[Gate, ...]
    before: Before | None

    def record(self) -> dict[str, Any]:
        """Return the figures for JSON with what is needed to repeat them."""
        head = {"date": today(), "commit": commit(), "model_id": self.model_id}
        head |= {"reliability": [asdict(mix) for mix in self.mixes]}
        head |= {"gates": [asdict(gate) | {"verdict": gate.verdict} for gate in self.gates]}
        head |= {"before": self.before and asdict(self.before)}
        return head | asdict(self.figures)


def audit(tables: Mapping[str, pa.Table], corpus: Path) -> dict[str, dict[str, Any]]:
    """Return by part what the train rows of the corpus hold of it; nothing without the file.

    Raises InputError if another normaliser built the corpus, for then no text could be equal.
    """
    if not corpus.exists():
        sys.stdout.write(f"contamination: not audited, there is no {corpus}\n")
        return {}
    train, sha256 = read_rows(corpus, {"train"}), file_sha256(corpus)
    if problem := normaliser_problem(corpus, pq.read_schema(corpus)):
        raise InputError(problem)
    # The role tells the parts apart, so that the train rows are searched once.
    parts = [
        table.set_column(
            table.schema.get_field_index("role"), "role", pa.array([rows] * table.num_rows)
        )
        for rows, table in tables.items()
    ]
    found = {}
    for one in contamination(pa.concat_tables(parts), train):
        rows = one.rows.removeprefix("authored ")
        found[rows] = asdict(one) | {"n_train": train.num_rows, "corpus_sha256": sha256}
        sys.stdout.write(
            f"contamination of {rows} by {train.num_rows:,} train rows: {one.exact} of {one.n} "
            f"word for word, {one.contained} of {one.n_long} long ones by half or more\n"
        )
    return found


def opened_part(
    rows: str,
    table: pa.Table,
    detector: ScamDetector,
    catalogue: Catalogue,
    before: ScamDetector | None,
) -> Opened:
    """Return what the detector does on the rows, compared with the release before."""
    cells = types_and_families(table, catalogue) if rows == EVERYDAY else {}

    def measured(one: ScamDetector) -> tuple[DetectorScores, AuthoredFigures]:
        scores = score_texts(one, detector_texts(table), rows, lambda line: None)
        return scores, own_figures("test", table, as_scores(scores.scam), scores.flagged, cells)

    scores, figures = measured(detector)
    earlier = None
    if before is not None:
        old, old_figures = measured(before)
        earlier = Before(before.model_id, old_figures, change(table, old.scam, scores.scam))
    mixes = (
        reliability_of_rows(f"{rows} mix, {rate:.0%} scams", table, scores.scam, rate)
        for rate in BASE_RATES
    )
    known = tuple(mix for mix in mixes if mix is not None)
    slices = false_alarms(table, {FLAG: scores.flagged}).slices
    return Opened(rows, detector.model_id, figures, known, gates(rows, slices, FLAG), earlier)


def change(table: pa.Table, old: Floats, new: Floats) -> Estimate | None:
    """Return R@1% of the new scores less that of the old ones (rows,), on the same draws."""
    scam = has_verdict(table, Verdict.SCAM)
    rows = scam | has_verdict(table, Verdict.LEGIT)
    groups = column(table, "group")[rows].astype(np.int64)
    return recall_change(old[rows], new[rows], scam[rows], RATES["1%"], groups)


def types_and_families(table: pa.Table, catalogue: Catalogue) -> dict[str, list[list[str]]]:
    """Return the type of each scam and the family of each honest row, as cells of the rows."""
    threads = [str(name) for name in column(table, "thread_id")]
    return {
        "type": [
            [catalogue.campaigns[name].type] if name in catalogue.campaigns else []
            for name in threads
        ],
        "family": [[name] if name in catalogue.families else [] for name in threads],
    }


def log_line(model_id: str, rows: str, figures: AuthoredFigures) -> list[object]:
    """Return a line of the log: a bundle on the final part or on the untrained languages."""
    return [
        today(), commit(), model_id, rows, figures.n_scam, figures.n_legit,
        figures.n_languages, " ".join(figures.writers), _short(figures.auc),
        *(_short(found) for found in figures.recall_at.values()),
        *map(_short, (figures.flag_recall, figures.flag_fpr, figures.pairs_by_rank,
                      figures.pairs_at_flag)),
    ]  # fmt: skip


def lines(model_id: str, rows: str, figures: AuthoredFigures, learnt: Sequence[str]) -> list[str]:
    """Return the aggregates to print; ``learnt`` wrote the train rows."""
    shared = ", ".join(name for name in figures.writers if name in learnt)
    held_out = (
        f"{shared} wrote train rows too: not a generator-held-out result"
        if shared
        else ("none of whom wrote train rows")
    )
    shown = [
        f"{model_id}, {rows}: {figures.n_scam} scam, {figures.n_legit} legit rows in "
        f"{figures.n_languages} languages, written by {', '.join(figures.writers)}; {held_out}",
        f"  AUC {decimal(figures.auc)}",
        *(f"  R@{rate} {percent(found)}" for rate, found in figures.recall_at.items()),
        f"  flagged scams {percent(figures.flag_recall)}, legit {percent(figures.flag_fpr)}; "
        f"also {figures.flag_spam.n if figures.flag_spam else 0} promos "
        f"{percent(figures.flag_spam)}",
        f"  pairs by rank {percent(figures.pairs_by_rank)}, "
        f"at the flag threshold {percent(figures.pairs_at_flag)}",
    ]
    cells = [cell for cell in figures.cells if cell.recall_at_pooled_5 is not None]
    shown += [
        f"  R@1% {cell.name} {percent(cell.recall_at_pooled)}, a blind reader "
        f"{percent(cell.reader_recall_at_pooled)}"
        for cell in cells
        if cell.by == "kind" and cell.name in BY_SOURCE
    ]
    shown += [
        f"  {cell.by} {cell.name}: R@1% {percent(cell.recall_at_pooled)}, flagged legit "
        f"{percent(cell.flag_fpr)}"
        for cell in figures.cells
        if cell.by in ("type", "family")
    ]
    weakest = sorted(
        (_value(cell.recall_at_pooled_5), cell.name, _value(cell.reader_recall_at_pooled_5))
        for cell in cells
        if cell.by == "language"
    )
    by_language = ", ".join(f"{name} {ours} ({reader})" for ours, name, reader in weakest)
    shown.append(f"  R@5% by language (a blind reader's): {by_language}")
    if figures.reader_auc is not None:
        at = (f"R@{rate} {percent(found)}" for rate, found in figures.reader_recall_at.items())
        shown += [
            f"  a blind reader: AUC {decimal(figures.reader_auc)}, {', '.join(at)}",
            f"  a blind reader's pairs by rank {percent(figures.reader_pairs_by_rank)}, "
            f"at {READER_FLAG} % {percent(figures.reader_pairs_at_flag)}",
        ]
    return shown


def _value(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{estimate.value:.2f}"


def _short(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"{estimate.value:.4f}"


if __name__ == "__main__":
    try:
        main()
    except ScamDetectError as problem:
        sys.exit(f"final: {problem}")
