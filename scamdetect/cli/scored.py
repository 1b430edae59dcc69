"""The commands on what `scamdetect score` wrote: a report, a row a group, thread or campaign."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scamdetect.cli.options import (
    MODEL,
    OVERWRITE,
    QUIET,
    RESUME,
    RUNTIME,
    SOURCES,
    SPREADSHEET_SAFE,
    THREADS,
    WORKERS,
)
from scamdetect.cli.streams import say

if TYPE_CHECKING:
    from scamdetect.scored.campaigns import CampaignsSummary
    from scamdetect.scored.groups import GroupsSummary
    from scamdetect.scored.operations import Indicators
    from scamdetect.scored.threads import ThreadsSummary

_BEFORE = (
    click.argument("scored", type=click.Path()),
    click.option(
        "-o",
        "--output",
        type=click.Path(),
        help="Destination; its extension chooses the format.  [default: beside SCORED, named by it "
        "and by the command]",
    ),
)
_SOURCE = click.option(
    "--source",
    type=click.Path(),
    metavar="ORIGINAL",
    help="Take the columns from what was scored, as it was then.  [default: from SCORED]",
)
_AFTER = (
    SPREADSHEET_SAFE,
    click.option(
        "--work-folder",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder for unfinished work.  [default: that of the destination]",
    ),
    RESUME,
    OVERWRITE,
    QUIET,
    click.option(
        "--log-json",
        is_flag=True,
        help="Instead write one JSON line a finished step, and one at the end, to stderr.",
    ),
)


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a decorator with the argument and all options of one scored file, in this order."""
    return _all(*_BEFORE, *options, _SOURCE, *_AFTER)


