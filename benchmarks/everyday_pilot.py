"""Ask whether everyday messages teach more of real scams than as many scenario-card messages do.

    python benchmarks/everyday_pilot.py data/corpus.parquet [--langs en es fr id]

A character TF-IDF with logistic regression is fitted on the everyday train rows of some languages,
and on as many rows written to scenario cards, five times drawn. Both rank the reports of
``imc25_sample`` that train, and their honest twins with other honest public train rows of these
languages. No held-out row is read. Writes ``everyday_pilot.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scamdetect.calibration.statistics import Bools, auc, recall_at_fpr
from scamdetect.errors import InputError, ScamDetectError
from scamdetect.evaluate.baselines import train_baseline
from scamdetect.labels import Verdict
from scamdetect.reports.pages import table as markdown
from scamdetect.reports.pages import write_results
from scamdetect.train.data.scores import commit, machine, today
from scamdetect.train.data.table import (
    column,
    has_verdict,
    is_authored,
    is_everyday,
    is_own,
    select,
)
from scamdetect.train.rows import read_roles

ROOT = Path(__file__).resolve().parent.parent
DRAWS = 5
MOST_HONEST = 2_000
REPORTS = "imc25_sample"


def main() -> None:
    """Fit, rank and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--langs", nargs="+", default=["en", "es", "fr", "id"])
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    try:
        rows = read_roles(asked.corpus, ["train"], "default")
        record = measure(rows, asked.langs)
    except ScamDetectError as problem:
        sys.exit(f"everyday_pilot: {problem}")
    record = {"date": today(), "commit": commit(), "machine": machine()} | record
    sys.stdout.write(write_results(asked.out / "everyday_pilot.json", record, page(record)))


def measure(rows: pa.Table, langs: list[str]) -> dict[str, Any]:
    """Return the recall at 1 % on reports by what the baseline was fitted on."""
    rows = select(rows, np.isin(column(rows, "lang").astype(str), langs))
    scam, honest = has_verdict(rows, Verdict.SCAM), has_verdict(rows, Verdict.LEGIT)
    reports = column(rows, "source") == REPORTS
    generator = np.random.default_rng(0)
    others = np.flatnonzero(honest & ~reports & ~is_own(rows))
    drawn = generator.permutation(others)[:MOST_HONEST]
    measured = np.flatnonzero((scam | honest) & reports)
    measured = np.concatenate([measured, drawn])
    everyday, cards = is_everyday(rows), is_authored(rows)
    counts = [int((everyday & side).sum()) for side in (scam, honest)]
    if 0 in counts:
        raise InputError(f"the corpus has no everyday train rows in {', '.join(langs)}")
    found: dict[str, list[dict[str, float]]] = {"everyday": [], "scenario cards": []}
    for draw in range(DRAWS):
        drawing = np.random.default_rng(draw)
        for name, own in (("everyday", everyday), ("scenario cards", cards)):
            fitted = np.concatenate(
                [_some(own & side, n, drawing) for side, n in zip((scam, honest), counts,
                                                                  strict=True)]
            )  # fmt: skip
            baseline = train_baseline(rows.take(fitted), lambda _: None)
            texts = rows.take(measured)["norm"].to_pylist()
            scores, truth = baseline.scam_probabilities(texts), scam[measured]
            found[name].append(
                {"recall at 1 %": recall_at_fpr(scores, truth, 0.01), "auc": auc(scores, truth)}
            )
    return {
        "langs": langs,
        "fitted_on": {"scam": counts[0], "legit": counts[1]},
        "reports": int((scam & reports).sum()),
        "honest": int(honest[measured].sum()),
        "draws": found,
    }


def _some(rows: Bools, n: int, generator: np.random.Generator) -> np.typing.NDArray[np.int64]:
    return generator.permutation(np.flatnonzero(rows))[:n]


def page(record: dict[str, Any]) -> list[str]:
    """Return the figures as Markdown."""
    fitted = record["fitted_on"]
    lines = [
        "# Everyday messages against scenario cards",
        "",
        f"A TF-IDF fitted on {fitted['scam']} scam and {fitted['legit']} honest rows in "
        f"{', '.join(record['langs'])}, {DRAWS} draws; measured on {record['reports']} reported "
        f"scams and {record['honest']:,} honest rows of the train role. {record['date']}, commit "
        f"{record['commit']}.",
        "",
    ]
    body = []
    for name, draws in record["draws"].items():
        for figure in ("recall at 1 %", "auc"):
            values = [draw[figure] for draw in draws]
            body.append(
                [name, figure, f"{np.mean(values):.3f}", f"{min(values):.3f} to {max(values):.3f}"]
            )
    return lines + markdown(["fitted on", "figure", "mean", "range of the draws"], body)


if __name__ == "__main__":
    main()
