"""Print the sizing of docs/scale.md from the measured throughput; ``--write`` puts it there."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from scamdetect.train.pages import between_markers, table

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "throughput.json"
PAGE = ROOT / "docs" / "scale.md"
START, END = "<!-- sizing: benchmarks/scale_table.py -->", "<!-- /sizing -->"

# One process a core, all cores busy: what a worker of a cluster does.
_CONDITION, _CORES = "scamdetect", 2
_MACHINES = ((1, 16), (10, 16), (100, 16))
_MESSAGES = (1_000_000, 100_000_000, 1_000_000_000)
_PRICE = 0.05


def sizing(measured: dict[str, Any]) -> list[str]:
    """Return the lines of the section: the rates of a core, then core-hours, hours and costs."""
    per_core = {
        workload: _median(measured, workload, _CONDITION) / _CORES
        for workload in measured["workloads"]
    }
    tokens = {name: found["mean tokens"] for name, found in measured["workloads"].items()}
    first, rate = next(iter(per_core.items()))
    threads = _median(measured, first, "scamdetect")
    memory = max(found["MB"] for found in measured["peak_memory"])
    header = [
        "messages", "core-hours", f"cost at {_PRICE:.2f} a core-hour",
        *(f"hours on {n} x {cores} cores" for n, cores in _MACHINES),
    ]  # fmt: skip
    rows = []
    for messages in _MESSAGES:
        core_hours = messages / rate / 3600
        hours = (core_hours / (n * cores) for n, cores in _MACHINES)
        cells = [f"{messages:,}", f"{core_hours:,.1f}", f"{core_hours * _PRICE:,.2f}"]
        rows.append([*cells, *(f"{found:,.2f}" for found in hours)])
    mixes = "; ".join(
        f"{found:,.1f} a second of {name} ({tokens[name]:,.0f} tokens on average)"
        for name, found in per_core.items()
    )
    return [
        f"One core of {measured['machine']} scores, in one process with `threads=1` while the "
        f"other core does the same: {mixes}. One process with two threads on both cores scores "
        f"{threads:,.0f} a second of {first}. A process takes {memory:,.0f} MB in addition to the "
        f"interpreter, 16 of them {16 * memory / 1000:,.1f} GB. {measured['date']}, commit "
        f"{measured['commit']}, {measured['model_id']}.",
        "",
        f"For {first}:",
        "",
        *table(header, rows),
    ]


def _median(measured: dict[str, Any], workload: str, condition: str) -> float:
    (found,) = (
        line["median"]
        for line in measured["throughput"]
        if (line["workload"], line["condition"]) == (workload, condition)
    )
    return float(found)


def main() -> None:
    """Print the section, or put it between the page's markers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="rewrite the section of the page")
    lines = sizing(json.loads(RESULT.read_text(encoding="utf-8")))
    if parser.parse_args().write:
        page = between_markers(PAGE.read_text(encoding="utf-8"), START, END, lines, PAGE)
        PAGE.write_text(page, encoding="utf-8")
    else:
        sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
