"""Threads on the real command line: kills, resumption, refusals, and what stderr may say."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import NEVER, faulty_score, score
from dump_files import content

ROWS = 5000  # 3 batches, each a part
OPTIONS = ("--thread-column", "chat", "--sender-column", "who", "--time-column", "at", "--me", "me")


def _source(folder: Path) -> Path:
    with (folder / "in.csv").open("w", encoding="utf-8") as file:
        file.write("chat,who,at,text\n")
        for n in range(ROWS):
            text = f"guaranteed profit {n}" if n % 50 == 3 else f"hello lunch {n}"
            file.write(f"chat {n % 100},{('me', 'you')[n % 2]},{1_700_000_000 + n},{text}\n")
        file.write(",you,,guaranteed profit\n")
    return folder


def _score(
    folder: Path, model: Path, *options: str, plan: str = NEVER
) -> subprocess.CompletedProcess[str]:
    arguments = ("in.csv", "--model", model, "--threads", "1", "--part-rows", "2000")
    return faulty_score(folder, plan, *arguments, *OPTIONS, *options)


def _told(stderr: str) -> list[str]:
    """Return the summary without what a resumed run tells otherwise."""
    return [line for line in stderr.splitlines() if "rows in" not in line or "thread" in line]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> tuple[Path, list[str]]:
    """Return the folder of a run that nothing disturbs, and its summary."""
    folder = _source(tmp_path_factory.mktemp("whole"))
    done = _score(folder, tiny_bundle)
    assert done.returncode == 0, done.stderr
    return folder, _told(done.stderr)


def test_the_summary_tells_of_threads(whole: tuple[Path, list[str]]) -> None:
    folder, told = whole
    assert "100 threads of 5,000 messages: flagged 2, review 0, too short to tell 0" in told
    assert "rows in no thread: 1" in told
    assert "threads written to in.scored.threads.csv" in told
    assert (folder / "in.scored.threads.csv").read_text("utf-8").count("\n") == 101


@pytest.mark.parametrize(
    "plan",
    [
        "SIGKILL@os.rename:part-000001.threads#1",
        "SIGKILL@predict#4",  # the first of the threads
        "SIGKILL@os.rename:joined.threads#1",
        "SIGKILL@os.rename:joined.threads#2",  # to its final name
    ],
)
def test_a_killed_run_is_resumed_to_the_same_bytes(
    tmp_path: Path, tiny_bundle: Path, whole: tuple[Path, list[str]], plan: str
) -> None:
    folder, told = whole
    assert _score(_source(tmp_path), tiny_bundle, plan=plan).returncode == -signal.SIGKILL
    done = _score(tmp_path, tiny_bundle, "--resume")
    assert done.returncode == 0, done.stderr
    assert _told(done.stderr) == told
    assert {path.name for path in tmp_path.iterdir()} == {p.name for p in folder.iterdir()}
    for path in folder.iterdir():
        assert content(tmp_path / path.name) == content(path), path.name


def test_the_log_is_json_without_message_text(tmp_path: Path, tiny_bundle: Path) -> None:
    done = _score(_source(tmp_path), tiny_bundle, "--log-json", "-o", "out.jsonl")
    *parts, judged, end = map(json.loads, done.stderr.splitlines())
    assert [line["event"] for line in parts] == ["part"] * 3
    assert judged == {"event": "threads", "share": 1.0}
    assert end["threads"] == "out.threads.jsonl"
    assert end["thread_counts"] == {
        "threads": 100, "flagged": 2, "review": 0, "needs_context": 0, "messages": 5000,
        "own": 2500,
    }  # fmt: skip
    assert "profit" not in done.stderr and "chat 3" not in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--thread-column", "room"), "no column 'room'; its columns are: chat, who, at, text"),
        (("--thread-column", "chat", "--me", "x"), "--sender-column"),
        (("--thread-column", "chat", "--engine", "ray"), "--thread-column is not for --engine ray"),
        (("--me", "x", "--engine", "spark"), "--me is not for --engine spark"),
        (("--sender-column", "who"), "give --allow-list or --thread-column too"),
    ],
)
def test_what_does_not_go_together_is_one_line(
    tmp_path: Path, tiny_bundle: Path, options: tuple[str, ...], message: str
) -> None:
    (tmp_path / "in.csv").write_text("chat,who,at,text\na,b,,hi\n", encoding="utf-8")
    done = score(tmp_path, "in.csv", "--model", tiny_bundle, *options)
    assert done.returncode == 2
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]
