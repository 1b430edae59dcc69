"""The commands campaigns and chat: what they write and print."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import Result, run
from dump_files import read_rows

from scamdetect import ScamDetector
from scamdetect.dumps.score import score_file

ROWS = 500
GROUPS = ("campaigns", "in.scored.csv", "--by", "who", "--time-column", "at")
CAMPAIGNS = ("campaigns", "in.scored.csv", "--sender-column", "who", "--time-column", "at")
CHAT = ("chat", "in.scored.csv", "--thread-column", "chat", "--sender-column", "who",
        "--time-column", "at", "--me", "me", "--threads", "1")  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, detector: ScamDetector) -> Path:
    """Return a folder with a scored file and its record."""
    folder = tmp_path_factory.mktemp("whole")
    with (folder / "in.csv").open("w", encoding="utf-8") as file:
        file.write("chat,who,at,text\n")
        for n in range(ROWS):
            text = f"guaranteed profit {n}" if n % 50 == 3 else f"hello lunch {n}"
            file.write(f"chat {n % 100},{('me', 'you')[n % 2]},{1_700_000_000 + n},{text}\n")
        file.write(",you,,guaranteed profit\n")
    score_file(folder / "in.csv", detector=detector)
    return folder


@pytest.fixture
def folder(tmp_path: Path, whole: Path) -> Path:
    for name in ("in.scored.csv", "in.scored.csv.job.json"):
        shutil.copy(whole / name, tmp_path)
    return tmp_path


def _run(folder: Path, arguments: tuple[str, ...], *more: str, model: Path) -> Result:
    chosen = ("--model", str(model)) if arguments[0] == "chat" else ()
    return run(*arguments, *chosen, *more, cwd=folder)


def test_the_summaries(folder: Path, tiny_bundle: Path) -> None:
    done = _run(folder, GROUPS, model=tiny_bundle)
    assert done.stderr.splitlines() == [
        "2 groups of 501 rows: 1 with a flagged message",
        "groups written to in.scored.groups.csv",
    ]
    done = _run(folder, CHAT, model=tiny_bundle)
    assert done.stderr.splitlines() == [
        "100 threads of 500 messages: flagged 2, review 0, too short to tell 48",
        "rows in no thread: 1",
        "threads written to in.scored.threads.csv",
    ]
    assert len(read_rows(folder / "in.scored.threads.csv")) == 100
    done = _run(folder, CAMPAIGNS, model=tiny_bundle)
    assert done.stderr.splitlines() == [
        "2 campaigns of 500 messages, among 501 rows: 1 with a flagged message",
        "Large and not flagged: 0 (at least 20 messages, under 10% flagged, not compared with an "
        "earlier dump (--before), so new ones are not known)",
        "campaigns written to in.scored.campaigns.csv, their messages to "
        "in.scored.campaigns.members.csv",
        "next: scamdetect share propose in.scored.csv --campaigns "
        "in.scored.campaigns.members.csv -o review.csv",
    ]
    done = _run(folder, GROUPS, "--overwrite", "--quiet", model=tiny_bundle)
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (CHAT, {"threads": 100, "flagged": 2, "messages": 500, "own": 250, "rows": 501}),
        (GROUPS, {"groups": 2, "flagged": 1, "rows": 501}),
        (CAMPAIGNS, {"campaigns": 2, "messages": 500, "unnoticed": 0, "compared": False}),
    ],
)
def test_the_log_is_json_without_message_text(
    folder: Path, tiny_bundle: Path, arguments: tuple[str, ...], expected: dict[str, object]
) -> None:
    done = _run(folder, arguments, "--log-json", "-o", "out.jsonl", model=tiny_bundle)
    (end,) = map(json.loads, done.stderr.splitlines())
    assert end.items() >= ({"event": "done", "destination": "out.jsonl"} | expected).items()
    assert not any(word in done.stderr for word in ("profit", "lunch", "chat 3"))


def test_operations_join_campaigns_by_their_links(folder: Path) -> None:
    texts = ["parcel at https://pay-depot-fees.top/x", "quite another wording of the bank: "
             "https://pay-depot-fees.top/x"]  # fmt: skip
    rows = "".join(f"{text},pass,0.1\n" for text in texts * 2)
    header = "text,scamdetect_decision,scamdetect_scam_probability\n"
    (folder / "a.csv").write_text(header + rows, encoding="utf-8")
    done = run("campaigns", "a.csv", "--operations", cwd=folder)
    assert "1 operations: campaigns that share a link" in done.stderr, done.stderr
    one, other = read_rows(folder / "a.campaigns.csv")
    assert one["operation"] == other["operation"] != ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("campaigns", "in.scored.csv", "--by", "no"), "no column 'no'; its columns are: chat"),
        (("campaigns", "in.csv", "--by", "who"), "score it first with `scamdetect score`"),
        (("campaigns", "in.csv", "a.csv", "--by", "who"), "--by takes one SCORED"),
        (("campaigns", "in.csv", "--by", "who", "--operations"), "--by takes one SCORED"),
        (("campaigns",), "Missing argument 'SCORED...'"),
        (("campaigns", "in.scored.csv", "--at-least", "1"), "not in the range x>=2"),
        (("campaigns", "in.scored.csv", "--before", "in.csv"), "in.csv: contains no campaigns"),
        (("chat", "in.scored.csv"), "name the column of threads with --thread-column"),
        (("chat", "in.scored.csv", "--thread-column", "chat", "--me", "x"), "--sender-column"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(
    folder: Path, tiny_bundle: Path, arguments: tuple[str, ...], message: str
) -> None:
    (folder / "in.csv").write_text("chat,who,at,text\na,b,,secret\n", encoding="utf-8")
    done = _run(folder, arguments, model=tiny_bundle)
    printed = " ".join(done.stderr.replace("│", " ").split())
    assert done.exit_code == 2 and message in printed and "secret" not in printed
    assert len(list(folder.iterdir())) == 3
