"""The commands on scored files: campaigns or groups, and chats."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scamdetect.cli.options import (
    LOG_JSON,
    MODEL,
    OVERWRITE_FILE,
    QUIET,
    SPREADSHEET_SAFE,
    THREADS,
    command,
    output_option,
)
from scamdetect.cli.streams import say, say_json

if TYPE_CHECKING:
    from scamdetect.scored.database import OutputOptions
    from scamdetect.scored.groups import GroupsSummary
    from scamdetect.scored.operations import Indicators
    from scamdetect.scored.threads import ThreadsSummary

Lines = Callable[[Any], Iterable[str]]

_OUTPUT = output_option(
    "File to write, in the format of its extension.", type=click.Path(path_type=Path)
)
_SENDER = click.option("--sender-column", metavar="COLUMN", help="Column with the sender.")
_TIME = click.option("--time-column", metavar="COLUMN", help="Column with the time of a message.")
_WORK_FOLDER = click.option(
    "--work-folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for temporary files.  [default: that of the output]",
)


def _with_settings(function: Any) -> Any:  # noqa: ANN401
    for option in (LOG_JSON, QUIET, OVERWRITE_FILE, _WORK_FOLDER, SPREADSHEET_SAFE):
        function = option(function)
    return function


@command(
    epilog="Example: scamdetect campaigns april.parquet --sender-column sender --time-column "
    "sent_at"
)
@click.argument("scored", type=click.Path(path_type=Path), nargs=-1, required=True)
@_OUTPUT
@click.option(
    "--by", metavar="COLUMN", help="Group by this column, such as the sender, not by similarity."
)
@_SENDER
@_TIME
@click.option(
    "--before",
    type=click.Path(path_type=Path),
    metavar="EARLIER",
    help="Campaigns of an earlier dump, to find which ones are new and which have grown.",
)
@click.option(
    "--at-least",
    type=click.IntRange(min=2),
    default=2,
    show_default=True,
    help="Smallest number of messages of a campaign.",
)
@click.option(
    "--operations",
    is_flag=True,
    help="Also join campaigns that share a complete link, a wallet or a handle, unless it is on a "
    "warning list (extra `share`).",
)
@_with_settings
def campaigns(
    scored: tuple[Path, ...],
    output: Path | None,
    by: str | None,
    operations: bool,
    quiet: bool,
    log_json: bool,
    **given: Any,  # noqa: ANN401
) -> None:
    """Find campaigns: groups of similar messages, or of one sender.

    SCORED are files, or folders of parts, with all rows, not only the flagged ones. The messages of
    a campaign are nearly the same, or differ only in numbers, links and the like. Each campaign is
    one row; the largest come first. A second file, <stem>.members, has the campaign of each
    message. The summary lists large, new campaigns that are not flagged, with masked texts.

    With --by each value of a column is one row, those with most flagged messages first.
    """
    # Before Arrow is loaded: its own pools keep memory that is no longer used.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    from scamdetect.cli.console import progress, say_next

    lines: Lines = _group_lines
    with progress(quiet or log_json, "reading") as show:
        given["options"] = _output_options(given, show)
        if by is not None:
            from scamdetect.scored.groups import write_groups

            if len(scored) > 1 or operations or given.pop("before") or given.pop("sender_column"):
                raise click.UsageError(
                    "--by takes one SCORED, and neither --operations, --before nor --sender-column"
                )
            del given["at_least"]
            summary: Any = write_groups(scored[0], output, by=by, **given)
        else:
            from scamdetect.reports.campaigns import campaign_lines as lines
            from scamdetect.scored.campaigns import write_campaigns

            indicators = _joining() if operations else None
            summary = write_campaigns(scored, output, indicators=indicators, **given)
    _end(summary, lines, quiet, log_json)
    if by is None and not quiet and not log_json:
        say_next("share", "propose", *scored, "--campaigns", summary.members, "-o", "review.csv")


def _joining() -> Indicators:
    """Return what joins campaigns: links, wallets and handles that no warning list has."""
    from scamdetect.scored.operations import JOINING, Indicators
    from scamdetect.share.guard import load_guard
    from scamdetect.text.indicators import IndicatorType, indicators_of

    guard, types = load_guard(), tuple(map(IndicatorType, JOINING))
    return Indicators(
        lambda text: ((found.type, found.value) for found in indicators_of(text, types)),
        lambda kind, value: guard.verdict(IndicatorType(kind), value) is not None,
    )


@command(
    epilog="Example: scamdetect chat dump.scored.parquet --thread-column chat_id "
    "--sender-column sender --time-column sent_at"
)
@click.argument("scored", type=click.Path(path_type=Path))
@_OUTPUT
@click.option("--thread-column", metavar="COLUMN", help="Column with the thread of a message.")
@_SENDER
@_TIME
@click.option("--me", metavar="NAME", help="Your own sender name, which is not classified.")
@click.option(
    "--allow-list",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Allow-list that the dump was scored with; its messages are not classified.",
)
@MODEL
@THREADS
@_with_settings
def chat(
    scored: Path,
    output: Path | None,
    allow_list: Path | None,
    model: Path | None,
    threads: int | None,
    quiet: bool,
    log_json: bool,
    **given: Any,  # noqa: ANN401
) -> None:
    """Classify the threads of a scored file as conversations.

    SCORED is as for `scamdetect campaigns`, next to its record (<name>.job.json). The messages of a
    thread are read together in the order of their times, and each sender is classified by their own
    messages, with the model and the thresholds of the scored file. Chat exports need no column
    options, mail needs only --thread-column. Each thread is one row; flagged threads come first,
    then the riskiest.
    """
    from scamdetect.cli.console import progress

    with progress(quiet or log_json, "reading") as show:
        from scamdetect.detector import ScamDetector
        from scamdetect.dumps.decide import AllowList
        from scamdetect.scored.threads import write_threads

        options = _output_options(given, show)
        with ScamDetector.load(model, threads=threads) as detector:
            summary = write_threads(
                scored,
                output,
                detector=detector,
                allow_list=None if allow_list is None else AllowList.load(allow_list),
                options=options,
                **given,
            )
    _end(summary, _thread_lines, quiet, log_json)


def _output_options(given: dict[str, Any], show: Callable[[str, None], None]) -> OutputOptions:
    """Take the options of a result from those of a command."""
    from scamdetect.scored.database import OutputOptions

    taken = {name: given.pop(name) for name in ("overwrite", "spreadsheet_safe", "work_folder")}
    return OutputOptions(**taken, progress=lambda rows: show(f"{rows:,} rows read", None))


def _group_lines(summary: GroupsSummary) -> Iterator[str]:
    flagged = f"{summary.flagged:,} with a flagged message"
    yield f"{summary.groups:,} groups of {summary.rows:,} rows: {flagged}"
    yield f"groups written to {summary.destination}"


def _thread_lines(summary: ThreadsSummary) -> Iterator[str]:
    counts = f"flagged {summary.flagged:,}, review {summary.review:,}"
    short = f"too short to tell {summary.needs_context:,}"
    yield f"{summary.threads:,} threads of {summary.messages:,} messages: {counts}, {short}"
    if summary.own == 0:
        yield "no message is from the sender that --me names, so all were judged"
    if without := summary.rows - summary.messages:
        yield f"rows in no thread: {without:,}"
    yield f"threads written to {summary.destination}"


def _end(summary: Any, lines: Lines, quiet: bool, log_json: bool) -> None:  # noqa: ANN401
    if log_json:
        values = dataclasses.asdict(summary)
        values.pop("listed", None)  # templates
        say_json(json.dumps({"event": "done", **values}, default=str), err=True)
    elif not quiet:
        say(*lines(summary), err=True)
