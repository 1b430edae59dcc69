"""The commands of `scamdetect bench`, as processes, on invented rows and on the project's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bad_endpoint import DOWN, bad_endpoint, honest_judge
from hang import HANG
from markdown_blocks import arguments, commands

ROOT = Path(__file__).resolve().parent.parent
MODULE = """
def score(texts):
    return [0.9 if len(text) % 2 else 0.1 for text in texts]

def breaks(texts):
    raise ValueError(texts[0])
"""


def scamdetect(folder: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "scamdetect.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        timeout=HANG,
    )


@pytest.fixture()
def here(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MODULE, encoding="utf-8")
    return tmp_path


AUTHORED = ("--authored", ROOT / "data" / "authored", "--changed-rows", "--limit", 120)


def test_suites_and_detectors_are_listed(here: Path) -> None:
    said = scamdetect(here, "bench", "list").stdout
    assert "evasion" in said and "sklearn" in said


def test_a_run_of_four_detectors_goes_on_and_is_reported(here: Path, tiny_bundle: Path) -> None:
    detectors = [
        "-d", f"tiny=scamdetect:{tiny_bundle}", "-d", "keywords", "-d", "python:mine:score",
    ]  # fmt: skip
    run = ("bench", "run", "pairs", "evasion", "rewrite", *AUTHORED, "-o", "out")
    failed = scamdetect(here, *run, *detectors, "-d", "broken=python:mine:breaks")
    assert failed.returncode == 3, failed.stderr
    assert "broken" in failed.stderr and "ValueError" in failed.stderr and "id " in failed.stderr
    # The message at which it raised stands in no error.
    assert not any(ord(letter) > 0x2FFF for letter in failed.stderr)
    done = scamdetect(here, *run, *detectors)
    assert done.returncode == 0, done.stderr

    reported = scamdetect(here, "bench", "report", "out")
    assert reported.returncode == 0, reported.stderr
    results = json.loads((here / "out" / "results.json").read_text("utf-8"))
    assert {one["detector"] for one in results["figures"]} == {
        "tiny",
        "keywords",
        "mine-score",
    } or {one["detector"] for one in results["figures"]} >= {"tiny", "keywords"}
    assert ["calibrate", "broken"] in [list(one) for one in results["missing"]]
    assert "not scamdetect-bench-1" in results["run"]["benchmark"]
    for name in ("leaderboard.md", "report.html"):
        assert "keywords" in (here / "out" / name).read_text("utf-8")


def test_the_example_of_the_page_runs_as_printed(here: Path, tiny_bundle: Path) -> None:
    page = ROOT / "docs" / "benchmark.md"
    run, report = [line for line in commands(page) if line.startswith("scamdetect bench r")][:2]
    (here / "data").mkdir()
    (here / "data" / "authored").symlink_to(ROOT / "data" / "authored")
    # The tiny bundle in place of the shipped one, which takes minutes.
    words = [one.replace("scamdetect:", f"scamdetect:{tiny_bundle}") for one in arguments(run)]
    done = scamdetect(here, *words)
    assert done.returncode == 0, done.stderr
    done = scamdetect(here, *arguments(report))
    assert done.returncode == 0, done.stderr
    board = (here / arguments(report)[-1] / "leaderboard.md").read_text("utf-8")
    assert board.startswith("# Leaderboard\n\n## Results\n") and "| keywords |" in board


@pytest.mark.network_loopback
def test_a_judge_that_misbehaves_is_counted_and_costs_once(here: Path) -> None:
    run = ("bench", "run", "pairs", *AUTHORED, "-o", "out", "--price", 1, 2)
    seen: list = []
    with bad_endpoint(honest_judge("profit", "send"), seen) as url:
        detector = ("-d", f"judge=llm:{url}#some-model")
        done = scamdetect(here, *run, *detector, SCAMDETECT_API_KEY="secret-key")
        assert done.returncode == 0, done.stderr
        asked = len(seen)
        again = scamdetect(here, *run, *detector, SCAMDETECT_API_KEY="secret-key")
        assert again.returncode == 0 and len(seen) == asked
    for path in (here / "out").rglob("*"):
        assert not path.is_file() or b"secret-key" not in path.read_bytes()
    with bad_endpoint([DOWN]) as url:
        other = ("bench", "run", "pairs", *AUTHORED, "-o", "other", "--timeout", HANG)
        failed = scamdetect(here, *other, "-d", f"judge=llm:{url}#some-model", "-d", "keywords")
    assert failed.returncode == 3
    assert "judge" in failed.stderr or "500" in failed.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pairs-final", "-d", "keywords"), "--final"),
        (("nothing", "-d", "keywords"), "known: "),
        (("pairs", "-d", "nothing:x"), "known: "),
        (("pairs", "-d", "keywords", "--label-map", "x"), "LABEL=scam"),
        (("pairs", "-d", "keywords", "--price", "-1", "2"), "x>=0"),
        (("pairs", "-d", "keywords", "--limit", "1"), "at least 2"),
        (("pairs", "-d", "keywords", "--rewriter", "http://x.test"), "--model"),
        (("human", "-d", "keywords"), "scamdetect data build"),
        (("pairs", "-d", "keywords", "--corpus", "nowhere.parquet"), "nowhere.parquet"),
    ],
)
def test_wrong_use_is_answered_by_the_cure(
    here: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = scamdetect(
        here, "bench", "run", *arguments, "-o", "out", "--authored", ROOT / "data" / "authored",
        "--changed-rows",
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert said in done.stderr and "Traceback" not in done.stderr


def test_rows_that_are_not_the_released_ones_must_be_allowed(here: Path) -> None:
    done = scamdetect(
        here, "bench", "run", "pairs", "-d", "keywords", "-o", "out", "--authored",
        ROOT / "data" / "authored",
    )  # fmt: skip
    assert done.returncode == 2
    assert "suite calibrate" in done.stderr and "--changed-rows" in done.stderr


def test_a_report_without_a_run_says_how_to_run(here: Path) -> None:
    done = scamdetect(here, "bench", "report", here)
    assert done.returncode == 2 and "scamdetect bench run" in done.stderr


def test_generators_need_a_corpus(here: Path) -> None:
    done = scamdetect(here, "bench", "generators", "--holdout", "claude", "-o", "out")
    assert done.returncode == 2 and "scamdetect data build" in done.stderr
