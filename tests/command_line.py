"""The command line, in this process or as one that sends signals to itself."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner
from hang import HANG

import scamdetect
from scamdetect.cli.commands import cli

_ROOT = Path(scamdetect.__file__).resolve().parent.parent
_FAULTY = Path(__file__).with_name("faulty_cli.py")
NEVER = "SIGKILL@none#1"  # a plan under which nothing happens


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


def environment() -> dict[str, str]:
    """Return the environment in which a process finds the package and prints UTF-8."""
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}


def faulty_score(
    folder: Path, plan: str, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run ``scamdetect score`` as a process with signals to itself, as faulty_cli.py describes."""
    return subprocess.run(
        [sys.executable, str(_FAULTY), plan, "score", *map(str, arguments)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=HANG,
        start_new_session=True,
        # A shell's background job ignores interrupts, and its children with it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