def _all(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:  # noqa: ANN401
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


@click.command(epilog="Example: scamdetect groups dump.scored.parquet --by sender")
@_options(
    click.option("--by", required=True, metavar="COLUMN", help="Who a message is of, or the like."),
    click.option("--time-column", metavar="COLUMN", help="When messages were written."),
)
def groups(
    scored: str,
    output: str | None,
    quiet: bool,
    log_json: bool,
    **asked: Any,  # noqa: ANN401 - what write_groups takes as it is
) -> None:
    """Write one row a sender, account or the like of a dump that `scamdetect score` has scored.

    SCORED is a scored file with its record (<name>.job.json) beside it, or the folder of parts that
    Ray and Spark leave; it must have all rows, not only the flagged ones. A row tells how many
    messages were flagged, of which kinds and languages, the first and last times and the riskiest
    message. Groups with most flagged messages come first. Memory is bounded, however many groups
    there are.

    Until all is done, the work lies in <destination>.parts; --resume goes on there.
    """
    from scamdetect.cli.console import group_lines, step_bar
    from scamdetect.cli.interrupts import stop_on_interrupt
    from scamdetect.scored.groups import write_groups

    with step_bar(quiet, log_json) as watch, stop_on_interrupt() as stop:
        summary = write_groups(scored, output, watch=watch, stop=stop, **asked)
    _tell(summary, group_lines(summary), quiet, log_json)


@click.command(
    epilog="Example: scamdetect threads dump.scored.parquet --thread-column chat_id "
    "--sender-column sender --time-column sent_at"
)
@_options(
    click.option("--thread-column", metavar="COLUMN", help="The thread that a message is in."),
    click.option("--sender-column", metavar="COLUMN", help="Who wrote a message."),
    click.option(
        "--time-column", metavar="COLUMN", help="When messages were written: their order."
    ),
    click.option("--me", metavar="NAME", help="The sender who is not judged: one's own side."),
    click.option(
        "--allow-list",
        "allowing",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The allow-list that the dump was scored with, whose messages are not judged.",
    ),
    MODEL,
    THREADS,
    RUNTIME,
    WORKERS,
)
def threads(
    scored: str,
    output: str | None,
    allowing: Path | None,
    model: Path | None,
    threads: int | None,
    runtime: str,
    workers: int,
    quiet: bool,
    log_json: bool,
    **asked: Any,  # noqa: ANN401 - what write_threads takes as it is
) -> None:
    """Judge the threads of a dump that `scamdetect score` has scored as conversations, a row each.

    SCORED is as for `scamdetect groups`. The messages of a thread are judged together, in the order
    of their times, each sender by the own words, with the model and the thresholds of the scoring.
    Chat exports need no columns named; of mail only the thread. Flagged threads come first, then
    the riskiest.

    Until all is done, the work lies in <destination>.parts; --resume goes on there.
    """
    from scamdetect.cli.console import step_bar, thread_lines
    from scamdetect.cli.interrupts import stop_on_interrupt
    from scamdetect.detector import ScamDetector
    from scamdetect.dumps.allow_list import AllowList
    from scamdetect.scored.threads import write_threads

    allow_list = None if allowing is None else AllowList.load(allowing)
    with (
        ScamDetector.load(
            model,
            runtime=runtime,  # type: ignore[arg-type]
            threads=threads,
            workers=workers,
        ) as detector,
        step_bar(quiet, log_json) as watch,
        stop_on_interrupt() as stop,
    ):
        summary = write_threads(
            scored,
            output,
            detector=detector,
            allow_list=allow_list,
            inputs=(detector.bundle.folder, *([] if allowing is None else [allowing])),
            watch=watch,
            stop=stop,
            **asked,
        )
    _tell(summary, thread_lines(summary), quiet, log_json)


@click.command(
    epilog="Example: scamdetect campaigns april.parquet --sender-column sender --time-column "
    "sent_at"
)
@_all(
    click.argument("scored", type=click.Path(), nargs=-1, required=True),
    click.option(
        "-o",
        "--output",
        type=click.Path(),
        help="Destination; its extension chooses the format.  [default: beside SCORED, named by it "
        "and by the command; needed for several]",
    ),
    click.option("--sender-column", metavar="COLUMN", help="Who wrote a message: counts senders."),
    click.option("--time-column", metavar="COLUMN", help="When messages were written: gives days."),
    click.option(
        "--before",
        type=click.Path(path_type=Path),
        metavar="EARLIER",
        help="The campaigns of an earlier dump: which of these are new, and how much others grew.",
    ),
    click.option(
        "--at-least",
        type=click.IntRange(min=2),
        default=2,
        show_default=True,
        help="Messages that a campaign must have.",
    ),
    click.option(
        "--operations",
        is_flag=True,
        help="Also join campaigns that share a full link, a wallet or a handle, unless a warning "
        "list holds it (extra `share`).",
    ),
    click.option(
        "--index",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Keep what was read of each SCORED in this folder, and read no unchanged one again.",
    ),
    SOURCES,
    *_AFTER,
)
def campaigns(
    scored: tuple[str, ...],
    output: str | None,
    operations: bool,
    quiet: bool,
    log_json: bool,
    **asked: Any,  # noqa: ANN401 - what write_campaigns takes as it is
) -> None:
    """Write one row a campaign: messages that are alike, flagged or not, among all of some dumps.

    SCORED is as for `scamdetect groups`, or a folder that --index left. A campaign is messages that
    are the same but for numbers, links and the like, or nearly the same. The largest come first. A
    second file, <stem>.members, tells which row is in which campaign. The summary lists campaigns
    that are large, new and not flagged, with their masked texts. With --operations the texts are
    read a second time.

    Until all is done, the work lies in <destination>.parts and <destination>.index; --resume goes
    on there.
    """
    # Before Arrow is loaded: its own pools keep what they once had, a third of what this takes.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    from scamdetect.cli.console import step_bar
    from scamdetect.cli.interrupts import stop_on_interrupt
    from scamdetect.reports.campaigns import campaign_lines
    from scamdetect.scored.campaigns import write_campaigns

    with step_bar(quiet, log_json) as watch, stop_on_interrupt() as stop:
        summary = write_campaigns(
            scored,
            output,
            indicators=_joining() if operations else None,
            watch=watch,
            stop=stop,
            **asked,
        )
    _tell(summary, list(campaign_lines(summary)), quiet, log_json)


def _joining() -> Indicators:
    """Return what joins campaigns: links, wallets and handles that the guard lets through."""
    from scamdetect.scored.operations import JOINING, Indicators, Value
    from scamdetect.share.guard import load_guard
    from scamdetect.text.indicators import IndicatorType, indicators_of

    guard, types = load_guard(), tuple(map(IndicatorType, JOINING))
    return Indicators(
        lambda text: (Value(found.type, found.value) for found in indicators_of(text, types)),
        lambda one: guard.verdict(IndicatorType(one.type), one.value) is not None,
    )


@click.command(epilog="Example: scamdetect report dump.scored.parquet -o report.html")
@click.argument("scored", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The page; an earlier report is replaced, no other file.  [default: <stem>.report.html]",
)
@click.option("--text-column", help="Column of the messages.  [default: text, if it is there]")
@click.option("--time-column", help="Column of the times.  [default: one with a usual name]")
@click.option("--key-column", help="Column of your row ids.  [default: one with a usual name]")
@MODEL
@click.option("--title", help="Title of the page.")
@click.option("--no-samples", is_flag=True, help="Show no message text, masked or not.")
def report(
    scored: Path,
    output: Path | None,
    no_samples: bool,
    **asked: Any,  # noqa: ANN401 - what write_report takes as it is
) -> None:
    """Write one HTML page about a dump that `scamdetect score` has scored.

    The page shows the decisions, how sure they are, the messages with the highest scores and the
    largest campaigns, masked, and days, kinds, languages and scores. It loads nothing from
    elsewhere.
    """
    from scamdetect.reports.dump import write_report

    page = write_report(scored, output, samples=not no_samples, **asked)
    say(f"written to {page}", err=True)


def _tell(
    summary: GroupsSummary | ThreadsSummary | CampaignsSummary,
    lines: list[str],
    quiet: bool,
    log_json: bool,
) -> None:
    from scamdetect.cli.console import log_done

    if log_json:
        log_done(summary)
    elif not quiet:
        say(*lines, err=True)
