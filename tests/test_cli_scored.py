"""Groups and threads on the real command line: kills, resumption, refusals, what stderr may say."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import NEVER, command, faulty, score

ROWS = 5000  # 3 batches
GROUPS = ("groups", "in.scored.csv", "--by", "who", "--time-column", "at")
CAMPAIGNS = ("campaigns", "in.scored.csv", "--sender-column", "who", "--time-column", "at")
THREADS = ("threads", "in.scored.csv", "--thread-column", "chat", "--sender-column", "who",
           "--time-column", "at", "--me", "me", "--threads", "1", "--model")  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Path:
    """Return a folder with a scored file, groups and threads."""
    folder = tmp_path_factory.mktemp("whole")
    with (folder / "in.csv").open("w", encoding="utf-8") as file:
        file.write("chat,who,at,text\n")
        for n in range(ROWS):
            text = f"guaranteed profit {n}" if n % 50 == 3 else f"hello lunch {n}"
            file.write(f"chat {n % 100},{('me', 'you')[n % 2]},{1_700_000_000 + n},{text}\n")
        file.write(",you,,guaranteed profit\n")
    assert score(folder, "in.csv", "--model", tiny_bundle).returncode == 0
    return folder


def _copied(folder: Path, whole: Path) -> Path:
    for name in ("in.scored.csv", "in.scored.csv.job.json"):
        (folder / name).write_bytes((whole / name).read_bytes())
    return folder


def _run(
    folder: Path, arguments: tuple[str, ...], model: Path, *more: str, plan: str = NEVER
) -> subprocess.CompletedProcess[str]:
    last = (str(model),) if arguments[-1] == "--model" else ()
    return faulty(folder, plan, *arguments, *last, *more)


def test_the_summaries_tell_of_groups_and_threads(
    tmp_path: Path, whole: Path, tiny_bundle: Path
) -> None:
    folder = _copied(tmp_path, whole)
    done = _run(folder, GROUPS, tiny_bundle)
    assert done.stderr.splitlines() == [
        "2 groups of 5,001 rows: 1 with a flagged message",
        "groups written to in.scored.groups.csv",
        "next: scamdetect report in.scored.csv",
    ]
    done = _run(folder, THREADS, tiny_bundle)
    assert done.stderr.splitlines() == [
        "100 threads of 5,000 messages: flagged 2, review 0, too short to tell 0",
        "rows in no thread: 1",
        "threads written to in.scored.threads.csv",
        "next: scamdetect report in.scored.csv",
    ]
    assert (folder / "in.scored.threads.csv").read_text("utf-8").count("\n") == 101
    done = _run(folder, CAMPAIGNS, tiny_bundle)
    assert done.stderr.splitlines() == [
        "2 campaigns of 5,000 messages, among 5,001 rows: 1 with a flagged message",
        "Large and not flagged: 0 (at least 20 messages, under 10% flagged, not compared with an "
        "earlier dump (--before), so new ones are not known)",
        "campaigns written to in.scored.campaigns.csv, their messages to "
        "in.scored.campaigns.members.csv",
        "next: scamdetect indicators propose in.scored.csv --campaigns "
        "in.scored.campaigns.members.csv -o review.csv",
    ]
    assert _run(folder, GROUPS, tiny_bundle, "--overwrite", "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "plan"),
    [
        (GROUPS, "SIGKILL@os.rename:segment-000000#1"),
        (GROUPS, "SIGKILL@os.rename:run-000000#1"),
        (GROUPS, "SIGKILL@os.rename:joined#2"),  # to its final name
        (CAMPAIGNS, "SIGKILL@os.rename:rows-000000#1"),
        (CAMPAIGNS, "SIGKILL@os.rename:segment-000001#1"),
        (CAMPAIGNS, "SIGKILL@os.rename:second#2"),
        (THREADS, "SIGKILL@predict#1"),
        (THREADS, "SIGKILL@os.rename:joined#1"),
    ],
)
def test_a_killed_run_is_resumed_to_the_same_bytes(
    tmp_path: Path, whole: Path, tiny_bundle: Path, arguments: tuple[str, ...], plan: str
) -> None:
    name = f"in.scored.{arguments[0]}.csv"
    if not (whole / name).exists():
        assert _run(whole, arguments, tiny_bundle).returncode == 0
    folder = _copied(tmp_path, whole)
    assert _run(folder, arguments, tiny_bundle, plan=plan).returncode == -signal.SIGKILL
    assert not (folder / name).exists()
    done = _run(folder, arguments, tiny_bundle, "--resume")
    assert done.returncode == 0, done.stderr
    assert (folder / name).read_bytes() == (whole / name).read_bytes()
    members = {"in.scored.campaigns.members.csv"} if arguments is CAMPAIGNS else set()
    assert {path.name for path in folder.iterdir()} == {
        "in.scored.csv", "in.scored.csv.job.json", name, *members,
    }  # fmt: skip


def test_ctrl_c_ends_the_step_at_hand(tmp_path: Path, whole: Path, tiny_bundle: Path) -> None:
    folder = _copied(tmp_path, whole)
    done = _run(folder, THREADS, tiny_bundle, plan="SIGINT@os.rename:segment-000000#1")
    assert done.returncode == 3
    assert "interrupted; 5,001 rows read and 0 of 1 buckets kept" in done.stderr
    assert _run(folder, THREADS, tiny_bundle, "--resume").returncode == 0
    done = _run(folder, THREADS, tiny_bundle, "--resume")
    assert done.returncode == 0 and "nothing to resume" in done.stderr


def test_the_log_is_json_without_message_text(
    tmp_path: Path, whole: Path, tiny_bundle: Path
) -> None:
    folder = _copied(tmp_path, whole)
    done = _run(folder, THREADS, tiny_bundle, "--log-json", "-o", "out.jsonl")
    read, judged, end = map(json.loads, done.stderr.splitlines())
    assert read == {"event": "read", "share": 1.0, "rows": 5001}
    assert judged == {"event": "threads", "share": 1.0}
    assert end == {
        "event": "done", "destination": "out.jsonl", "threads": 100, "flagged": 2, "review": 0,
        "needs_context": 0, "messages": 5000, "own": 2500, "rows": 5001, "resumed": 0,
    }  # fmt: skip
    assert "profit" not in done.stderr and "chat 3" not in done.stderr
    done = _run(folder, CAMPAIGNS, tiny_bundle, "--log-json", "-o", "c.jsonl")
    *steps, end = map(json.loads, done.stderr.splitlines())
    assert steps[0] == {"event": "read", "share": 1.0, "rows": 5001}
    assert {"match", "campaigns"} <= {step["event"] for step in steps}
    assert (end["campaigns"], end["messages"], end["unnoticed"]) == (2, 5000, 0)
    assert "profit" not in done.stderr and "lunch" not in done.stderr


def test_the_log_of_groups_holds_counts_alone(
    tmp_path: Path, whole: Path, tiny_bundle: Path
) -> None:
    done = _run(_copied(tmp_path, whole), GROUPS, tiny_bundle, "--log-json")
    *steps, end = map(json.loads, done.stderr.splitlines())
    assert [step["event"] for step in steps] == ["read", "groups"]
    assert end == {
        "event": "done", "destination": "in.scored.groups.csv", "groups": 2, "flagged": 1,
        "rows": 5001, "resumed": 0,
    }  # fmt: skip
    assert "profit" not in done.stderr and "you" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("groups", "in.scored.csv"), "Missing option '--by'"),
        (("groups", "in.scored.csv", "--by", "no"), "no column 'no'; its columns are: chat, who"),
        (("groups", "in.csv", "--by", "who"), "in.csv.job.json is missing"),
        (("campaigns",), "Missing argument 'SCORED...'"),
        (("campaigns", "in.scored.csv", "--at-least", "1"), "not in the range x>=2"),
        (("campaigns", "in.scored.csv", "--before", "in.csv"), "in.csv: contains no campaigns"),
        (("campaigns", "in.scored.csv", "in.csv"), "in.csv.job.json is missing"),
        (("threads", "in.scored.csv"), "name the column of threads with thread_column"),
        (("threads", "in.scored.csv", "--thread-column", "chat", "--me", "x"), "--sender-column"),
        (("score", "in.csv", "--group-by", "who"), "No such option '--group-by'"),
        (("score", "in.csv", "--thread-column", "who"), "No such option '--thread-column'"),
    ],
)
def test_what_does_not_go_together_is_said(
    tmp_path: Path, whole: Path, tiny_bundle: Path, arguments: tuple[str, ...], message: str
) -> None:
    folder = _copied(tmp_path, whole)
    (folder / "in.csv").write_text("chat,who,at,text\na,b,,hi\n", encoding="utf-8")
    model = () if arguments[0] in ("groups", "campaigns") else ("--model", tiny_bundle)
    done = command(folder, *arguments, *model)
    assert done.returncode == 2 and message in done.stderr
    assert len(list(folder.iterdir())) == 3
