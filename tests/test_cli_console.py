"""Lines that a person reads while a job runs."""

from __future__ import annotations

import io
import sys
from collections import Counter

import pytest

from scamdetect.cli.console import progress_line, step_bar
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


@pytest.mark.parametrize("quiet", [False, True])
def test_the_step_at_hand_is_drawn_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, quiet: bool
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", terminal)
    with step_bar(quiet, log_json=False) as watch:
        watch(Step("threads", 0.25, 5001))
        drawn = terminal.getvalue()
    assert drawn == "" if quiet else " 25 %|" in drawn and "| threads, 5,001 rows" in drawn
