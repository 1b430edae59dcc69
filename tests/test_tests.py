"""Whether a test passes depends on what the code does, not on how busy the machine is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import hang
import pytest
from hang import HANG, ending

FOLDER = Path(__file__).parent
CLOCKS = {
    "getrusage", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time",
    "process_time_ns", "thread_time", "thread_time_ns",
}  # fmt: skip


def nodes(*words: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield all that stands in the tests with one of the words, and its file."""
    for path in sorted(FOLDER.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if any(word in text for word in words):
            yield from ((path.name, node) for node in ast.walk(ast.parse(text)))


def is_clock(node: ast.Attribute) -> bool:
    is_time = node.attr == "time" and isinstance(node.value, ast.Name) and node.value.id == "time"
    return is_time or node.attr in CLOCKS


def test_no_test_reads_a_clock() -> None:
    found = [
        f"{file}:{node.lineno}: count calls, bytes or steps; seconds belong in benchmarks/"
        for file, node in nodes("time.time", *CLOCKS)
        if isinstance(node, ast.Attribute) and is_clock(node)
    ]
    assert not found


def test_who_waits_is_patient() -> None:
    found = [
        f"{file}:{node.lineno}: wait for HANG of hang.py, which no busy machine reaches"
        for file, node in nodes("timeout=")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        for given in node.keywords
        if given.arg == "timeout" and isinstance(given.value, ast.Constant)
        if isinstance(given.value.value, int | float) and given.value.value < HANG
    ]
    assert not found


def test_work_without_an_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hang, "ENDLESS", 0.05)
    with pytest.raises(pytest.fail.Exception, match="outgrows its input"), ending():
        re.fullmatch("(?:a*)*b", "a" * 60)
