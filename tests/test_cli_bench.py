"""The commands of `scamdetect bench` on a part of the project's own messages."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import Result, run

ROOT = Path(__file__).resolve().parent.parent
MODULE = """
def score(texts):
    return [0.9 if len(text) % 2 else 0.1 for text in texts]

def breaks(texts):
    raise ValueError(texts[0])
"""


@pytest.fixture(autouse=True)
def work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # One language of the project's messages: all 26 take seconds to read.
    (tmp_path / "data" / "authored").mkdir(parents=True)
    shutil.copy(ROOT / "data" / "authored" / "en.jsonl", tmp_path / "data" / "authored")
    (tmp_path / "own_rules.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def bench(*arguments: object) -> Result:
    return run("bench", *map(str, arguments))


def test_suites_and_detectors_are_listed() -> None:
    printed = bench("list").stdout
    assert "evasion" in printed and "sklearn" in printed


@pytest.mark.slow
def test_a_run_is_resumed_and_reported(work_folder: Path, tiny_bundle: Path) -> None:
    detectors = ("-d", f"tiny=scamdetect:{tiny_bundle}", "-d", "keywords")
    options = ("--changed-rows", "--limit", 120, "-o", "out", "--quiet")
    command = ("run", "pairs", "rewrite", *options)
    failed = bench(*command, *detectors, "-d", "broken=python:own_rules:breaks")
    assert failed.exit_code == 3, failed.stderr
    assert "broken" in failed.stderr and "ValueError" in failed.stderr and "id " in failed.stderr
    # The error does not quote the message at which the detector raised.
    assert not any(ord(letter) > 0x2FFF for letter in failed.stderr)
    done = bench(*command, *detectors, "-d", "python:own_rules:score")
    assert done.exit_code == 0, done.stderr
    reported = bench("report", "out")
    assert reported.exit_code == 0, reported.stderr
    results = json.loads((work_folder / "out" / "results.json").read_text("utf-8"))
    assert {one["detector"] for one in results["figures"]} >= {"tiny", "keywords"}
    assert ["calibrate", "broken"] in [list(one) for one in results["missing"]]
    assert "not scamdetect-bench-1" in results["run"]["benchmark"]
    for name in ("leaderboard.md", "report.html"):
        assert "keywords" in (work_folder / "out" / name).read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pairs-final", "-d", "keywords"), "--final"),
        (("nothing", "-d", "keywords"), "known: "),
        (("pairs", "-d", "nothing:x"), "known: "),
        (("pairs", "-d", "keywords", "--label-map", "x"), "LABEL=scam"),
        (("pairs", "-d", "keywords", "--limit", "1"), "at least 2"),
        (("human", "-d", "keywords"), "scamdetect data build"),
        (("pairs", "-d", "keywords", "--corpus", "nowhere.parquet"), "nowhere.parquet"),
    ],
)
def test_wrong_use_names_the_cure(arguments: tuple[str, ...], message: str) -> None:
    result = bench("run", *arguments, "-o", "out", "--changed-rows")
    assert result.exit_code == 2 and message in result.stderr


def test_rows_that_differ_from_the_release_must_be_allowed() -> None:
    result = bench("run", "pairs", "-d", "keywords", "-o", "out")
    assert result.exit_code == 2
    assert "suite calibrate" in result.stderr and "--changed-rows" in result.stderr


def test_a_report_needs_a_run(work_folder: Path) -> None:
    result = bench("report", work_folder)
    assert result.exit_code == 2 and "scamdetect bench run" in result.stderr
