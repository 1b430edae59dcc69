"""Measure how long the imports take in fresh processes: median, with machine and commit."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from scamdetect.train.data.scores import commit, machine, today

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
STATEMENTS = ("import scamdetect", "from scamdetect import ScamDetector")
_PROGRAM = """
import time
start = time.perf_counter()
{statement}
print(time.perf_counter() - start)
"""


def seconds(statement: str) -> float:
    """Return how long the statement takes in a fresh process, its start left out."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(statement=statement)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return float(done.stdout)


def measure(rounds: int) -> dict[str, Any]:
    """Return the median and the range of each statement over the rounds, after one to warm up."""
    taken: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for _ in range(rounds + 1):
        for statement, found in taken.items():
            found.append(seconds(statement))
    return {
        "date": today(),
        "commit": commit(),
        "machine": machine(),
        "python": platform.python_version(),
        "rounds": rounds,
        "seconds": {
            statement: {
                "median": round(statistics.median(found[1:]), 4),
                "lowest": round(min(found[1:]), 4),
                "highest": round(max(found[1:]), 4),
            }
            for statement, found in taken.items()
        },
    }


def line(result: dict[str, Any]) -> str:
    """Return the result as a line of Markdown."""
    medians = ", ".join(
        f"`{statement}` {1000 * found['median']:.0f} ms"
        for statement, found in result["seconds"].items()
    )
    return (
        f"{medians}: median of {result['rounds']} fresh processes, {result['date']}, commit "
        f"{result['commit']}, Python {result['python']}, {result['machine']}.\n"
    )


def main() -> None:
    """Measure, write ``import_time.json`` and ``import_time.md`` and print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    arguments = parser.parse_args()
    result = measure(arguments.rounds)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "import_time.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(line(result), encoding="utf-8")
    sys.stdout.write(line(result))


if __name__ == "__main__":
    main()
