"""`scamdetect score -` as a process in a pipe."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import environment, on_a_terminal
from hang import HANG

_SCORE = (sys.executable, "-m", "scamdetect.cli", "score", "-")


def piped(folder: Path, source: bytes, *options: str | Path) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [*_SCORE, *map(str, options)], cwd=folder, env=environment(), input=source,
        capture_output=True, timeout=HANG,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr
    return done


def test_scored_rows_go_to_the_standard_output(tmp_path: Path, tiny_bundle: Path) -> None:
    source = b"id,text\n007,guaranteed bitcoin profit\x1b[31m\n2,lunch\n"
    done = piped(tmp_path, source, "--format", "csv", "--model", tiny_bundle, "--fail-on-flagged")
    assert done.returncode == 10
    head, first, second = done.stdout.splitlines()
    assert head.startswith(b"id,text,scamdetect_verdict")
    assert first.startswith(b"007,guaranteed bitcoin profit\x1b[31m,scam,flag")
    assert second.startswith(b"2,lunch,legit,pass")
    assert b"flagged 1" in done.stderr and b"written to standard output" in done.stderr
    assert b"next:" not in done.stderr and not list(tmp_path.iterdir())


def test_a_reader_that_ends_first_is_no_error(tmp_path: Path, tiny_bundle: Path) -> None:
    lines = b"".join(b"guaranteed profit %d\n" % number for number in range(9000))
    with subprocess.Popen(
        [*_SCORE, "--format", "text", "--model", str(tiny_bundle)], cwd=tmp_path,
        env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin and process.stdout and process.stderr
        process.stdout.close()
        try:
            process.stdin.write(lines)
            process.stdin.close()
        except BrokenPipeError:
            pass
        assert process.stderr.read() == b""
        assert process.wait(HANG) == 141


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ((), "--format"),
        (("--format", "csv", "-o", "x.csv"), "--output"),
        (("--format", "csv", "--resume"), "--resume"),
        (("--format", "csv", "--engine", "ray"), "--engine"),
        (("--format", "parquet"), "parquet"),
    ],
)
def test_options_of_files_are_wrong_use(
    tmp_path: Path, tiny_bundle: Path, options: tuple[str, ...], named: str
) -> None:
    done = piped(tmp_path, b"text\nx\n", *options, "--model", tiny_bundle)
    assert (done.returncode, done.stdout) == (2, b"")
    assert named in done.stderr.decode("utf-8") and not list(tmp_path.iterdir())


def test_nothing_in_a_row_controls_a_terminal(tmp_path: Path, tiny_bundle: Path) -> None:
    row = json.dumps({"text": "guaranteed profit \x1b]0;x\x07\u202e"}, ensure_ascii=False)
    (tmp_path / "in.jsonl").write_text(row.replace("\\u001b", "\x1b") + "\n", encoding="utf-8")
    code, printed = on_a_terminal(
        tmp_path, "score", "-", "--format", "text", "--quiet", "--model", str(tiny_bundle),
        stdin=tmp_path / "in.jsonl",
    )  # fmt: skip
    assert code == 0 and "scamdetect_decision" in printed
    assert "\x1b" not in printed and "\u202e" not in printed
