"""The command explain as a process."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import command


def test_explain_prints_lines_and_hides_no_control(tmp_path: Path, tiny_bundle: Path) -> None:
    text = "urgent: guaranteed profit \x1b[31m\u202e with bitcoin"
    done = command(tmp_path, "explain", text, "--model", tiny_bundle)
    assert done.returncode == 0
    assert "presses for time: urgent" in done.stdout
    assert "\x1b" not in done.stdout and "\u202e" not in done.stdout


def test_explain_prints_one_json_object_a_message(tmp_path: Path, tiny_bundle: Path) -> None:
    done = command(tmp_path, "explain", "urgent profit", "", "--json", "--model", tiny_bundle)
    scored, empty = map(json.loads, done.stdout.splitlines())
    assert {"kind": "urgency", "start": 0, "end": 6, "detail": None, "by": "pattern"} in scored[
        "cues"
    ]
    assert scored["spans"]
    assert empty["spans"] == empty["cues"] == []
    assert empty["prediction"]["decision"] == "unscored" and empty["prediction"]["reason"]


def test_explain_writes_a_page(tmp_path: Path, tiny_bundle: Path) -> None:
    arguments = ["<script>profit</script>", "--html", "out.html", "--model", tiny_bundle]
    assert command(tmp_path, "explain", *arguments).returncode == 0
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path, tiny_bundle: Path) -> None:
    arguments = ["profit", "--html", "none/out.html", "--model", tiny_bundle]
    done = command(tmp_path, "explain", *arguments)
    assert done.returncode == 4 and "none/out.html" in done.stderr and "--output" in done.stderr
