"""Put two evaluations side by side: the same rows, an earlier bundle and a later one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scamdetect.reports.cells import decimal, estimate, percent, share
from scamdetect.reports.pages import table

Record = Mapping[str, Any]
_SAME = {"corpus_sha256": "corpora", "final": "roles", "n_rows": "rows"}


def main() -> None:
    """Print the comparison of two files that ``scamdetect evaluate`` wrote; ``--out`` keeps it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--out", type=Path, help="also write the page here")
    asked = parser.parse_args()
    before, after = read(asked.before), read(asked.after)
    for name, what in _SAME.items():
        if before[name] != after[name]:
            sys.exit(
                f"before_after: the evaluations measured different {what}: {asked.before} has "
                f"{name} {before[name]}, {asked.after} has {after[name]}; repeat one"
            )
    if sets(before) != sets(after):
        sys.exit("before_after: the evaluations split their rows differently; repeat the older one")
    text = "\n".join(page(before, after)) + "\n"
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def read(path: Path) -> Record:
    """Return the evaluation in the file; exit with a sentence where there is none."""
    try:
        found: Record = json.loads(path.read_text(encoding="utf-8"))
        if all(name in found for name in (*_SAME, "detectors")):
            return found
    except (OSError, ValueError):
        pass
    sys.exit(f"before_after: {path} is no evaluation; make one: scamdetect evaluate BUNDLE")


def sets(report: Record) -> list[str]:
    """Return the names of sources and authored cells that the bundle has figures of."""
    shipped = report["detectors"][0]
    names = [one["source"] for one in shipped["sources"]]
    for own in shipped["authored"]:
        names += [f"{own['role']} {cell['by']} {cell['name']}" for cell in own["cells"]]
    return names


def page(before: Record, after: Record) -> list[str]:
    """Return the comparison as Markdown; each cell reads before -> after."""
    first, second = (report["detectors"][0] for report in (before, after))
    selection = (
        f"Selection score {share(first['selection']['score'])} -> "
        f"{share(second['selection']['score'])} ({second['selection']['note']})."
    )
    lines = [
        f"# {before['model_id']} -> {after['model_id']}",
        "",
        f"{'Test' if after['final'] else 'Dev'} rows of corpus {after['corpus_sha256'][:16]}, "
        f"{after['date']}, commit {after['commit']}, {after['machine']}. R@1%: threshold on the "
        "set's own legit rows; flag: as shipped; 95 % intervals in brackets.",
        "",
        selection,
        "",
        *table(
            ["source", "n scam", "n legit", "R@1%", "AUC", "flagged scams", "flagged legit"],
            map(_source, first["sources"], second["sources"]),
        ),
    ]
    if not first["authored"]:
        return [*lines, "", "No authored rows were measured."]
    return [*lines, *_authored(first["authored"][0], second["authored"][0])]


def _source(one: Record, two: Record) -> list[str]:
    return [
        one["source"], f"{one['n_scam']:,}", f"{one['n_legit']:,}",
        _move(one["recall_at"]["1%"], two["recall_at"]["1%"]),
        " -> ".join(decimal(estimate(found["auc"])) for found in (one, two)),
        *(_move(one["flag"][side], two["flag"][side]) for side in ("recall", "fpr")),
    ]  # fmt: skip


def _authored(one: Record, two: Record) -> list[str]:
    shown = {
        "R@1%": _move(one["recall_at"]["1%"], two["recall_at"]["1%"]),
        "R@5%": _move(one["recall_at"]["5%"], two["recall_at"]["5%"]),
        "AUC": " -> ".join(decimal(estimate(found["auc"])) for found in (one, two)),
        "flagged scams": _move(one["flag_recall"], two["flag_recall"]),
        "flagged legit": _move(one["flag_fpr"], two["flag_fpr"]),
        "pairs by rank": _move(one["pairs_by_rank"], two["pairs_by_rank"]),
        "pairs, both sides right at the flag threshold": _move(
            one["pairs_at_flag"], two["pairs_at_flag"]
        ),
    }
    return [
        "",
        f"Authored {one['role']} rows: {one['n_scam']:,} scam, {one['n_legit']:,} legit, written "
        f"by {', '.join(one['writers'])}.",
        "",
        *table([f"authored {one['role']}", "before -> after"], map(list, shown.items())),
        "",
        *table(
            ["by", "cell", "n scam", "n legit", "recall at pooled R@1%", "flagged scams",
             "flagged legit"],
            _cells(one["cells"], two["cells"]),
        ),
    ]  # fmt: skip


def _cells(before: Sequence[Record], after: Sequence[Record]) -> list[list[str]]:
    figures = ("recall_at_pooled", "flag_recall", "flag_fpr")
    return [
        [one["by"], one["name"], str(one["n_scam"]), str(one["n_legit"])]
        + [_move(one[name], two[name]) for name in figures]
        for one, two in zip(before, after, strict=True)
    ]


def _move(before: Record | None, after: Record | None) -> str:
    return " -> ".join(percent(estimate(found)) for found in (before, after))


if __name__ == "__main__":
    main()
