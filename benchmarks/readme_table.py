"""Print the README's results table from the committed evaluation; ``--write`` puts it there."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "evaluate-scamdetect-small.json"
README = ROOT / "README.md"
START, END = "<!-- results: benchmarks/readme_table.py -->", "<!-- /results -->"


def results() -> str:
    """Return the README's results: the table, where it comes from, and the fresh messages."""
    report = json.loads(RESULT.read_text(encoding="utf-8"))
    return f"{table(report)}\n\n{fresh(report['detectors'][0]['authored'][0])}"


def fresh(figures: dict[str, Any]) -> str:
    """Return the sentence on the messages written for this project."""
    auc = figures["auc"]
    return (
        f"On dev messages written for this project in {figures['n_languages']} languages "
        f"({figures['n_scam']} scam, {figures['n_legit']} legit; the language model that wrote "
        "them wrote part of the training data too, so this is no result on an unseen writer): AUC "
        f"{auc['value']:.2f} [{auc['low']:.2f}, {auc['high']:.2f}], recall at 1 % FPR "
        f"{percent(figures['recall_at']['1%'])}, as shipped {percent(figures['flag_recall'])} of "
        f"the scams and {percent(figures['flag_fpr'])} of the legit ones flagged; the scam ranks "
        f"above its honest twin in {percent(figures['pairs_by_rank'])} of the pairs."
    )


def table(report: dict[str, Any]) -> str:
    """Return the Markdown table: a line a left-out source, the bundle beside the baseline."""
    shipped, baseline = report["detectors"]
    others = {found["source"]: found for found in baseline["sources"]}
    lines = [
        "| left-out source | scam / legit | recall at 1 % FPR | TF-IDF baseline | "
        "flagged scams, as shipped | flagged legit, as shipped |",
        "|---|---|---|---|---|---|",
    ]
    for found in shipped["sources"]:
        ours, theirs = found["recall_at"]["1%"], others[found["source"]]["recall_at"]["1%"]
        lines.append(
            f"| {found['source']} | {found['n_scam']:,} / {found['n_legit']:,} | {percent(ours)} | "
            f"{percent(theirs)} | {percent(found['flag']['recall'])} | "
            f"{percent(found['flag']['fpr'])} |"
        )
    origin = (
        f"{report['date']}, model {report['model_id']}, {report['machine']}; 95 % intervals in "
        "brackets; every figure and slice: [evaluation](benchmarks/results/"
        "evaluate-scamdetect-small.md)."
    )
    return "\n".join([*lines, "", origin])


def percent(estimate: dict[str, Any] | None) -> str:
    """Return an estimate as "12.3 % [10.1, 14.9]"."""
    if estimate is None:
        return "-"
    return (
        f"{100 * estimate['value']:.1f} % [{100 * estimate['low']:.1f}, "
        f"{100 * estimate['high']:.1f}]"
    )


def main() -> None:
    """Print the table, or put it between the README's markers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="rewrite the README's table")
    made = results()
    if parser.parse_args().write:
        text = README.read_text(encoding="utf-8")
        head, _, rest = text.partition(START)
        _, _, tail = rest.partition(END)
        README.write_text(f"{head}{START}\n{made}\n{END}{tail}", encoding="utf-8")
    else:
        sys.stdout.write(made + "\n")


if __name__ == "__main__":
    main()
