"""Count on the dev part of the project's own messages how many show a cue, by kind of cue.

    python benchmarks/cue_rates.py

No model is needed, and no score depends on cues. All rows are by one writer model, which wrote each
scam together with honest messages about the same matter. Writes ``cue_rates.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from scamdetect.calibration.statistics import recall
from scamdetect.errors import ScamDetectError
from scamdetect.explain.cues import CueKind, find_cues
from scamdetect.labels import Verdict
from scamdetect.reports.cells import estimate, percent
from scamdetect.reports.pages import table, write_results
from scamdetect.train.data.authored import AuthoredRow, load_authored
from scamdetect.train.data.scores import commit, machine, today

ROOT = Path(__file__).resolve().parent.parent
ANY = "any"


def main() -> None:
    """Look for cues in all dev rows and write the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    try:
        rows = [row for row in load_authored(asked.authored) if row.part == "dev"]
    except ScamDetectError as problem:
        sys.exit(f"cue_rates: {problem}")
    record = {
        "date": today(),
        "commit": commit(),
        "machine": machine(),
        "cues": _cues(rows),
    }
    sys.stdout.write(write_results(asked.out / "cue_rates.json", record, _page(record)))


def _cues(rows: Sequence[AuthoredRow]) -> dict[str, Any]:
    """Return the share of rows with each kind of cue by side, by honest slice and by language."""
    groups: dict[str, list[frozenset[str]]] = {}
    for row in rows:
        kinds = frozenset(cue.kind.value for cue in find_cues(row.text))
        side = "promo" if row.verdict is Verdict.SPAM else row.verdict.value
        names = [side, f"{side} {row.lang}"]
        if row.verdict is Verdict.LEGIT:
            names.append(f"legit: {row.slice}")
        for name in names:
            groups.setdefault(name, []).append(kinds)
    return {
        name: {"n": len(found), "rates": {kind: _rate(kind, found) for kind in _kinds()}}
        for name, found in sorted(groups.items())
    }


def _kinds() -> list[str]:
    return [ANY, *(kind.value for kind in CueKind)]


def _rate(kind: str, found: Sequence[frozenset[str]]) -> dict[str, float] | None:
    shown = recall(np.array([bool(one) if kind == ANY else kind in one for one in found]))
    return asdict(shown) if shown else None


def _page(record: dict[str, Any]) -> list[str]:
    cues = record["cues"]
    sides = [name for name in cues if " " not in name or ":" in name]
    languages = sorted({name.split()[1] for name in cues if " " in name and ":" not in name})
    return [
        "# What a cue is worth",
        "",
        f"{record['date']}, commit {record['commit']}, {record['machine']}. Authored dev rows (one "
        "writer model).",
        "",
        "Share of the messages that show it. No score depends on cues; they are no detector, and "
        "these rates are no precision: they hold for these rows alone, in which scams and honest "
        "messages were written about the same matters.",
        "",
        *table(
            ["", "n", *_kinds()],
            [[name, str(cues[name]["n"]), *(_share(cues[name], kind) for kind in _kinds())]
             for name in sides],
        ),
        "",
        "With 95 % intervals, any cue: " + "; ".join(
            f"{name} {percent(estimate(cues[name]['rates'][ANY]))}" for name in sides
        ) + ".",
        "",
        "By language, scams / honest messages; some 30 of each, so that one message is 3 %:",
        "",
        *table(
            ["language", *_kinds()],
            [[language, *(_both(cues, language, kind) for kind in _kinds())]
             for language in languages],
        ),
    ]  # fmt: skip


def _share(group: dict[str, Any] | None, kind: str) -> str:
    rate = group and group["rates"][kind]
    return f"{rate['value']:.0%}" if rate else "-"


def _both(cues: dict[str, Any], language: str, kind: str) -> str:
    return " / ".join(_share(cues.get(f"{side} {language}"), kind) for side in ("scam", "legit"))


if __name__ == "__main__":
    main()
