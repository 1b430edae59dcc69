"""Hostile inputs: a bounded part of what ``benchmarks/hostile.py`` tries, and that it sees faults.

The process that the inputs run in reaches this machine alone.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="needs the extra train")
pytest.importorskip("starlette", reason="needs the extra serve")
pytest.importorskip("huggingface_hub", reason="needs the extra hub")

from benchmarks.hostile import (
    FAMILIES,
    Outcome,
    Trial,
    attempt,
    counts,
    failed,
    named_trial,
    page,
    trials,
)
from benchmarks.hostile_bundles import joined, split, varint
from benchmarks.hostile_readers import runs, sheet_cells
from benchmarks.hostile_scene import Ran, Scene, Worker, faults, scene

# One input of each kind: where there was a fault, the first that found it.
FOUND = {
    "readers/damaged_telegram": 4, "readers/nul_lines": 4, "bundles/manifest_names": 3,
    "bundles/odd_prefix": 5, "terminal/file_names": 18, "terminal/options": 2, "files/pipes": 1,
    "files/planted_beside": 7, "files/private": 1, "files/names": 3, "files/odd_options": 6,
    "files/streams": 12, "files/interrupted": 2, "files/objects": 3, "service/connection": 1,
}  # fmt: skip
KINDS = [trial.name.rpartition("/")[0] for f in FAMILIES for trial in trials(f, 1, 0)]


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as one:
        yield one


@pytest.mark.network_loopback
@pytest.mark.parametrize("kind", KINDS)
def test_it_holds(kind: str, tiny_bundle: Path, worker: Worker) -> None:
    trial = named_trial(f"{kind}/{FOUND.get(kind, 0)}", 0)
    assert attempt(trial, tiny_bundle, worker).faults == ()


def test_inputs_that_found_a_fault_are_of_kinds_that_there_are() -> None:
    assert set(KINDS) >= FOUND.keys()


def test_a_name_repeats_an_input(tiny_bundle: Path, worker: Worker) -> None:
    seen = []

    def note(one: Scene, rnd: random.Random) -> Iterator[str]:
        yield str(seen.append(rnd.random()))

    trial = named_trial("readers/spreadsheet/7", 3)
    assert trial.name == "readers/spreadsheet/7"
    for _ in range(2):
        attempt(Trial(trial.family, note, trial.seed, trial.number), tiny_bundle, worker)
    assert seen[0] == seen[1]


def _crash() -> None:
    import os

    os._exit(9)


def _hang() -> None:
    import time

    time.sleep(60)


def _raise() -> None:
    print("zq0001qz \x1b[31m", file=sys.stderr, flush=True)  # noqa: T201
    raise KeyError("zq0001qz")


def _connect() -> None:
    import socket

    socket.create_connection(("192.0.2.1", 80))


def test_a_crash_a_hang_and_an_error_cost_one_input() -> None:
    with Worker(seconds=20) as worker:
        assert worker.call(len, "ab").value == 2
        assert worker.call(_crash).broken == "the process died with 9"
        worker.seconds = 0.1
        assert "hung" in worker.call(_hang).broken
        worker.seconds = 20
        found = list(faults(worker.call(_raise)))
        assert found[0].startswith("KeyError at test_benchmarks_hostile.py:")
        assert found[1:] == [
            "a text of a message on the terminal", "a control character on the terminal"
        ]  # fmt: skip
        assert "reached for 1 other machines" in list(faults(worker.call(_connect)))


def test_what_is_printed_is_judged() -> None:
    assert list(faults(Ran(0, "fine\n\tfine", "é 利润"))) == []
    assert list(faults(Ran(1))) == ["exit code 1"]
    assert list(faults(Ran(2, "", "a SECRET"), secrets=("SECRET",))) == ["a secret on the terminal"]


def test_cells_are_split_as_spreadsheets_split_them() -> None:
    content = 'a,"b\r\n""c",d\r=1\n\'=2,-5\n'
    cells = list(sheet_cells(content, ","))
    assert cells == ["a", 'b\r\n"c', "d", "=1", "'=2", "-5", ""]
    assert [cell for cell in cells if runs(cell)] == ["=1"]


def test_fields_are_written_in_other_ways() -> None:
    rnd = random.Random(0)
    for way in ("plain", "long size", "long key"):
        assert list(split(joined(13, 2, b"abc", way, rnd))) == [(13, 2, b"abc")]
    ((number, _, _),) = split(joined(13, 2, b"abc", "high key", rnd))
    assert number > 1 << 29
    assert number & (1 << 29) - 1 == 13
    assert varint(1, 3) == b"\x81\x80\x00"


def test_page_counts_by_family_and_names_what_failed(tiny_bundle: Path, worker: Worker) -> None:
    good, bad = list(trials("readers", 2, 0))[:2]
    outcomes = [Outcome(good, ()), Outcome(bad, ("hung",))]
    record = {
        "date": "", "commit": "", "machine": "", "seed": 0, "each": 2, "failed": failed(outcomes),
        "families": counts(outcomes, lambda one: one.family),
        "kinds": counts(outcomes, lambda one: one.kind),
    }  # fmt: skip
    text = "\n".join(page(json.loads(json.dumps(record))))
    assert "| readers | 2 | 1 |" in text
    assert f"- hung: 1, the first {bad.name}" in text
    with scene(tiny_bundle, worker) as one:
        kept = one.folder
    assert not kept.exists()
