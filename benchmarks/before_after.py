"""Put two evaluations side by side: the same rows, an earlier bundle and a later one."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

Estimate = dict[str, Any] | None


def main() -> None:
    """Print the comparison of two files that ``scamdetect evaluate`` wrote; ``--out`` keeps it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--out", type=Path, help="also write the page here")
    asked = parser.parse_args()
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in (asked.before, asked.after)]
    if reports[0]["corpus_sha256"] != reports[1]["corpus_sha256"]:
        sys.exit("before_after: the two evaluations measured different corpora; repeat one")
    text = "\n".join(page(*reports)) + "\n"
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def page(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the comparison as Markdown; each cell reads before -> after."""
    first, second = (report["detectors"][0] for report in (before, after))
    own = [one["authored"][0] for one in (first, second)]
    lines = [
        f"# {before['model_id']} -> {after['model_id']}",
        "",
        f"Dev rows of corpus {after['corpus_sha256'][:16]}, {after['date']}, commit "
        f"{after['commit']}, {after['machine']}. R@1%: threshold on the set's own legit rows; "
        "flag: as shipped. Authored rows: one writer model wrote train and dev.",
        "",
        f"Selection score {_share(first['selection']['score'])} -> "
        f"{_share(second['selection']['score'])} ({second['selection']['note']}).",
        "",
        "| rows | R@1% | AUC | flagged scams | flagged legit |",
        "|---|---|---|---|---|",
    ]
    for one, two in zip(first["sources"], second["sources"], strict=True):
        pairs = [
            (one["recall_at"]["1%"], two["recall_at"]["1%"]),
            (one["auc"], two["auc"]),
            (one["flag"]["recall"], two["flag"]["recall"]),
            (one["flag"]["fpr"], two["flag"]["fpr"]),
        ]
        lines.append(_row(one["source"], pairs))
    lines.append(
        _row(
            "authored dev",
            [
                (own[0]["recall_at"]["1%"], own[1]["recall_at"]["1%"]),
                *((own[0][name], own[1][name]) for name in ("auc", "flag_recall", "flag_fpr")),
            ],
        )
    )
    lines += ["", "| authored dev | before -> after |", "|---|---|"]
    lines += [
        _row(title, [(own[0][name], own[1][name])])
        for title, name in (
            ("pairs by rank", "pairs_by_rank"),
            ("pairs, both sides right at the flag threshold", "pairs_at_flag"),
        )
    ]
    lines.append(_row("R@5%", [(own[0]["recall_at"]["5%"], own[1]["recall_at"]["5%"])]))
    lines += [
        "",
        "| by | cell | n scam | n legit | recall at pooled R@1% | flagged scams | flagged legit |",
        "|---|---|---|---|---|---|---|",
    ]
    for one, two in zip(own[0]["cells"], own[1]["cells"], strict=True):
        pairs = [(one[name], two[name]) for name in ("recall_at_pooled", "flag_recall", "flag_fpr")]
        head = f"{one['by']} | {one['name']} | {one['n_scam']} | {one['n_legit']}"
        lines.append(_row(head, pairs))
    return lines


def _row(head: str, pairs: list[tuple[Estimate, Estimate]]) -> str:
    cells = [f"{_value(one)} -> {_value(two)}" for one, two in pairs]
    return f"| {head} | {' | '.join(cells)} |"


def _value(estimate: Estimate) -> str:
    return "-" if estimate is None else f"{100 * estimate['value']:.1f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


if __name__ == "__main__":
    main()
