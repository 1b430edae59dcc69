"""The real command line as a process."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner
from hang import HANG

import scamdetect
from scamdetect.cli.commands import cli

_ROOT = Path(scamdetect.__file__).resolve().parent.parent
_PATH = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
_ADDED = {"PYTHONPATH": _PATH, "PYTHONIOENCODING": "utf-8"}
_FAULTY = Path(__file__).with_name("faulty_cli.py")
NEVER = "SIGKILL@none#1"  # a plan under which nothing happens


def environment() -> dict[str, str]:
    """Return the environment in which a process finds the package and prints UTF-8."""
    return os.environ | _ADDED


def score(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``scamdetect score`` in the folder; it may fail, but never with a traceback."""
    return command(folder, "score", *arguments)


def command(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``scamdetect`` in the folder; it may fail, but never with a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "scamdetect.cli", *map(str, arguments)],
        cwd=folder,
        env=os.environ | _ADDED,
        capture_output=True,
        encoding="utf-8",
        timeout=HANG,
    )
    assert "Traceback" not in done.stderr
    return done


def on_a_terminal(
    folder: Path, *arguments: str, columns: int = 80, stdin: Path | None = None
) -> tuple[int, str]:
    """Return the exit code and what the command prints on a terminal of that width.

    Its standard input is the terminal too, unless it is a file.
    """
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    given = theirs if stdin is None else os.open(stdin, os.O_RDONLY)
    with subprocess.Popen(
        [sys.executable, "-m", "scamdetect.cli", *arguments],
        cwd=folder, env=environment() | {"TERM": "xterm-256color"}, stdin=given, stdout=theirs,
        stderr=theirs,
    ) as process:  # fmt: skip
        os.close(theirs)
        if stdin is not None:
            os.close(given)
        printed = b""
        try:
            while piece := os.read(ours, 1 << 16):
                printed += piece
        except OSError:  # Linux's way to say that the other end is closed
            pass
    os.close(ours)
    return process.returncode, printed.decode("utf-8")


def faulty_score(
    folder: Path, plan: str, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run ``scamdetect score`` with signals to itself as faulty_cli.py describes."""
    return faulty(folder, plan, "score", *arguments)


def faulty(folder: Path, plan: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``scamdetect`` with signals to itself as faulty_cli.py describes."""
    return subprocess.run(
        [sys.executable, str(_FAULTY), plan, *map(str, arguments)],
        cwd=folder,
        env=os.environ | _ADDED,
        capture_output=True,
        encoding="utf-8",
        timeout=HANG,
        start_new_session=True,
        # A shell's background job ignores interrupts, and its children with it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    exit_code: int
    stdout: str
    stderr: str


def run(
    *arguments: str | Path, stdin: str | bytes | None = None, cwd: Path | None = None
) -> Result:
    """Run ``scamdetect`` in this process and folder; an unexpected error fails the test."""
    with contextlib.chdir(cwd or Path.cwd()):
        done = CliRunner().invoke(cli, [*map(str, arguments)], input=stdin)
    assert "unexpected " not in done.stderr, done.stderr
    return Result(done.exit_code, done.stdout, done.stderr)
