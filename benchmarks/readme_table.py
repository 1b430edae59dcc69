"""Print the README's results table from the committed evaluation; ``--write`` puts it there."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "evaluate-scamdetect-small.json"
AUTHORED = ROOT / "benchmarks" / "results" / "authored-dev-scamdetect-small.json"
README = ROOT / "README.md"
START, END = "<!-- results: benchmarks/readme_table.py -->", "<!-- /results -->"


def results() -> str:
    """Return the README's results: the table, where it comes from, and the fresh messages."""
    report, authored = (json.loads(p.read_text(encoding="utf-8")) for p in (RESULT, AUTHORED))
    return f"{table(report)}\n\n{fresh(authored)}"


def fresh(figures: dict[str, Any]) -> str:
    """Return the sentence on the messages written for this project."""
    auc = figures["auc"]
    return (
        f"On fresh messages in {len(figures['by_language'])} languages, written for this project "
        "by one language model (so no figure on an unseen writer) and not trained on "
        f"({figures['n_scam']} scam, {figures['n_legit']} legit): AUC {auc['value']:.2f} "
        f"[{auc['low']:.2f}, {auc['high']:.2f}], recall at 1 % FPR {percent(figures['R@1%'])}, as "
        f"shipped {percent(figures['flag_recall'])} of the scams and "
        f"{percent(figures['flag_fpr'])} of the legit ones flagged; the scam ranks above its "
        f"honest twin in {percent(figures['pairs']['by_rank'])} of the pairs."
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
