"""Long jobs on the real command line: signals, exit codes, what stderr says."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import NEVER, faulty_score
from dump_files import content

ROWS = 9000  # 5 batches, each a part
FOUND = "flagged 1,286, review 0, passed 7,712, unscored 1, rejected 1"


@pytest.fixture(scope="module")
def model(tiny_bundle: Path) -> Path:
    return tiny_bundle


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """Return the folder of a run that nothing disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    done = _score(_source(folder), model)
    assert done.returncode == 0, done.stderr
    assert FOUND in done.stderr
    return folder


def _source(folder: Path) -> Path:
    texts = ["guaranteed profit" if n % 7 == 3 else f"hello lunch {n}" for n in range(ROWS)]
    rows = [f"{n},{text}" for n, text in enumerate(texts)]
    rows[5000], rows[6000] = "5000,", "6000"
    (folder / "in.csv").write_text("\n".join(["id,text", *rows, ""]), encoding="utf-8")
    return folder


def _score(
    folder: Path, model: Path, *options: str, plan: str = NEVER
) -> subprocess.CompletedProcess[str]:
    arguments = ("in.csv", "--model", model, "--threads", "1", "--part-rows", "2000", *options)
    return faulty_score(folder, plan, *arguments)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _assert_same(folder: Path, whole: Path) -> None:
    assert _names(folder) == _names(whole)
    for path in whole.iterdir():
        assert content(folder / path.name) == content(path), path.name


@pytest.mark.parametrize(
    "plan",
    [
        "SIGKILL@predict#1",
        "SIGKILL@predict#4",
        "SIGKILL@os.rename:part-000002#1",
        "SIGKILL@os.rename:state.json#4",
        "SIGKILL@os.rename:joined.csv#2",  # to its final name
    ],
)
def test_a_killed_run_is_resumed_to_the_same_bytes(
    tmp_path: Path, model: Path, whole: Path, plan: str
) -> None:
    killed = _score(_source(tmp_path), model, plan=plan)
    assert killed.returncode == -signal.SIGKILL
    assert "in.scored.csv" not in _names(tmp_path)
    again = _score(tmp_path, model)
    assert again.returncode == 2
    assert "--resume" in again.stderr
    done = _score(tmp_path, model, "--resume")
    assert done.returncode == 0, done.stderr
    assert FOUND in done.stderr
    assert ("in earlier runs" in done.stderr) == (plan != "SIGKILL@predict#1")
    _assert_same(tmp_path, whole)


def test_an_interrupt_stops_at_the_border(tmp_path: Path, model: Path, whole: Path) -> None:
    stopped = _score(_source(tmp_path), model, plan="SIGINT@predict#2")
    assert stopped.returncode == 3
    assert stopped.stderr == (
        "scamdetect: interrupted; 2 finished parts (4,096 rows) kept in in.scored.csv.parts: run "
        "the same command with --resume to continue\n"
    )
    done = _score(tmp_path, model, "--resume")
    assert "8,999 rows in" in done.stderr
    assert "4,096 of them in earlier runs" in done.stderr
    _assert_same(tmp_path, whole)


def test_an_interrupt_of_a_terminal_spares_the_workers(
    tmp_path: Path, model: Path, whole: Path
) -> None:
    stopped = _score(_source(tmp_path), model, "--workers", "1", plan="all-SIGINT@predict#2")
    assert stopped.returncode == 3, stopped.stderr
    assert stopped.stderr.count("\n") == 1
    assert _score(tmp_path, model, "--resume").returncode == 0
    _assert_same(tmp_path, whole)


def test_no_worker_outlives_a_killed_run(tmp_path: Path, model: Path) -> None:
    # A worker that lives on would keep stderr open, and this call from its end.
    killed = _score(_source(tmp_path), model, "--workers", "1", plan="SIGKILL@predict#2")
    assert killed.returncode == -signal.SIGKILL


def test_a_second_interrupt_stops_at_once(tmp_path: Path, model: Path, whole: Path) -> None:
    twice = "SIGINT@predict#3,SIGINT@os.rename:part-000002#1"
    stopped = _score(_source(tmp_path), model, plan=twice)
    assert stopped.returncode == 3
    assert stopped.stderr.count("\n") == 1
    assert "2 finished parts" in stopped.stderr
    assert _score(tmp_path, model, "--resume").returncode == 0
    _assert_same(tmp_path, whole)


def test_an_interrupt_before_anything_is_finished_leaves_no_trace(
    tmp_path: Path, model: Path
) -> None:
    for plan in ("SIGINT@os.mkdir:in.scored#1", "SIGINT@predict#1,SIGINT@os.rename:part#1"):
        stopped = _score(_source(tmp_path), model, plan=plan)
        assert stopped.returncode == 130
        assert stopped.stderr.strip() == "scamdetect: interrupted"
        assert _names(tmp_path) == {"in.csv"}


def test_an_interrupt_in_the_last_part_comes_too_late(
    tmp_path: Path, model: Path, whole: Path
) -> None:
    done = _score(_source(tmp_path), model, plan="SIGINT@predict#5")
    assert done.returncode == 0
    _assert_same(tmp_path, whole)


def test_too_many_rejects_stop_the_run_until_more_are_allowed(
    tmp_path: Path, model: Path, whole: Path
) -> None:
    done = _score(_source(tmp_path), model, "--max-rejects", "0")
    assert done.returncode == 2
    assert "in.csv: 1 of 6,144 records cannot be read, the last at line 6002" in done.stderr
    assert "2 finished parts (4,096 rows) kept" in done.stderr
    assert _score(tmp_path, model, "--max-rejects", "0.1%", "--resume").returncode == 0
    _assert_same(tmp_path, whole)


def test_flagged_messages_may_fail_the_run(tmp_path: Path, model: Path) -> None:
    (tmp_path / "in.csv").write_text("text\nhello\n", encoding="utf-8")
    assert _score(tmp_path, model, "--fail-on-flagged").returncode == 0
    (tmp_path / "in.csv").write_text("text\nguaranteed profit bitcoin\n", encoding="utf-8")
    done = _score(tmp_path, model, "--fail-on-flagged", "--overwrite")
    assert done.returncode == 10
    assert "written to in.scored.csv" in done.stderr


def test_only_flagged_rows_are_told(tmp_path: Path, model: Path) -> None:
    done = _score(_source(tmp_path), model, "--only-flagged", "-o", "out.jsonl")
    assert "8,999 rows in" in done.stderr
    assert "1,286 rows written to out.jsonl" in done.stderr
    assert len((tmp_path / "out.jsonl").read_text("utf-8").splitlines()) == 1286


def test_the_log_is_json_without_message_text(tmp_path: Path, model: Path) -> None:
    _score(_source(tmp_path), model, plan="SIGKILL@predict#3")
    done = _score(tmp_path, model, "--resume", "--log-json")
    assert done.returncode == 0
    *parts, end = map(json.loads, done.stderr.splitlines())
    assert [part["part"] for part in parts] == [3, 4, 5]
    assert [part["event"] for part in parts] == ["part"] * 3
    assert [part["rows"] for part in parts] == [6143, 8191, 8999]
    assert parts[-1]["flag"] == end["flagged"] == 1286
    assert parts[-1]["share"] == 1
    assert parts[-1]["seconds_left"] == 0
    assert parts[0]["seconds_left"] > 0
    assert end["event"] == "done"
    assert end["rejects"] == "in.scored.csv.rejected.jsonl"
    assert end["resumed"] == 4096
    assert "lunch" not in done.stderr
