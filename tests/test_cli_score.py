"""The command score: files, streams, options that exclude each other, exit codes, messages."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import pytest
from command_line import NEVER, faulty_score, run

from scamdetect.cli.score import progress_line, summary_lines
from scamdetect.dumps.summary import Counts, Progress, count, summarise

MARK = "xyzzy-secret please pay"
SCAM = "guaranteed bitcoin profit"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a dump of 20 rows."""
    with (tmp_path / "in.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "text"))
        writer.writerows((n, f"{SCAM} {n}" if n % 2 else f"hello lunch {n}") for n in range(20))
    return tmp_path


def test_a_file_is_scored_and_summarised(folder: Path, tiny_bundle: Path) -> None:
    done = run("score", "in.csv", "--model", tiny_bundle, cwd=folder)
    assert (done.exit_code, done.stdout) == (0, "")
    lines = done.stderr.splitlines()
    assert lines[0].startswith("20 rows in ")
    assert any(line.startswith("flagged ") for line in lines)
    assert lines[-2:] == ["written to in.scored.csv", "next: scamdetect report in.scored.csv"]
    rows = list(csv.DictReader((folder / "in.scored.csv").open(newline="")))
    assert [row["id"] for row in rows] == [str(n) for n in range(20)]
    again = run("score", "in.csv", "--model", tiny_bundle, cwd=folder)
    assert again.exit_code == 2
    assert "in.scored.csv: already exists" in again.stderr
    resumed = run("score", "in.csv", "--model", tiny_bundle, "--resume", cwd=folder)
    assert resumed.exit_code == 0
    assert "nothing to resume" in resumed.stderr


def test_a_stream_gives_the_same_bytes(folder: Path, tiny_bundle: Path) -> None:
    run("score", "in.csv", "--model", tiny_bundle, "--quiet", cwd=folder)
    raw = (folder / "in.csv").read_bytes()
    arguments = ("score", "-", "--format", "csv", "--model", tiny_bundle)
    done = run(*arguments, stdin=raw, cwd=folder)
    assert done.exit_code == 0
    assert done.stdout == (folder / "in.scored.csv").read_text()
    assert "written to standard output" in done.stderr
    broken = run(*arguments, stdin=raw + b"broken\n", cwd=folder)
    assert broken.exit_code == 2
    assert "keep such records in a file with --rejects FILE" in broken.stderr
    kept = run(*arguments, "--rejects", "r.jsonl", stdin=raw + b"broken\n", cwd=folder)
    assert kept.exit_code == 0
    assert json.loads((folder / "r.jsonl").read_text())["raw"] == "broken\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("score", "-"), "give --format csv, tsv, jsonl or text"),
        (("score", "-", "--format", "csv", "-o", "x.csv"), "--output is for files"),
        (("score", "-", "--format", "csv", "--resume"), "--resume is for files"),
        (("score", "in.csv", "--rejects", "r.jsonl"), "--rejects is for standard input"),
        (("score", "missing.csv"), "missing.csv: cannot be read"),
        (("score", "in.csv", "--text-column", "body"), "has no column 'body'"),
        (("score", "in.csv", "--columns", '"id'), "in quotes"),
        (("score", "in.csv", "--part-rows", "0"), "--part-rows"),
        (("score", "in.csv", "--max-rejects", "x"), "--max-rejects must be"),
        (("score", "in.csv", "--sender-column", "id"), "needs an allow-list"),
        (("score", "in.csv", "-o", "in.csv", "--overwrite"), "the source would be overwritten"),
    ],
)
def test_wrong_use(
    folder: Path, tiny_bundle: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = run(*arguments, "--model", tiny_bundle, stdin="text\na\n", cwd=folder)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())


def test_json_lines_report_parts_and_the_summary(folder: Path, tiny_bundle: Path) -> None:
    arguments = ("score", "in.csv", "--model", tiny_bundle, "--log-json", "--part-rows", "5")
    done = run(*arguments, cwd=folder)
    part, summary = map(json.loads, done.stderr.splitlines())
    assert (part["event"], part["part"], part["rows"], part["share"]) == ("part", 1, 20, 1.0)
    assert (summary["event"], summary["rows"], summary["destination"]) == (
        "done", 20, "in.scored.csv",
    )  # fmt: skip


