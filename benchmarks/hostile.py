"""Attack the package with inputs of a fixed seed, and count what held.

    python benchmarks/hostile.py --each 30
    python benchmarks/hostile.py --only readers urls --seed 7 --each 200
    python benchmarks/hostile.py --seed 7 --case readers/spreadsheet/12

Each family makes inputs as an attacker would: dumps, bundles, URLs, requests to the service, what
is shown on a terminal, and files in the way. The tiny bundle of the tests scores them. A case
holds if the exit code is one that is documented, no traceback and no text of a message is printed,
no control character reaches the terminal, and what the family adds to this. ``malformed.py`` looks
at inputs that are damaged without intent. Writes ``hostile.json`` and ``hostile.md``; exits with 1
if a case did not hold. Each of these is named so that ``--case`` repeats it.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from benchmarks import (
    hostile_bundles,
    hostile_files,
    hostile_readers,
    hostile_service,
    hostile_terminal,
    hostile_urls,
)
from benchmarks.hostile_scene import HANG_SECONDS, ROOT, Scene, Worker, scene
from scamdetect.reports.pages import table, write_results
from scamdetect.train.data.scores import commit, machine, today

sys.path.insert(0, str(ROOT / "tests"))
from tiny_bundle import write_tiny_bundle  # noqa: E402

Attack = Callable[[Scene, random.Random], Iterator[str]]

FAMILIES: Mapping[str, Sequence[Attack]] = {
    "readers": hostile_readers.CASES,
    "bundles": hostile_bundles.CASES,
    "urls": hostile_urls.CASES,
    "service": hostile_service.CASES,
    "terminal": hostile_terminal.CASES,
    "files": hostile_files.CASES,
}


@dataclass(frozen=True)
class Trial:
    """One input: ``name`` is what ``--case`` takes."""

    family: str
    attack: Attack
    seed: int
    number: int

    @property
    def kind(self) -> str:
        """Return what is tried."""
        return self.attack.__name__.strip("_").replace("_", " ")

    @property
    def name(self) -> str:
        """Return what names the input among those of its seed."""
        return f"{self.family}/{self.attack.__name__}/{self.number}"


@dataclass(frozen=True)
class Outcome:
    """What became of an input; ``faults`` is empty if it held."""

    trial: Trial
    faults: tuple[str, ...]


def main() -> None:
    """Try all inputs, write the results and print the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=20, help="inputs of each kind")
    parser.add_argument("--only", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--seconds", type=float, default=HANG_SECONDS, help="what is called a hang")
    parser.add_argument("--case", action="append", help="FAMILY/KIND/NUMBER, to repeat one")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "benchmarks" / "results" / "hostile.json"
    )
    asked = parser.parse_args()
    if asked.case:
        chosen = [named_trial(name, asked.seed) for name in asked.case]
    else:
        chosen = [one for family in asked.only for one in trials(family, asked.each, asked.seed)]
    with tempfile.TemporaryDirectory() as folder, Worker(asked.seconds) as worker:
        bundle = write_tiny_bundle(Path(folder) / "scamdetect-tiny")
        screen = Console(stderr=True)
        shown = track(chosen, "attempts", console=screen, disable=not screen.is_terminal)
        outcomes = [attempt(trial, bundle, worker) for trial in shown]
    record = {
        "date": today(), "commit": commit(), "machine": machine(), "seed": asked.seed,
        "each": asked.each, "families": counts(outcomes, lambda one: one.family),
        "kinds": counts(outcomes, lambda one: f"{one.family}: {one.kind}"),
        "failed": failed(outcomes),
    }  # fmt: skip
    text = "\n".join(page(record)) + "\n"
    if not asked.case:
        text = write_results(asked.out, record, page(record))
    sys.stdout.write(text)
    sys.exit(1 if record["failed"] else 0)


def trials(family: str, each: int, seed: int) -> Iterator[Trial]:
    """Yield ``each`` inputs of every kind of a family."""
    for attack in FAMILIES[family]:
        for number in range(each):
            yield Trial(family, attack, seed, number)


def named_trial(name: str, seed: int) -> Trial:
    """Return the input of that name."""
    family, kind, number = name.split("/")
    (attack,) = (one for one in FAMILIES[family] if one.__name__ == kind)
    return Trial(family, attack, seed, int(number))


def attempt(trial: Trial, bundle: Path, worker: Worker) -> Outcome:
    """Try one input in a separate folder."""
    with scene(bundle, worker) as one:
        found = trial.attack(one, random.Random(f"{trial.seed} {trial.name}"))
        return Outcome(trial, tuple(dict.fromkeys(found)))


def counts(outcomes: Sequence[Outcome], group: Callable[[Trial], str]) -> dict[str, dict[str, int]]:
    """Return how many inputs of each group were tried and how many held."""
    found: dict[str, dict[str, int]] = {}
    for one in outcomes:
        row = found.setdefault(group(one.trial), {"tried": 0, "held": 0})
        row["tried"] += 1
        row["held"] += not one.faults
    return found


def failed(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return the cases of each fault of each kind."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in outcomes:
        for fault in one.faults:
            key = (one.trial.family, one.trial.kind, fault)
            found.setdefault(key, []).append(one.trial.name)
    return [
        {"family": family, "kind": kind, "fault": fault, "cases": cases}
        for (family, kind, fault), cases in found.items()
    ]


def page(record: Mapping[str, Any]) -> list[str]:
    """Return the lines of the page."""

    def rows(groups: Mapping[str, Mapping[str, int]]) -> list[list[str]]:
        return [[name, f"{row['tried']:,}", f"{row['held']:,}"] for name, row in groups.items()]

    return [
        "# Hostile inputs",
        "",
        f"{record['date']}, commit {record['commit']}, {record['machine']}. Seed {record['seed']}, "
        f"{record['each']} inputs of each kind. What must hold: `benchmarks/hostile.py`.",
        "",
        *table(["family", "tried", "held"], rows(record["families"])),
        "",
        *table(["kind", "tried", "held"], rows(record["kinds"])),
        *(["", f"Did not hold (repeat with --seed {record['seed']} --case):", ""]
          if record["failed"] else []),
        *(f"- {one['fault']}: {len(one['cases'])}, the first {one['cases'][0]}"
          for one in record["failed"]),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
