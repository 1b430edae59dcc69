"""Score malformed dumps: no traceback, nothing lost, and no message in an error.

    python benchmarks/malformed.py [BUNDLE]

Each input is a file of invented messages of which every one holds a mark, spoilt by a fixed seed.
If a run succeeds, every mark that is intact in the spoilt file must be in the output or in the
rejects; if it fails, only with a ScamDetectError, no file may be left and no mark be in its text.
Some inputs are also given to the real command line, which must come to the same. The scores do not
matter: a tiny bundle is far quicker with the giant records than the shipped one. Writes
``malformed.json`` and ``malformed.md``; exits with 1 where a check failed.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.malformed_inputs import Case, cases, marks
from scamdetect import ScamDetector
from scamdetect.dumps.formats import rejects_path
from scamdetect.errors import ScamDetectError
from scamdetect.train.data.scores import commit, machine, today
from scamdetect.train.pages import table, write_results

ROOT = Path(__file__).resolve().parent.parent
_DESTINATIONS = ("out.jsonl", "out.csv", "out.parquet", "out.tsv")
_CODES = {"scored": 0, "refused": 2}


@dataclass(frozen=True)
class Outcome:
    """What became of one input; ``wrong`` says what must not be."""

    name: str
    form: str
    damage: str
    end: str
    rows: int = 0
    rejected: int = 0
    error: str = ""
    wrong: str = ""


def main() -> None:
    """Score all inputs, write the results and print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path, nargs="?", help="by default the shipped one")
    parser.add_argument("--each", type=int, default=3, help="inputs of a format and damage")
    parser.add_argument("--command-line", type=int, default=20, help="inputs for it as well")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    inputs = list(cases(asked.each))
    with ScamDetector.load(asked.bundle) as detector:
        outcomes = [run(case, detector) for case in inputs]
        model_id = detector.model_id
    by_process = list(zip(inputs, outcomes, strict=True))
    by_process = (
        by_process[:: max(1, len(inputs) // asked.command_line)] if asked.command_line else []
    )
    processes = [run_process(*one, asked.bundle) for one in by_process]
    wrong = [one.wrong for one in outcomes if one.wrong] + [text for text in processes if text]
    record = {
        "date": today(), "commit": commit(), "machine": machine(), "model_id": model_id,
        "inputs": len(inputs), "processes": len(processes), "wrong": wrong,
        "by_format": counts_by("form", outcomes), "by_damage": counts_by("damage", outcomes),
        "all": counts(outcomes),
    }  # fmt: skip
    path = asked.out / "malformed.json"
    sys.stdout.write(write_results(path, record, page(record)))
    sys.exit(1 if wrong else 0)


def run(case: Case, detector: ScamDetector) -> Outcome:
    """Score one input in a separate folder."""
    end, rows, rejected, error, wrong = "refused", 0, 0, "", ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        destination = folder / destination_of(case)
        source = _write(folder, case)
        try:
            summary = detector.score_file(source, destination)
        except ScamDetectError as problem:
            error = f"{type(problem).__name__}: {problem}".replace(f"{folder}/", "")
            wrong = _wrong_of_refused(folder, source, error)
        except Exception as problem:  # what this looks for
            end, error = "broken", type(problem).__name__
            wrong = f"{error}: {str(problem)[:200]}"
        else:
            end, rows, rejected = "scored", summary.rows, summary.rejected
            wrong = lost(case, destination)
    wrong = wrong and f"{case.name}: {wrong}"
    return Outcome(case.name, case.form, case.damage, end, rows, rejected, error, wrong)


def run_process(case: Case, expected: Outcome, bundle: Path | None) -> str:
    """Score one input by the command line; return the differences, if any."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = _write(folder, case)
        model = () if bundle is None else ("--model", str(bundle.resolve()))
        arguments = [source.name, "-o", destination_of(case), "--quiet", *model]
        done = subprocess.run(
            [sys.executable, "-m", "scamdetect", "score", *arguments],
            cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True, timeout=120,
        )  # fmt: skip
        if done.returncode != _CODES.get(expected.end) or b"Traceback" in done.stderr:
            return f"{case.name}: the command line ended with {done.returncode}"
        if done.returncode == 0:
            found = lost(case, folder / destination_of(case))
        else:
            found = _wrong_of_refused(folder, source, done.stderr.decode("utf-8", "replace"))
    return found and f"{case.name}: by the command line {found}"


def destination_of(case: Case) -> str:
    """Return a destination's name: all formats in turn."""
    return _DESTINATIONS[sum(case.name.encode()) % len(_DESTINATIONS)]


def lost(case: Case, destination: Path) -> str:
    """Return which marks of the input are neither in the output nor in the rejects."""
    found = _content(destination)
    rejects = rejects_path(destination)
    if rejects.exists():
        for line in rejects.read_text("utf-8").splitlines():
            reject = json.loads(line)
            raw = (
                reject["raw"].encode()
                if "raw" in reject
                else base64.b64decode(reject["raw_base64"])
            )
            found |= marks(raw)
    missing = case.marks - found
    return f"lost {len(missing)} records ({min(missing).decode()})" if missing else ""


def _content(path: Path) -> set[bytes]:
    if path.suffix == ".parquet":
        return marks(str(pq.read_table(path).to_pylist()).encode("utf-8", "replace"))
    return marks(path.read_bytes())


def _write(folder: Path, case: Case) -> Path:
    path = folder / case.file
    path.write_bytes(case.content)
    return path


def _wrong_of_refused(folder: Path, source: Path, error: str) -> str:
    left = [path.name for path in folder.iterdir() if path != source]
    if left:
        return f"left {', '.join(sorted(left))}"
    return "a message in the error" if marks(error.encode()) else ""


def counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return how many inputs ended how, and the records in them."""
    ends = Counter(one.end for one in outcomes)
    return {
        "inputs": len(outcomes),
        "scored": ends["scored"],
        "refused": ends["refused"],
        "broken": ends["broken"],
        "rows": sum(one.rows for one in outcomes),
        "rejected records": sum(one.rejected for one in outcomes),
        "wrong": sum(bool(one.wrong) for one in outcomes),
    }


def counts_by(field: str, outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """Return the counts of the outcomes by the values of one of their fields."""
    groups: dict[str, list[Outcome]] = {}
    for one in outcomes:
        groups.setdefault(getattr(one, field), []).append(one)
    return {name: counts(some) for name, some in groups.items()}


def page(record: dict[str, Any]) -> list[str]:
    """Return the lines of the page."""

    def rows(groups: dict[str, dict[str, int]]) -> list[list[str]]:
        return [[name, *(f"{count:,}" for count in some.values())] for name, some in groups.items()]

    header = list(record["all"])
    return [
        "# Malformed inputs",
        "",
        f"{record['date']}, commit {record['commit']}, {record['model_id']}, {record['machine']}. "
        f"{record['inputs']:,} spoilt files of invented messages, {record['processes']} of them by "
        "the command line too. Scored: every mark in the file is in the output or the rejects, of "
        "a mail every one below its headers, of which only known ones are kept; whether a record "
        "is whole is not looked at. "
        "Refused: one error without a mark of a message, and no file. Broken: any other exception. "
        "What is done to the files: `benchmarks/malformed_inputs.py`.",
        "",
        *table(["format", *header], rows(record["by_format"] | {"all": record["all"]})),
        "",
        *table(["damage", *header], rows(record["by_damage"])),
        *(["", "Wrong:", ""] if record["wrong"] else []),
        *(f"- {text}" for text in record["wrong"]),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
