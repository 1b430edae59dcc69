"""Malformed dumps: no traceback, nothing lost, no message in an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.malformed import counts, counts_by, lost, page, run, run_process
from benchmarks.malformed_inputs import FORMS, Case, cases
from scamdetect import ScamDetector

pytestmark = pytest.mark.slow

CASES = list(cases(1))[::6]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_is_lost_or_told(case: Case, detector: ScamDetector) -> None:
    outcome = run(case, detector)
    assert outcome.wrong == ""
    assert outcome.end in ("scored", "refused")


def test_the_command_line_comes_to_the_same(detector: ScamDetector, tiny_bundle: Path) -> None:
    ends = set()
    for case in (CASES[0], next(case for case in CASES if case.damage == "garbage")):
        outcome = run(case, detector)
        ends.add(outcome.end)
        assert run_process(case, outcome, tiny_bundle) == ""
    assert ends == {"scored", "refused"}


def test_inputs_are_the_same_each_time_and_of_every_format() -> None:
    assert [case.content for case in list(cases(1))[:40]] == [
        case.content for case in list(cases(1))[:40]
    ]
    assert {case.form for case in CASES} == set(FORMS)


def test_what_is_lost_is_seen(tmp_path: Path) -> None:
    case = Case("a", "csv", "none", "dump.csv", b"text\nzq0001qz\nzq0002qz\n")
    destination = tmp_path / "out.csv"
    destination.write_bytes(b"text\nzq0001qz\n")
    assert lost(case, destination) == "lost 1 records (zq0002qz)"
    rejects = destination.with_name(f"{destination.name}.rejected.jsonl")
    rejects.write_text('{"raw_base64": "enEwMDAycXo="}\n', encoding="utf-8")
    assert lost(case, destination) == ""


def test_page_counts_by_format_and_damage(detector: ScamDetector) -> None:
    outcomes = [run(case, detector) for case in CASES[:3]]
    record = {
        "date": "", "commit": "", "model_id": "", "machine": "", "inputs": 3, "processes": 0,
        "wrong": ["a: lost"], "by_format": counts_by("form", outcomes),
        "by_damage": counts_by("damage", outcomes), "all": counts(outcomes),
    }  # fmt: skip
    text = "\n".join(page(record))
    assert "| all | 3 |" in text
    assert f"| {CASES[0].damage} |" in text
    assert "- a: lost" in text
