"""The script on the page on nightly drift runs, and tells a day that differs by its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from docs_samples import ROOT, jsonl
from hang import HANG
from markdown_blocks import blocks

from scamdetect import ScamDetector

PAGE = ROOT / "docs" / "howto" / "nightly_drift.md"


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    (script,) = (block.code for block in blocks(PAGE) if block.language == "bash")
    (tmp_path / "nightly.sh").write_text(script, encoding="utf-8")
    (tmp_path / "dumps").mkdir()
    jsonl(tmp_path / "march.jsonl", every=5)
    jsonl(tmp_path / "dumps" / "usual.jsonl", every=5)
    jsonl(tmp_path / "dumps" / "odd.jsonl", every=1)
    ScamDetector.load().score_file(tmp_path / "march.jsonl", tmp_path / "march.parquet")
    return tmp_path


def run(folder: Path, day: str) -> int:
    """Return the exit code of the script, which finds the command next to this Python."""
    found = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "nightly.sh", day],
        cwd=folder,
        env=os.environ | {"PATH": found, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=HANG,
    ).returncode


def test_the_exit_code_tells_the_days_apart(workplace: Path) -> None:
    assert [run(workplace, "usual"), run(workplace, "usual")] == [0, 0]
    assert run(workplace, "odd") == 10
    assert (workplace / "drift" / "odd" / "drift.html").is_file()
    assert run(workplace, "no-such-day") == 2
