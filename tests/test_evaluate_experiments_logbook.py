"""Result files that grow by a line a run."""

from __future__ import annotations

from pathlib import Path

from scamdetect.evaluate.experiments import add_line, read_lines


def test_lines_are_added_under_one_header(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    assert read_lines(log) == []
    add_line(log, ("name", "figure"), ["a", 0.5])
    add_line(log, ("name", "figure"), ["b, c", 1])
    assert read_lines(log) == [
        {"name": "a", "figure": "0.5"},
        {"name": "b, c", "figure": "1"},
    ]
