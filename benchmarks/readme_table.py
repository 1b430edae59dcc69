"""Print the README's results table from the committed evaluation; ``--write`` puts it there."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from scamdetect.evaluation.provenance import file_stem
from scamdetect.pages import between_markers

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "evaluate-scamdetect-small.json"
README = ROOT / "README.md"
STAR = r" \*"
START, END = "<!-- results: benchmarks/readme_table.py -->", "<!-- /results -->"


def results() -> str:
    """Return the README's results: the table, where it comes from, and the final messages."""
    report = json.loads(RESULT.read_text(encoding="utf-8"))
    name = file_stem(report["model_id"])
    final = json.loads((RESULT.parent / f"final-{name}.json").read_text(encoding="utf-8"))
    return f"{table(report)}\n\n{fresh(final, name)}"


def fresh(figures: dict[str, Any], name: str) -> str:
    """Return the paragraph on the final part of the messages written for this project."""
    auc, at = figures["auc"], figures["recall_at"]
    cells = {(cell["by"], cell["name"]): cell for cell in figures["cells"]}
    kinds = {name: cells["kind", name]["recall_at_pooled"] for name in ("investment", "romance")}
    langs = sorted(
        (cell["recall_at_pooled"]["value"], name)
        for (by, name), cell in cells.items()
        if by == "language"
    )
    slices = ("transactional", "affection", "finance", "money_requests", "awareness")
    alarms = [f"{name} {percent(cells['slice', name]['flag_fpr'])}" for name in slices]
    (least, worst), (most, best) = langs[0], langs[-1]
    return (
        f"On the `final` part of the messages written for this project in {figures['n_languages']} "
        f"languages ({figures['n_scam']:,} scam, {figures['n_legit']:,} legit; opened once for "
        "this model; the language model that wrote them wrote training rows too, so this is "
        f"**no result on an unseen writer**): AUC {auc['value']:.2f} [{auc['low']:.2f}, "
        f"{auc['high']:.2f}]; recall {percent(at['1%'])} at 1 % FPR (investment "
        f"{percent(kinds['investment'])}, romance {percent(kinds['romance'])}; by language from "
        f"{100 * least:.0f} % in {worst} to {100 * most:.0f} % in {best}, 39 scams each) and "
        f"{percent(at['5%'])} at 5 %. As shipped {percent(figures['flag_recall'])} of the scams "
        f"and {percent(figures['flag_fpr'])} of the legit ones are flagged: "
        f"{', '.join(alarms).replace('_', ' ')}. The scam ranks above its honest twin in "
        f"{percent(figures['pairs_by_rank'])} of the pairs; the shipped threshold parts "
        f"{percent(figures['pairs_at_flag'])} of them. {figures['date']}, commit "
        f"{figures['commit']}; [figures](benchmarks/results/final-{name}.json)."
    )


def table(report: dict[str, Any]) -> str:
    """Return the Markdown table: a line a left-out source, the bundle beside the baseline."""
    shipped, baseline = report["detectors"][:2]
    others = {found["source"]: found for found in baseline["sources"]}
    lines = [
        "| left-out source | scam / legit | recall at 1 % FPR | TF-IDF baseline | "
        "flagged scams, as shipped | flagged legit, as shipped |",
        "|---|---|---|---|---|---|",
    ]
    for found in shipped["sources"]:
        ours, theirs = found["recall_at"]["1%"], others[found["source"]]["recall_at"]["1%"]
        lines.append(
            f"| {found['source']}{STAR if found['selects'] else ''} | {found['n_scam']:,} / "
            f"{found['n_legit']:,} | {percent(ours)} | "
            f"{percent(theirs)} | {percent(found['flag']['recall'])} | "
            f"{percent(found['flag']['fpr'])} |"
        )
    origin = (
        f"{STAR.strip()} selects the model. {report['date']}, commit {report['commit']}, model "
        f"{report['model_id']}, {report['machine']}; 95 % intervals in brackets; every figure and "
        "slice: [evaluation](benchmarks/results/evaluate-scamdetect-small.md)."
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
        page = between_markers(text, START, END, [made], README)
        README.write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(made + "\n")


if __name__ == "__main__":
    main()
