"""The commands on scored files: a report, and one row per group, thread or campaign."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scamdetect.cli.options import (
    LOG_JSON,
    MODEL,
    OVERWRITE,
    QUIET,
    RESUME,
    RUNTIME,
    SOURCES,
    SPREADSHEET_SAFE,
    THREADS,
    WORK_FOLDER,
    WORKERS,
    command,
    output_option,
)
from scamdetect.cli.streams import say

if TYPE_CHECKING:
    from scamdetect.scored.campaigns import CampaignsSummary
    from scamdetect.scored.groups import GroupsSummary
    from scamdetect.scored.operations import Indicators
    from scamdetect.scored.threads import ThreadsSummary

_BEFORE = (
    click.argument("scored", type=click.Path()),
    output_option(
        "File to write; its extension sets the format.  [default: next to SCORED, with the name of "
        "the command added]",
        type=click.Path(),
    ),
)
_SOURCE = click.option(
    "--source",
    type=click.Path(),
    metavar="ORIGINAL",
    help="File that was scored, unchanged since then, to read columns from.  [default: SCORED "
    "itself]",
)
_AFTER = (
    SPREADSHEET_SAFE,
    WORK_FOLDER,
    RESUME,
    OVERWRITE,
    QUIET,
    LOG_JSON,
)


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a decorator that adds SCORED and the options of commands on one scored file."""
    return _all(*_BEFORE, *options, _SOURCE, *_AFTER)


