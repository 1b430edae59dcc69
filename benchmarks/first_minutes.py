"""Time a new user's first minutes: the README's commands, from a clone to a report of one's own.

    python benchmarks/first_minutes.py

Clones this repository into a temporary folder (on this disk, not over a network), makes a virtual
environment, runs the commands of the README's section "Try it", then scores a CSV with other
columns and makes its report. Prints the seconds of each step. Exits with 1 if a command fails or
all steps take longer than five minutes. ``pip`` uses the index that it is configured for.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECTION = "## Try it"
LIMIT = 300  # seconds
ROWS = 500
_MESSAGES = (
    "Lunch at noon? I bring the soup.",
    "Your parcel is held, pay 1.99 at post-pay.example",
    "Guaranteed profit of 8% a day, just pay the release fee",
    "The meeting moved to 3 pm, room 204.",
)


def readme_commands(readme: str) -> list[str]:
    """Return the shell commands of the section, in their order."""
    section = readme.partition(f"{SECTION}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def main() -> None:
    """Run the steps and print their times."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    commands = readme_commands((ROOT / "README.md").read_text(encoding="utf-8"))
    if len(commands) < 3 or not commands[0].startswith("git clone "):
        sys.exit(f"README.md: {SECTION!r} must begin with git clone and have two more commands")
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "clone"
        venv = Path(scratch) / "venv"
        spent = [
            _timed("clone", ["git", "clone", "--quiet", str(ROOT), str(clone)], ROOT),
            _timed("python -m venv", [sys.executable, "-m", "venv", str(venv)], ROOT),
        ]
        _write_own(clone / "own.csv")
        own = [
            "scamdetect score own.csv --text-column message",
            "scamdetect report own.scored.csv -o own.html",
        ]
        spent += [_timed(line, ["bash", "-c", line], clone, venv) for line in [*commands[1:], *own]]
        size = (clone / "own.html").stat().st_size
    total = sum(spent)
    sys.stdout.write(f"{total:7.1f} s  all, to a report of {size // 1024} kB on {ROWS} rows\n")
    if total > LIMIT:
        sys.exit(f"longer than {LIMIT} s")


def _timed(name: str, words: list[str], folder: Path, venv: Path | None = None) -> float:
    given = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    if venv is not None:
        given |= {"PATH": f"{venv / 'bin'}{os.pathsep}{given['PATH']}", "VIRTUAL_ENV": str(venv)}
    start = time.perf_counter()
    done = subprocess.run(
        words, cwd=folder, env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{name}: exit code {done.returncode}\n{done.stdout}")
    sys.stdout.write(f"{seconds:7.1f} s  {name}\n")
    sys.stdout.flush()
    return seconds


def _write_own(path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["nr", "message"])
        writer.writerows((n, f"{_MESSAGES[n % len(_MESSAGES)]} ({n})") for n in range(ROWS))


if __name__ == "__main__":
    main()
