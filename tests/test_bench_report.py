"""The report of a run, from the scores in its folder to three files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from scamdetect.bench.answers import Answers, Training
from scamdetect.bench.figures import results as results_module
from scamdetect.bench.folder import DetectorRecord, RunFolder, RunRecord, write_part
from scamdetect.bench.report.report import write_report
from scamdetect.bench.suite import Suite, make_suite
from scamdetect.errors import InputError, OutputError

SECRET = "meet me by the invented bridge"


def _suite(name: str) -> Suite:
    rows = [
        {
            "id": f"{name}-{n}", "text": SECRET, "verdict": "scam" if n < 40 else "legit",
            "lang": "en", "source": "invented", "group": f"{name}-{n}", "slices": [],
        }
        for n in range(160)
    ]  # fmt: skip
    return make_suite(name, 1, "Invented.", rows, {"invented": "CC0-1.0"}, final=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a run of one detector that finds three scams in four and flags nothing honest."""
    monkeypatch.setattr(results_module, "mix_weights", lambda rows: np.ones(rows.num_rows))
    suites = [_suite("calibrate"), _suite("human")]
    run = RunFolder(tmp_path / "run")
    detector = DetectorRecord("a-detector", "v1", "", Training())
    manifests = tuple(suite.manifest for suite in suites)
    run.write_record(RunRecord("a benchmark", "2026-03-01", None, "here", manifests, (detector,)))
    for suite in suites:
        run.write_suite(suite)
        ids = suite.rows["id"].to_pylist()
        scam = np.array([n % 4 > 0 and v == "scam" for n, v in
                         enumerate(suite.rows["verdict"].to_pylist())])  # fmt: skip
        write_part(run.part(suite.name, "a-detector", 0), ids, Answers(np.where(scam, 0.9, 0.1)))
    return run.folder


def test_three_files_say_the_same(folder: Path) -> None:
    markdown, record, page = write_report(folder)
    assert [one.name for one in (markdown, record, page)] == [
        "leaderboard.md", "results.json", "report.html",
    ]  # fmt: skip
    figures = json.loads(record.read_text(encoding="utf-8"))["figures"][0]
    assert figures["headline"]["recall"]["value"] == 0.75
    assert "| a-detector | 75.0%" in markdown.read_text(encoding="utf-8")
    assert "75.0%<small>" in page.read_text(encoding="utf-8")
    assert not any(SECRET in one.read_text(encoding="utf-8") for one in (markdown, record, page))


def test_the_same_run_gives_the_same_bytes(folder: Path) -> None:
    first = [path.read_bytes() for path in write_report(folder)]
    assert [path.read_bytes() for path in write_report(folder)] == first
    assert not list(folder.glob("*.part"))


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="contains no run"):
        write_report(tmp_path)


def test_a_failure_to_write_names_the_folder(folder: Path) -> None:
    (folder / "leaderboard.md").mkdir()
    with pytest.raises(OutputError, match="the report cannot be written"):
        write_report(folder)
    assert not list(folder.glob("*.part"))
