"""Compare two bundles on the same dev rows, pair by pair: what a smaller or faster one costs.

    python benchmarks/compare_bundles.py FIRST SECOND

R@1% of each set at the threshold that its own legit rows reach; the interval of the difference is
of resampled groups, the same draw for both bundles. By language, on the authored rows: how many
scams only one of the two flags at the threshold that the legit rows of all languages reach. Writes
``compare-FIRST-SECOND.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scamdetect import ScamDetector
from scamdetect.calibration.statistics import (
    Bools,
    Estimate,
    Floats,
    auc,
    bootstrap_by_group,
    recall_at_fpr,
)
from scamdetect.calibration.thresholds import threshold_at_fpr
from scamdetect.errors import ScamDetectError
from scamdetect.labels import VERDICTS, Verdict
from scamdetect.reports.cells import percent
from scamdetect.reports.pages import table, write_results
from scamdetect.train.data.scores import commit, file_stem, machine, today
from scamdetect.train.data.table import (
    column,
    detector_texts,
    evaluation_sets,
    has_verdict,
    is_authored,
    read_rows,
)

ROOT = Path(__file__).resolve().parent.parent
FPR = 0.01
ALL = "mean of the left-out sources"
_SCAM = VERDICTS.index(Verdict.SCAM)


def main() -> None:
    """Score, compare, write the results and print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--corpus", type=Path, default=ROOT / "data" / "corpus.parquet")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    try:
        rows = read_rows(asked.corpus, {"dev"})
        detectors = [ScamDetector.load(path) for path in (asked.first, asked.second)]
        texts = detector_texts(rows)
        scores = [one.predict_proba(texts)[:, _SCAM].astype(np.float64) for one in detectors]
    except ScamDetectError as problem:
        sys.exit(f"compare_bundles: {problem}")
    ids = [one.model_id for one in detectors]
    record = {
        "date": today(), "commit": commit(), "machine": machine(), "first": ids[0],
        "second": ids[1], "sets": compare(rows, *scores), "languages": languages(rows, *scores),
    }  # fmt: skip
    path = asked.out / f"compare-{file_stem(ids[0])}-{file_stem(ids[1])}.json"
    sys.stdout.write(write_results(path, record, page(record)))


def compare(rows: pa.Table, first: Floats, second: Floats) -> dict[str, dict[str, Any]]:
    """Return, by set of rows that holds both sides, R@1% and AUC of both and the difference."""
    scam = has_verdict(rows, Verdict.SCAM)
    known = scam | has_verdict(rows, Verdict.LEGIT)
    groups = column(rows, "group").astype(np.int64)
    sets = {
        name: found
        for name, members in evaluation_sets(rows).items()
        if (scam & (found := members & known)).any() and (~scam & found).any()
    }
    sources = {name: found for name, found in sets.items() if not name.startswith("authored ")}
    parts = {name: [found] for name, found in sets.items()}
    if sources:
        parts[ALL] = list(sources.values())
    return {name: _compared(of, scam, groups, first, second) for name, of in parts.items()}


def _compared(
    parts: list[Bools], scam: Bools, groups: np.ndarray, first: Floats, second: Floats
) -> dict[str, Any]:
    """Return the figures of the mean over some sets of rows."""

    def mean(figure: Callable[[Bools], float]) -> float:
        return float(np.mean([figure(rows) for rows in parts]))

    def gain(weights: Floats) -> float:
        return mean(
            lambda rows: (
                recall_at_fpr(second[rows], scam[rows], FPR, weights[rows])
                - recall_at_fpr(first[rows], scam[rows], FPR, weights[rows])
            )
        )

    whole = np.logical_or.reduce(parts)
    n = int((whole & scam).sum())
    change = bootstrap_by_group(gain, groups, n)
    assert change is not None
    figures: dict[str, Any] = {"n_scam": n, "n_legit": int((whole & ~scam).sum())}
    for name, scores in (("first", first), ("second", second)):
        figures[name] = {
            "r1": round(mean(lambda rows, s=scores: recall_at_fpr(s[rows], scam[rows], FPR)), 4),
            "auc": round(mean(lambda rows, s=scores: auc(s[rows], scam[rows])), 4),
        }
    return figures | {"change": asdict(change)}


def languages(rows: pa.Table, first: Floats, second: Floats) -> dict[str, dict[str, int]]:
    """Return, by language of the authored rows, how many scams one bundle alone flags."""
    own, scam = is_authored(rows), has_verdict(rows, Verdict.SCAM)
    legit = own & has_verdict(rows, Verdict.LEGIT)
    if not (legit.any() and (own & scam).any()):
        return {}
    flagged = [scores >= threshold_at_fpr(scores[legit], FPR) for scores in (first, second)]
    langs = column(rows, "lang")
    found = {}
    for name in sorted(set(langs[own & scam])):
        members = own & scam & (langs == name)
        lost = int((members & flagged[0] & ~flagged[1]).sum())
        won = int((members & ~flagged[0] & flagged[1]).sum())
        found[name] = {"scams": int(members.sum()), "lost": lost, "won": won, "net": won - lost}
    return found


def page(record: Mapping[str, Any]) -> list[str]:
    """Return the lines of the page."""
    return [
        f"# {record['first']} -> {record['second']}",
        "",
        f"{record['date']}, commit {record['commit']}, {record['machine']}. R@1% at the threshold "
        "of a set's own legit rows; paired 95 % intervals of the change by resampled groups.",
        "",
        *table(
            ["rows", "scam / legit", "R@1%", "change in points", "AUC"],
            [_line(name, one) for name, one in record["sets"].items()],
        ),
        "",
        "Scams of the authored dev rows at 1 % FPR that one bundle alone finds:",
        "",
        *table(
            ["language", "scams", "lost", "won", "net"],
            [[name, *map(str, one.values())] for name, one in record["languages"].items()],
        ),
    ]


def _line(name: str, one: Mapping[str, Any]) -> list[str]:
    change = Estimate(**one["change"])
    pairs = [(one["first"][figure], one["second"][figure]) for figure in ("r1", "auc")]
    return [
        name,
        f"{one['n_scam']:,} / {one['n_legit']:,}",
        f"{pairs[0][0]:.1%} -> {pairs[0][1]:.1%}",
        percent(change),
        f"{pairs[1][0]:.3f} -> {pairs[1][1]:.3f}",
    ]


if __name__ == "__main__":
    main()