def _all(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:  # noqa: ANN401
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


@command(epilog="Example: scamdetect groups dump.scored.parquet --by sender")
@_options(
    click.option(
        "--by", required=True, metavar="COLUMN", help="Column to group by, such as the sender."
    ),
    click.option("--time-column", metavar="COLUMN", help="Column with the time of a message."),
)
def groups(
    scored: str,
    output: str | None,
    quiet: bool,
    log_json: bool,
    **asked: Any,  # noqa: ANN401 - what write_groups takes as it is
) -> None:
    """Count flagged messages per sender or account.

    SCORED is a scored file next to its record (<name>.job.json), or the folder of parts that Ray or
    Spark wrote. It must have all rows, not only the flagged ones. Each row of the result has the
    number of flagged messages, their kinds and languages, the first and last time, and the riskiest
    message. Groups with the most flagged messages come first. Memory is bounded.

    Unfinished work is kept in <destination>.parts; --resume continues it.
    """
    from scamdetect.cli.console import group_lines, step_bar
    from scamdetect.cli.interrupts import stop_on_interrupt

    with step_bar(quiet, log_json) as watch, stop_on_interrupt() as stop:
        from scamdetect.scored.groups import write_groups

        summary = write_groups(scored, output, watch=watch, stop=stop, **asked)
    _end(summary, group_lines(summary), quiet, log_json, "report", scored)


@command(
    epilog="Example: scamdetect threads dump.scored.parquet --thread-column chat_id "
    "--sender-column sender --time-column sent_at"
)
@_options(
    click.option("--thread-column", metavar="COLUMN", help="Column with the thread of a message."),
    click.option("--sender-column", metavar="COLUMN", help="Column with the sender."),
    click.option(
        "--time-column", metavar="COLUMN", help="Column with the time, which sets the order."
    ),
    click.option("--me", metavar="NAME", help="Your own sender name, which is not classified."),
    click.option(
        "--allow-list",
        "allowing",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Allow-list that the dump was scored with; its messages are not classified.",
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
    """Classify the threads of a scored file as conversations.

    SCORED is as for `scamdetect groups`. The messages of a thread are read together in the order of
    their times, and each sender is classified by their own messages, with the model and the
    thresholds of the scored file. Chat exports need no column options, mail needs only
    --thread-column. Each thread is one row; flagged threads come first, then the riskiest.

    Unfinished work is kept in <destination>.parts; --resume continues it.
    """
    from scamdetect.cli.console import step_bar, thread_lines
    from scamdetect.cli.interrupts import stop_on_interrupt

    with step_bar(quiet, log_json) as watch, stop_on_interrupt() as stop:
        from scamdetect.detector import ScamDetector
        from scamdetect.dumps.allow_list import AllowList
        from scamdetect.scored.threads import write_threads

        allow_list = None if allowing is None else AllowList.load(allowing)
        with ScamDetector.load(
            model,
            runtime=runtime,  # type: ignore[arg-type]
            threads=threads,
            workers=workers,
        ) as detector:
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
    _end(summary, thread_lines(summary), quiet, log_json, "report", scored)


@command(
    epilog="Example: scamdetect campaigns april.parquet --sender-column sender --time-column "
    "sent_at"
)
@_all(
    click.argument("scored", type=click.Path(), nargs=-1, required=True),
    output_option(
        "File to write; its extension sets the format. Required with several SCORED.  [default: "
        "next to SCORED, with the name of the command added]",
        type=click.Path(),
    ),
    click.option("--sender-column", metavar="COLUMN", help="Column with the sender, to count."),
    click.option("--time-column", metavar="COLUMN", help="Column with the time, for the days."),
    click.option(
        "--before",
        type=click.Path(path_type=Path),
        metavar="EARLIER",
        help="Campaigns of an earlier dump, to find which ones are new and which have grown.",
    ),
    click.option(
        "--at-least",
        type=click.IntRange(min=2),
        default=2,
        show_default=True,
        help="Smallest number of messages of a campaign.",
    ),
    click.option(
        "--operations",
        is_flag=True,
        help="Also join campaigns that share a complete link, a wallet or a handle, unless it is "
        "on a warning list (extra `share`).",
    ),
    click.option(
        "--index",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Keep the index of each SCORED in this folder, to skip unchanged files next time.",
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
    """Find campaigns: groups of similar messages.

    SCORED is as for `scamdetect groups`, or a folder of --index. The messages of a campaign are
    nearly the same, or differ only in numbers, links and the like. All messages count, flagged or
    not. Each campaign is one row; the largest come first. A second file, <stem>.members, has the
    campaign of each message. The summary lists large, new campaigns that are not flagged, with
    masked texts. With --operations the texts are read twice.

    Unfinished work is kept in <destination>.parts and <destination>.index; --resume continues it.
    """
    # Before Arrow is loaded: its own pools keep what they once had, a third of what this takes.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    from scamdetect.cli.console import step_bar
    from scamdetect.cli.interrupts import stop_on_interrupt

    with step_bar(quiet, log_json) as watch, stop_on_interrupt() as stop:
        from scamdetect.reports.campaigns import campaign_lines
        from scamdetect.scored.campaigns import write_campaigns

        summary = write_campaigns(
            scored,
            output,
            indicators=_joining() if operations else None,
            watch=watch,
            stop=stop,
            **asked,
        )
    proposed: list[str | Path] = [*scored, "--campaigns", summary.members, "-o", "review.csv"]
    lines = list(campaign_lines(summary))
    _end(summary, lines, quiet, log_json, "indicators", "propose", *proposed)


def _joining() -> Indicators:
    """Return what joins campaigns: links, wallets and handles that no warning list has."""
    from scamdetect.scored.operations import JOINING, Indicators, Value
    from scamdetect.share.guard import load_guard
    from scamdetect.text.indicators import IndicatorType, indicators_of

    guard, types = load_guard(), tuple(map(IndicatorType, JOINING))
    return Indicators(
        lambda text: (Value(found.type, found.value) for found in indicators_of(text, types)),
        lambda one: guard.verdict(IndicatorType(one.type), one.value) is not None,
    )


@command(epilog="Example: scamdetect report dump.scored.parquet -o report.html")
@click.argument("scored", type=click.Path(path_type=Path))
@output_option(
    "HTML file to write. Replaces an earlier report, but no other file.  [default: "
    "<stem>.report.html]",
    type=click.Path(path_type=Path),
    metavar="FILE",
)
@click.option(
    "--text-column", metavar="COLUMN", help="Column with the messages.  [default: text, if present]"
)
@click.option(
    "--time-column",
    metavar="COLUMN",
    help="Column with the time of a message.  [default: found by its name]",
)
@click.option(
    "--key-column",
    metavar="COLUMN",
    help="Column with your own ids.  [default: found by its name]",
)
@MODEL
@click.option("--title", metavar="TEXT", help="Title of the page.")
@click.option("--no-samples", is_flag=True, help="Show no messages, not even masked ones.")
def report(
    scored: Path,
    output: Path | None,
    no_samples: bool,
    **asked: Any,  # noqa: ANN401 - what write_report takes as it is
) -> None:
    """Write an HTML report on a scored file.

    The page shows the decisions, how sure they are, the messages with the highest scores and the
    largest campaigns, masked, and days, kinds, languages and scores. It loads nothing from the
    network.
    """
    from scamdetect.cli.console import progress, say_next

    with progress(False, "writing the report"):
        from scamdetect.reports.dump import write_report

        page = write_report(scored, output, samples=not no_samples, **asked)
    say(f"written to {page}", err=True)
    say_next("queue", scored)


def _end(
    summary: GroupsSummary | ThreadsSummary | CampaignsSummary,
    lines: list[str],
    quiet: bool,
    log_json: bool,
    *following: str | Path,
) -> None:
    from scamdetect.cli.console import log_done, say_next

    if log_json:
        log_done(summary)
    elif not quiet:
        say(*lines, err=True)
        say_next(*following)
