"""Print the README's results table from the committed evaluation; ``--write`` puts it there."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from scamdetect.evaluation.cells import decimal, estimate, percent
from scamdetect.evaluation.logbook import read_lines
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
    opened = [
        line for line in read_lines(RESULT.parent / "final_log.csv")
        if (line["model_id"], line["rows"]) == (report["model_id"], "final")
    ]  # fmt: skip
    return f"{table(report)}\n\n{fresh(final, name, len(opened))}"


def fresh(figures: dict[str, Any], name: str, opened: int) -> str:
    """Return the paragraph on the final part of the messages, which was ``opened`` so often."""
    cells = {(cell["by"], cell["name"]): cell for cell in figures["cells"]}
    at_pooled = {
        key: estimate(cell["recall_at_pooled"])
        for key, cell in cells.items()
        if cell["recall_at_pooled"] is not None
    }
    kinds = [
        f"{kind} {percent(at_pooled['kind', kind])}"
        for kind in ("investment", "romance")
        if ("kind", kind) in at_pooled
    ]
    slices = ("transactional", "affection", "finance", "money_requests", "awareness")
    alarms = [
        f"{kind} {percent(estimate(cells['slice', kind]['flag_fpr']))}"
        for kind in slices
        if ("slice", kind) in cells
    ]
    if promo := estimate(figures.get("flag_spam")):
        alarms.append(f"promo (counted in neither) {percent(promo)}")
    at = {rate: percent(estimate(found)) for rate, found in figures["recall_at"].items()}
    shown = {
        key: percent(estimate(figures[key]))
        for key in ("flag_recall", "flag_fpr", "pairs_by_rank", "pairs_at_flag")
    }
    times = "once" if opened == 1 else f"{opened} times"
    return (
        f"On the `final` part of the messages written for this project in {figures['n_languages']} "
        f"languages ({figures['n_scam']:,} scam, {figures['n_legit']:,} legit; opened {times} for "
        "this model; the language model that wrote them wrote training rows too, so this is "
        f"**no result on an unseen writer**): AUC {decimal(estimate(figures['auc']))}; recall "
        f"{at['1%']} at 1 % FPR ({'; '.join([', '.join(kinds), *_by_language(cells)])}) and "
        f"{at['5%']} at 5 %. As shipped {shown['flag_recall']} of the scams "
        f"and {shown['flag_fpr']} of the legit ones are flagged: "
        f"{', '.join(alarms).replace('_', ' ')}. The scam ranks above its honest twin in "
        f"{shown['pairs_by_rank']} of the pairs; the shipped threshold parts "
        f"{shown['pairs_at_flag']} of them.{_reader(figures)} {figures['date']}, commit "
        f"{figures['commit']}; [figures](benchmarks/results/final-{name}.json)."
    )


def _reader(figures: dict[str, Any]) -> str:
    """Return what a blind reader reaches on the rows read, empty where an old result lacks it."""
    auc = estimate(figures["reader_auc"])
    if auc is None or "reader_pairs_by_rank" not in figures:
        return ""
    at = percent(estimate(figures["reader_recall_at"]["1%"]))
    ranked, parted = (
        percent(estimate(figures[f"reader_pairs_{by}"])) for by in ("by_rank", "at_flag")
    )
    return (
        f" A blind reader, with which every row was made to agree: AUC {decimal(auc)}, recall {at} "
        f"at 1 % FPR, pairs {ranked} by rank and "
        f"{parted} parted."
    )


def _by_language(cells: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    """Return the weakest and the best language, none where no language was measured."""
    langs = sorted(
        (cell["recall_at_pooled"]["value"], name, cell["n_scam"])
        for (by, name), cell in cells.items()
        if by == "language" and cell["recall_at_pooled"] is not None
    )
    if not langs:
        return []
    (least, worst, _), (most, best, _) = langs[0], langs[-1]
    counts = sorted({n for _, _, n in langs})
    scams = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return [f"by language from {least:.0%} in {worst} to {most:.0%} in {best}, {scams} scams each"]


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
        ours, theirs = (
            estimate(one["recall_at"]["1%"]) for one in (found, others[found["source"]])
        )
        lines.append(
            f"| {found['source']}{STAR if found['selects'] else ''} | {found['n_scam']:,} / "
            f"{found['n_legit']:,} | {percent(ours)} | "
            f"{percent(theirs)} | {percent(estimate(found['flag']['recall']))} | "
            f"{percent(estimate(found['flag']['fpr']))} |"
        )
    origin = (
        f"{STAR.strip()} selects the model. {report['date']}, commit {report['commit']}, model "
        f"{report['model_id']}, {report['machine']}; 95 % intervals in brackets; every figure and "
        "slice: [evaluation](benchmarks/results/evaluate-scamdetect-small.md)."
    )
    return "\n".join([*lines, "", origin])


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
