"""The commands on scored files: campaigns or groups, and chats."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scamdetect.cli.options import (
    LOG_JSON,
    MODEL,
    OVERWRITE_FILE,
    PATH,
    QUIET,
    SENDER_COLUMN,
    SPREADSHEET_SAFE,
    THREADS,
    TIME_COLUMN,
    WORK_FOLDER,
    command,
    option,
)
from scamdetect.cli.streams import progress, say_event, say_next

if TYPE_CHECKING:
    from scamdetect.scored.database import OutputOptions
    from scamdetect.scored.operations import Indicators
    from scamdetect.scored.threads import ThreadsSummary


def _with_output(function: Any) -> Any:  # noqa: ANN401
    output = option("-o --output FILE", "File to write, in the format of its extension.")
    for add in (LOG_JSON, QUIET, OVERWRITE_FILE, WORK_FOLDER, SPREADSHEET_SAFE, output):
        function = add(function)
    return function


def _output_options(given: dict[str, Any], show: Callable[[str, None], None]) -> OutputOptions:
    """Take the options of a result from those of a command."""
    from scamdetect.scored.database import OutputOptions

    taken = {name: given.pop(name) for name in ("overwrite", "spreadsheet_safe", "work_folder")}
    return OutputOptions(**taken, progress=lambda rows: show(f"{rows:,} rows read", None))


@command(
    epilog="Example: scamdetect campaigns april.parquet --sender-column sender --time-column "
    "sent_at"
)
@click.argument("scored", type=PATH, nargs=-1, required=True)
@option("--by COLUMN", "Group by this column, such as the sender, not by similarity.")
@SENDER_COLUMN
@TIME_COLUMN
@option(
    "--before FILE", "Campaigns of an earlier dump, to find new ones and those that have grown."
)
@option("--at-least", "Smallest number of messages of a campaign.", 2, type=click.IntRange(min=2))
@option(
    "--operations",
    "Also join campaigns that share a link, a wallet or a handle (extra `share`).",
)
@_with_output
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
    with progress(quiet or log_json, "reading") as show:
        given["options"] = _output_options(given, show)
        if by is not None:
            from scamdetect.scored.groups import write_groups

            if len(scored) > 1 or operations or given.pop("before") or given.pop("sender_column"):
                raise click.UsageError(
                    "--by takes one SCORED, and neither --operations, --before nor --sender-column"
                )
            del given["at_least"]
            groups = write_groups(scored[0], output, by=by, **given)
        else:
            from scamdetect.reports.campaigns import campaign_lines
            from scamdetect.scored.campaigns import write_campaigns

            indicators = _joining() if operations else None
            summary = write_campaigns(scored, output, indicators=indicators, **given)
    if by is not None:
        flagged = f"{groups.flagged:,} with a flagged message"
        lines = [f"{groups.groups:,} groups of {groups.rows:,} rows: {flagged}"]
        lines.append(f"groups written to {groups.destination}")
        say_event({"event": "done", **asdict(groups)}, lines, quiet=quiet, log_json=log_json)
        return
    event = {"event": "done", **asdict(summary)}
    del event["listed"]  # templates
    say_event(event, campaign_lines(summary), quiet=quiet, log_json=log_json)
    if not quiet and not log_json:
        say_next("share", "propose", *scored, "--campaigns", summary.members, "-o", "review.csv")


def _joining() -> Indicators:
    """Return what joins campaigns: links, wallets and handles that no warning list has."""
    from scamdetect.scored.operations import JOINING, Indicators
    from scamdetect.share.guard import load_guard
    from scamdetect.text.indicators import IndicatorType, indicators_of

    guard, types = load_guard(), tuple(map(IndicatorType, JOINING))
    return Indicators(
        lambda text: ((each.type, each.value) for each in indicators_of(text, types)),
        lambda kind, value: guard.verdict(IndicatorType(kind), value) is not None,
    )


@command(
    epilog="Example: scamdetect chat dump.scored.parquet --thread-column chat_id "
    "--sender-column sender --time-column sent_at"
)
@click.argument("scored", type=PATH)
@option("--thread-column COLUMN", "Column with the thread of a message.")
@SENDER_COLUMN
@TIME_COLUMN
@option("--me NAME", "Your own sender name, which is not classified.")
@option("--allow-list FILE", "Allow-list of the scoring; its messages are not classified.")
@MODEL
@THREADS
@_with_output
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
    with progress(quiet or log_json, "reading") as show:
        from scamdetect.detector import ScamDetector
        from scamdetect.dumps.decide import AllowList
        from scamdetect.scored.threads import write_threads

        given["options"] = _output_options(given, show)
        given["allow_list"] = allow_list and AllowList.load(allow_list)
        with ScamDetector.load(model, threads=threads) as detector:
            summary = write_threads(scored, output, detector=detector, **given)
    event = {"event": "done", **asdict(summary)}
    say_event(event, _thread_lines(summary), quiet=quiet, log_json=log_json)


def _thread_lines(summary: ThreadsSummary) -> Iterator[str]:
    counts = f"flagged {summary.flagged:,}, review {summary.review:,}"
    short = f"too short to tell {summary.needs_context:,}"
    yield f"{summary.threads:,} threads of {summary.messages:,} messages: {counts}, {short}"
    if summary.own == 0:
        yield "no message is from the sender that --me names, so all were judged"
    if without := summary.rows - summary.messages:
        yield f"rows in no thread: {without:,}"
    yield f"threads written to {summary.destination}"
