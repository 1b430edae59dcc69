"""Measure explanations on the dev part of the project's own messages.

    python benchmarks/explanations.py [BUNDLE]

Of the scams that the detector flags: what the score loses when the spans of the explanation are
taken away, strongest first, against random spans and parts of like length. All rows are by one
writer model. Writes ``explanations-<model>.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from scamdetect import ScamDetector
from scamdetect.errors import ScamDetectError
from scamdetect.evaluate.faithfulness import ORDERS, SHARES, Explained, delete, summarise
from scamdetect.labels import Decision, Verdict
from scamdetect.reports.cells import decimal, estimate, percent, share
from scamdetect.reports.pages import table, write_results
from scamdetect.train.data.authored import AuthoredRow, load_authored
from scamdetect.train.data.scores import commit, file_stem, machine, today

ROOT = Path(__file__).resolve().parent.parent
ALL = "all"
_LOG_EVERY = 50


def main() -> None:
    """Explain the flagged scams, score them again in parts, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path, nargs="?", help="by default the shipped one")
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    try:
        rows = [row for row in load_authored(asked.authored) if row.part == "dev"]
        with ScamDetector.load(asked.bundle, cache_size=0) as detector:
            record: dict[str, Any] = {
                "date": today(),
                "commit": commit(),
                "machine": machine(),
                "model_id": detector.model_id,
                "faithfulness": _faithfulness(detector, rows),
            }
    except ScamDetectError as problem:
        sys.exit(f"explanations: {problem}")
    path = asked.out / f"explanations-{file_stem(record['model_id'])}.json"
    sys.stdout.write(write_results(path, record, _page(record)))


def _faithfulness(detector: ScamDetector, rows: Sequence[AuthoredRow]) -> dict[str, Any]:
    scams = [row for row in rows if row.verdict is Verdict.SCAM]
    predicted = detector.predict([row.text for row in scams])
    flagged = [
        row
        for row, prediction in zip(scams, predicted, strict=True)
        if prediction.decision is Decision.FLAG
    ]
    explained, seconds = [], []
    for row in flagged:
        before = time.process_time()
        found = detector.explain(row.text)
        seconds.append(time.process_time() - before)
        if len(found.spans) > 1:
            explained.append((row.lang, Explained(row.text, found.spans, row.id)))
        if len(seconds) % _LOG_EVERY == 0:
            sys.stderr.write(f"{len(seconds)} of {len(flagged)} flagged scams explained\n")
    texts = [text for _, text in explained]
    deletions = delete(detector, texts)
    groups = {ALL: list(range(len(texts)))}
    for place, (language, _) in enumerate(explained):
        groups.setdefault(language, []).append(place)
    figures = {
        name: asdict(
            summarise(
                [texts[place] for place in places],
                [deletions[place] for place in places],
                detector.thresholds.flag,
            )
        )
        for name, places in sorted(groups.items())
        if places
    }
    return {
        "n_scam": len(scams),
        "n_flagged": len(flagged),
        "n_of_one_span": len(flagged) - len(explained),
        "flag": detector.thresholds.flag,
        "seconds": _quantiles(seconds),
        "shares": SHARES.round(1).tolist(),
        "by_language": figures,
    }


def _quantiles(seconds: Sequence[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    return {"p50": float(np.median(seconds)), "p95": float(np.quantile(seconds, 0.95))}


def _page(record: dict[str, Any]) -> list[str]:
    lines = [
        "# Explanations",
        "",
        f"{record['date']}, commit {record['commit']}, {record['model_id']}, {record['machine']}. "
        "Authored dev rows (one writer model); 95 % intervals in brackets, rows resampled.",
    ]
    return [*lines, "", *_faithfulness_page(record["faithfulness"])]


def _faithfulness_page(measured: dict[str, Any]) -> list[str]:
    lines = [
        "## Do the spans carry the score?",
        "",
        f"Of {measured['n_scam']} scams {measured['n_flagged']} are flagged; "
        f"{measured['n_of_one_span']} of those are one span and left out. p is the scam "
        f"probability, flagged from {measured['flag']:.4f}; what is left without a letter "
        "counts as 0.",
    ]
    figures = measured["by_language"].get(ALL)
    if figures is None:
        return [*lines, "", "Nothing to explain."]
    shares = [f"{part:.0%}" for part in measured["shares"]]
    curves = [[order, *map(_three, figures["curves"][order])] for order in ORDERS]
    back = [[order, *map(_three, reversed(figures["curves"][other]))]
            for order, other in zip(ORDERS, ORDERS[::-1], strict=True)]  # fmt: skip
    still = figures["still_flagged"]
    return [
        *lines,
        "",
        f"n = {figures['n']}, {figures['spans']:.1f} spans on average. Mean p when spans go by "
        "descending weight, in random order (three draws), by ascending weight:",
        "",
        *table(["characters gone", *shares], curves),
        "",
        "Mean p when they are put back in that order:",
        "",
        *table(["characters back", *shares], back),
        "",
        *table(
            ["", "by weight", "random", "reverse", "gain over random"],
            [
                ["area under deletion (less is better)",
                 *(_three(figures["deletion"][order]) for order in ORDERS),
                 decimal(estimate(figures["deletion_gain"]))],
                ["area under insertion (more is better)",
                 *(_three(figures["insertion"][order]) for order in ORDERS),
                 decimal(estimate(figures["insertion_gain"]))],
            ],
        ),
        "",
        "A weight is what the logit loses without the span alone: that no other span lowers p more "
        "is so by construction. Other parts of about its length, up to five a text, by half or "
        "more outside it:",
        "",
        *table(
            ["without", "p loses", "still flagged"],
            [
                ["the strongest span", decimal(estimate(figures["strongest_drop"])),
                 share(still["without_strongest"])],
                ["a part of like length", decimal(estimate(figures["window_drop"])),
                 share(still["without_window"])],
            ],
        ),
        "",
        "The strongest span lowers p more than "
        f"{percent(estimate(figures['windows_beaten']))} of these parts (even: 50 %).",
        "",
        f"What displays mark is {figures['marked']:.0%} of the characters. Without it p loses "
        f"{decimal(estimate(figures['comprehensiveness']))} (comprehensiveness; random spans of "
        f"that share {decimal(estimate(figures['random_comprehensiveness']))}), and "
        f"{share(still['without_marked'])} stay flagged; alone it loses "
        f"{decimal(estimate(figures['sufficiency']))} (sufficiency, less is better; random "
        f"{decimal(estimate(figures['random_sufficiency']))}), and "
        f"{share(still['only_marked'])} stay flagged.",
        "",
        *table(
            ["language", "n", "deletion gain", "insertion gain", "parts beaten"],
            [
                [name, str(found["n"]), decimal(estimate(found["deletion_gain"])),
                 decimal(estimate(found["insertion_gain"])),
                 percent(estimate(found["windows_beaten"]))]
                for name, found in measured["by_language"].items()
            ],
        ),
        "",
        f"One explanation takes {measured['seconds']['p50'] * 1000:.0f} ms of processor time "
        f"(median; 95 % of them {measured['seconds']['p95'] * 1000:.0f} or less).",
    ]  # fmt: skip


def _three(value: float) -> str:
    return f"{value:.3f}"


if __name__ == "__main__":
    main()
