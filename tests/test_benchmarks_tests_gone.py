"""The script that lists the tests that went, on two commits of an invented repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "benchmarks" / "tests_gone.py"
BEFORE = """
from old.rooms import job

def test_stays(): assert job.run(1) == 2
def test_has_another_name(): assert job.run(2) == 3
def test_went(): assert job.run(3) == 4
"""
AFTER = """
from new.house import job as the_job
from new.house.job import run

def test_stays(): assert run(1) == 5
def test_is_called_otherwise(): assert the_job.run(2) == 3
"""


def _commit(folder: Path, name: str, content: str) -> None:
    (folder / "tests").mkdir(parents=True, exist_ok=True)
    for path in (folder / "tests").iterdir():
        path.unlink()
    (folder / "tests" / name).write_text(content, encoding="utf-8")
    git = ("git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@tester.example")
    for command in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "-m", name)):
        subprocess.run([*git, *command], check=True)


def test_a_test_that_went_needs_a_reason(tmp_path: Path) -> None:
    _commit(tmp_path / "house", "test_old.py", BEFORE)
    _commit(tmp_path / "house", "test_new.py", AFTER)
    reasons = tmp_path / "reasons.csv"
    command = [sys.executable, SCRIPT, "HEAD~1", "--repository", tmp_path / "house",
               "--reasons", reasons]  # fmt: skip
    for content, status in (("", 1), ("test_went,tests/test_old.py,its feature was removed\n", 0)):
        reasons.write_text("test,file,why\n" + content, encoding="utf-8")
        done = subprocess.run(command, capture_output=True, text=True)
        why = "its feature was removed" if content else ""
        assert done.stdout == f"test,file,why\ntest_went,tests/test_old.py,{why}\n"
        assert done.returncode == status
        assert ("no reason" in done.stderr and "test_old.py::test_went" in done.stderr) == bool(
            status
        )
