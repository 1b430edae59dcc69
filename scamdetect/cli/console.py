"""What the command line shows: progress, summaries and findings as lines of text."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scamdetect.cli.streams import is_terminal, say, say_json
from scamdetect.system.shown import visible_line

if TYPE_CHECKING:
    from scamdetect.scored.campaigns import CampaignsSummary
    from scamdetect.scored.groups import GroupsSummary
    from scamdetect.scored.job import Step
    from scamdetect.scored.job import Watch as StepWatch
    from scamdetect.scored.threads import ThreadsSummary
    from scamdetect.share.feeds import FeedReport


Show = Callable[[str, float | None], None]  # what is being done, and which share (0 to 1) of it


@contextmanager
def progress(quiet: bool, doing: str) -> Iterator[Show]:
    """Give a function that shows progress on a standard error that is a terminal, else nothing.

    ``doing`` is shown until the function is first called.
    """
    if quiet or not is_terminal(err=True):
        yield lambda words, share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn("line"),
        BarColumn(10),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(visible_line(doing), total=None)
        yield lambda words, share: bar.update(
            task, description=visible_line(words), total=share and 1.0, completed=share or 0.0
        )


def say_next(*words: str | Path) -> None:
    """Print the next useful command on the standard error, quoted for a shell.

    A name that a terminal cannot show as it is could not be copied, so nothing is printed then.
    """
    dashed = [f"./{w}" if isinstance(w, Path) and str(w).startswith("-") else str(w) for w in words]
    line = shlex.join(dashed)
    if visible_line(line) == line and line.isprintable():
        say(f"next: scamdetect {line}", err=True)


@contextmanager
def step_bar(quiet: bool, log_json: bool) -> Iterator[StepWatch]:
    """Give a function that shows the steps of a job on a scored file, as a bar or as JSON lines."""
    if log_json:
        yield _log_step
        return
    with progress(quiet, "starting") as show:
        yield lambda step: show(f"{step.name}, {step.rows:,} rows", step.share)


def _log_step(step: Step) -> None:
    if step.ended:
        rows = {"rows": step.rows} if step.name == "read" else {}
        _log({"event": step.name, "share": round(step.share, 6), **rows})


def log_done(
    summary: GroupsSummary | ThreadsSummary | CampaignsSummary,
) -> None:
    """Write the summary of a job on scored files as one JSON line to stderr, without templates."""
    found = dataclasses.asdict(summary)
    found.pop("listed", None)
    _log({"event": "done", **found})


def say_feeds(reports: Sequence[FeedReport], quiet: bool, log_json: bool) -> None:
    """Print which indicators of each feed are used, as lines or as one JSON line each."""
    for report in reports:
        if log_json:
            left_out = {reason: count for reason, (count, _) in report.reasons.items()}
            event = {"event": "feed", "feed": report.name, "taken": report.taken}
            _log(event | {"left_out": left_out})
        elif not quiet:
            say(*report.lines(), err=True)


def group_lines(summary: GroupsSummary) -> list[str]:
    """Return the summary of a job that grouped a scored file."""
    return [
        f"{summary.groups:,} groups of {summary.rows:,} rows: {summary.flagged:,} with a flagged "
        "message",
        f"groups written to {summary.destination}",
    ]


def thread_lines(summary: ThreadsSummary) -> list[str]:
    """Return the summary of a job that judged threads."""
    lines = [
        f"{summary.threads:,} threads of {summary.messages:,} messages: flagged "
        f"{summary.flagged:,}, review {summary.review:,}, too short to tell "
        f"{summary.needs_context:,}",
        f"threads written to {summary.destination}",
    ]
    if without := summary.rows - summary.messages:
        lines.insert(1, f"rows in no thread: {without:,}")
    if summary.own == 0:
        lines.insert(1, "no message is from the sender that --me names, so all were judged")
    return lines


def _log(event: Mapping[str, object]) -> None:
    say_json(json.dumps(event, default=str), err=True)
