"""Lines that a person reads while a job runs."""

from __future__ import annotations

import io
import re
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from scamdetect.cli.console import progress, progress_line, say_next, say_table, step_bar
from scamdetect.cli.streams import say
from scamdetect.dumps.tally import Standing, Tally
from scamdetect.labels import Decision
from scamdetect.scored.job import Step


def test_the_pace_is_that_of_this_run() -> None:
    tally = Tally(Counter({Decision.PASS: 48_000, Decision.FLAG: 1500}), rejected=500)
    standing = Standing(tally, 0.5, 2, False, 100.0, resumed=40_000, resumed_share=0.4)
    assert progress_line(standing) == "49,500 rows, 100/s, 1,500 flagged, 08:20 left"


def test_nothing_is_foretold_before_anything_is_read() -> None:
    start = Standing(Tally(), 0.4, 0, False, 0.0, resumed=0, resumed_share=0.4)
    assert progress_line(start) == "0 rows, 0/s, 0 flagged"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a standard error that is a terminal of 40 columns; a fixture would lose to pytest."""
    found = Terminal()
    monkeypatch.setattr(sys, "stderr", found)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return found


def drawn(terminal: Terminal) -> list[str]:
    """Return the lines as they were drawn one over the other, without colours."""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", terminal.getvalue())
    return [line for line in re.split(r"[\r\n]", text) if line.strip()]


@pytest.mark.parametrize("quiet", [False, True])
def test_the_step_at_hand_is_drawn_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, quiet: bool
) -> None:
    terminal = on_a_terminal(monkeypatch)
    with step_bar(quiet, log_json=False) as watch:
        watch(Step("threads", 0.25, 5001))
    assert not terminal.getvalue() if quiet else " 25 %" in drawn(terminal)[-1]
    assert quiet or "threads, 5,0" in drawn(terminal)[-1]


def test_progress_moves_before_anything_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    with progress(False, "loading the model"):
        patience = threading.Event()
        while len(set(drawn(terminal))) < 3:  # each frame has another spinner
            patience.wait(0.01)
    assert all("loading" in line for line in drawn(terminal))
    assert "\x1b[?25l" not in terminal.getvalue()  # a kill would leave the cursor hidden


def test_a_line_replaces_the_drawn_one(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    with progress(False, "scoring"):
        say("a note", err=True)
    say("the end", err=True)
    assert "\r\x1b[2Ka note\n" in terminal.getvalue()
    assert terminal.getvalue().endswith("the end\n")


def test_what_is_drawn_is_no_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    with progress(False, f"[red]{'long ' * 40}\x1b]0;x\x07\n") as show:
        show(f"[bold]{'name' * 40}\u202e", 0.5)
    say_table(("name", "finding"), [("a", f"[red]{'long ' * 40}\x1b[2J")], err=True)
    lines = drawn(terminal)
    assert max(map(len, lines)) <= 40
    assert any("[red]" in line for line in lines)  # no markup, and no character that hides
    assert not {"\x07", "\u202e"} & set(terminal.getvalue())
    assert "\x1b[2J" not in terminal.getvalue() and "\x1b]" not in terminal.getvalue()


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_nothing_is_drawn_without_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    if term == "dumb":
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress(False, "loading") as show:
        show("10 rows", 0.5)
    say_table(("name", "rows"), [("flag", "1"), ("pass", "20")], right=(1,), err=True)
    assert capsys.readouterr().err == "flag   1\npass  20\n"


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("in.csv", "next: scamdetect report in.csv\n"),
        ("my dump's.csv", "next: scamdetect report 'my dump'\"'\"'s.csv'\n"),
        ("-o.csv", "next: scamdetect report ./-o.csv\n"),
        ("a\x1b[31m.csv", ""),
        ("a\n.csv", ""),
        ("a\udcff.csv", ""),
    ],
)
def test_the_next_command_can_be_copied(
    capsys: pytest.CaptureFixture[str], name: str, printed: str
) -> None:
    say_next("report", Path(name))
    assert capsys.readouterr().err == printed