def test_thresholds_columns_and_exit_code_ten(folder: Path, tiny_bundle: Path) -> None:
    arguments = ("score", "in.csv", "--model", tiny_bundle, "--fail-on-flagged", "--quiet")
    done = run(
        *arguments, "--flag", "0.5", "--review", "0.2", "--columns", "id", "--only-flagged",
        cwd=folder,
    )  # fmt: skip
    assert (done.exit_code, done.stderr) == (10, "")
    rows = list(csv.DictReader((folder / "in.scored.csv").open(newline="")))
    assert {row["scamdetect_decision"] for row in rows} == {"flag"}
    assert "text" not in rows[0]
    record = json.loads((folder / "in.scored.csv.job.json").read_text())
    assert (record["flag"], record["review"]) == (0.5, 0.2)


def test_an_allow_list_passes_messages(folder: Path, tiny_bundle: Path) -> None:
    (folder / "allowed.csv").write_text(f"text\n{SCAM} 7\n")
    arguments = ("score", "in.csv", "--model", tiny_bundle, "--flag", "0.5", "--review", "0.2")
    done = run(*arguments, "--allow-list", "allowed.csv", cwd=folder)
    assert "the allow-list passed 10 that would be flagged or reviewed" in done.stderr
    rows = list(csv.DictReader((folder / "in.scored.csv").open(newline="")))
    assert rows[1]["scamdetect_reason"] == "allowed by template"


def test_no_message_on_the_terminal_or_in_the_log(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / "in.csv").write_text(f'id,text\n1,{MARK}\n2,"{MARK}\n3,a,{MARK}\n')
    for more in ((), ("--log-json",), ("--max-rejects", "0"), ("--text-column", "x")):
        done = run("score", "in.csv", "--model", tiny_bundle, "--overwrite", *more, cwd=tmp_path)
        assert MARK not in done.stdout + done.stderr


def test_the_lines_of_a_summary_and_of_the_progress() -> None:
    counts = Counts(rows=3, rejected=1, damaged=1, allowed=2, listed=1, held=1, cleared=3)
    counts |= Counts({"decision:flag": 1, "verdict:scam": 2, "kind:romance": 1, "language:de": 1})
    counts["feed:a"] = 1
    summary = summarise(
        counts, only_flagged=True, destination="out.csv", rejects="r.jsonl", model_id="m",
        seconds=1.0, resumed=2, notes=("read as cp1252",),
    )  # fmt: skip
    assert summary_lines(summary) == [
        "read as cp1252",
        "3 rows in 1.0 s with m, 2 of them in earlier runs",
        "flagged 1, review 0, passed 0, unscored 0, rejected 1",
        "flagged 33.33% of the rows",
        "verdicts: scam 2",
        "cleared early, not read in full: 3 of them (100%)",
        "the allow-list passed 2 that would be flagged or reviewed",
        "1 have a listed indicator, 1 of them are in review only because of it: a 1",
        "flagged by kind: romance 1",
        "flagged by language: de 1",
        "1 rows written to out.csv",
        "1 rows have U+FFFD for bytes that cannot be decoded",
        "rejected records and such bytes are in r.jsonl",
    ]
    assert count([]) == Counts()
    state = Progress(counts, 0.5, 1, 2.0, resumed=2, resumed_share=0.25)
    assert progress_line(state) == "3 rows, 1/s, 1 flagged, 0:00:04 left"


@pytest.mark.slow
def test_signals_end_a_job_that_can_be_resumed(folder: Path, tiny_bundle: Path) -> None:
    with (folder / "in.csv").open("a") as file:
        file.writelines(f"{n},hello lunch {n}\n" for n in range(20, 9000))
    options = ("in.csv", "--model", tiny_bundle, "--part-rows", "1", "-o")
    whole = faulty_score(folder, NEVER, *options, "whole.csv")
    assert whole.returncode == 0
    for plan, code in (
        ("SIGKILL@predict#2", -signal.SIGKILL),
        ("SIGKILL@os.rename:out.csv#1", -signal.SIGKILL),
        ("SIGINT@predict#2", 3),
        ("SIGINT@predict#2,SIGINT@predict#3", 3),
    ):
        done = faulty_score(folder, plan, *options, "out.csv", "--overwrite")
        assert done.returncode == code, done.stderr
        assert "--resume" in done.stderr or code < 0
        assert run("score", *options, "out.csv", "--resume", cwd=folder).exit_code == 0
        assert (folder / "out.csv").read_bytes() == (folder / "whole.csv").read_bytes()
