"""The command that scores a dump of messages."""

from __future__ import annotations

import csv
import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from scamdetect.cli.options import (
    MODEL,
    OVERWRITE,
    QUIET,
    RESUME,
    RUNTIME,
    SPREADSHEET_SAFE,
    THREADS,
    WORKERS,
    with_thresholds,
)
from scamdetect.cli.streams import say
from scamdetect.dumps.formats import Format
from scamdetect.errors import InputError

if TYPE_CHECKING:
    from scamdetect.dumps.tally import Summary

FLAGGED = 10  # the exit code where a message was flagged and --fail-on-flagged given


@click.command(epilog="Example: scamdetect score dump.jsonl -o scored.parquet --text-column body")
@click.argument("source", type=click.Path())
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    help="Destination; its extension chooses the format. Default: <stem>.scored.<extension>, "
    "Parquet for JSON, chat exports, mail, folders and globs.",
)
@click.option(
    "--work-folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for unfinished work.  [default: that of the destination; the current one where "
    "the destination is a URL]",
)
@click.option(
    "--format",
    "source_format",
    type=click.Choice([kind.value for kind in Format]),
    help="Format of SOURCE, such as mbox for a mail folder without extension.  [default: by its "
    "extension; chat exports by their content]",
)
@click.option(
    "--text-column",
    default="text",
    show_default=True,
    help="Column of the messages; message.body is what the column message holds as body.",
)
@click.option("--encoding", help="Encoding of a text source.  [default: detected]")
@click.option(
    "--delimiter",
    metavar="SIGN",
    help="What parts the cells of CSV or TSV: one character, tab, comma, semicolon or pipe.  "
    "[default: detected in CSV, tab in TSV]",
)
@OVERWRITE
@click.option(
    "--columns",
    metavar="A,B",
    help="Keep these columns of SOURCE alone, in this order; a name with a comma in quotes.",
)
@click.option("--only-flagged", is_flag=True, help="Write the flagged rows alone.")
@click.option(
    "--allow-list",
    "allowing",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Let messages of these senders and templates pass (CSV, JSONL or plain text).",
)
@click.option(
    "--sender-column",
    metavar="COLUMN",
    help="Who wrote a message, for --allow-list.",
)
@click.option(
    "--indicators",
    "feeds",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Send messages to review that have an indicator of this feed (CSV, JSONL, text, MISP or "
    "STIX); may be given several times.",
)
@click.option(
    "--max-listed",
    default="1%",
    show_default=True,
    metavar="N|P%",
    help="Stop if a feed of --indicators fits more of the first 100,000 messages.",
)
@click.option(
    "--min-confidence",
    type=click.IntRange(0, 100),
    default=30,
    show_default=True,
    help="Look for indicators of at least this confidence, and those without one.",
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Day on which indicators must be valid.  [default: today, in UTC]",
)
@click.option(
    "--region",
    metavar="CC",
    help="Country (ISO 3166) of phone numbers in messages that have no country code.",
)
@SPREADSHEET_SAFE
@click.option("--overwrite-columns", is_flag=True, help="Replace scamdetect_* columns that exist.")
@MODEL
@with_thresholds
@THREADS
@RUNTIME
@WORKERS
@click.option(
    "--tier",
    default="auto",
    show_default=True,
    help="full reads all of every message; auto clears plainly honest ones early where the bundle "
    "proves that harmless.",
)
@RESUME
@click.option(
    "--part-rows",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="Records a part; a kill costs at most one part.",
)
@click.option(
    "--max-rejects",
    metavar="N|P%",
    help="Stop once more records than this cannot be read.  [default: never]",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray", "spark"]),
    default="local",
    show_default=True,
    help="Spread Parquet over a Ray or Spark cluster, into a folder of Parquet parts.",
)
@click.option("--fail-on-flagged", is_flag=True, help="Exit with 10 where a message was flagged.")
@QUIET
@click.option(
    "--log-json",
    is_flag=True,
    help="Instead write one JSON line a part, and one at the end, to stderr.",
)
@click.pass_context
def score(
    context: click.Context,
    /,
    source: str,
    output: str | None,
    columns: str | None,
    allowing: Path | None,
    feeds: tuple[Path, ...],
    min_confidence: int,
    as_of: datetime.datetime | None,
    region: str | None,
    model: Path | None,
    thresholds: dict[str, Any],
    threads: int | None,
    runtime: str,
    workers: int,
    tier: str,
    engine: str,
    fail_on_flagged: bool,
    quiet: bool,
    log_json: bool,
    **asked: Any,  # noqa: ANN401 - what score_file takes as it is
) -> None:
    """Score a dump: CSV, TSV, JSONL, JSON, Parquet, text of a message a line, a chat, mail.

    All rows, columns and their order stay; scamdetect_* columns are appended. Records that cannot
    be read go to <destination>.rejected.jsonl. All sources but Parquet may be compressed (.csv.gz,
    .jsonl.zst). JSON holds an array of objects. Chat exports (a .txt of WhatsApp's, result.json of
    Telegram Desktop) and mail (.mbox, .eml) are scored into Parquet; what nobody wrote stays in
    them as unscored, and of a mail only what its sender wrote is judged.

    SOURCE is a file, a folder or a glob in quotes ('dumps/2024-*.csv.gz'), here or behind a URL
    (s3://bucket/dumps). The files of a folder or a glob are scored into one Parquet file, with the
    column scamdetect_file more; folders such as year=2024 become columns. The destination may be a
    URL too.

    Until all is scored, finished parts lie in <destination>.parts. Ctrl-C ends the part at hand and
    then the run, a second one ends it at once; --resume goes on. Exit codes: 0 done, 2 wrong use or
    bad input, 3 interrupted and to be resumed, 4 failed, 10 with --fail-on-flagged.
    """
    from scamdetect.cli.console import log_part, progress_bar
    from scamdetect.cli.interrupts import stop_on_interrupt
    from scamdetect.detector import ScamDetector
    from scamdetect.dumps import score_file

    kept = None if columns is None else _names(columns)
    if engine != "local":
        from scamdetect.engines.batches import ScoreBatches
        from scamdetect.engines.engine import check_options, score_parquet

        check_options(engine, _given(context))
        scoring = ScoreBatches(
            text_column=asked["text_column"],
            model=model,
            tier=tier,
            threads=1 if threads is None else threads,
            runtime=runtime,
            overwrite_columns=asked["overwrite_columns"],
            columns=None if kept is None else tuple(kept),
            **thresholds,
        )
        summary = score_parquet(
            source,
            output,
            engine=engine,
            scoring=scoring,
            source_format=asked["source_format"],
            workers=workers,
            overwrite=asked["overwrite"],
            show=not (quiet or log_json) and sys.stderr.isatty(),
        )
        _tell(summary, quiet, log_json, fail_on_flagged)
        return
    allow_list = None
    if allowing is not None:
        from scamdetect.dumps.allow_list import AllowList

        allow_list = AllowList.load(allowing)
    listed = None
    if feeds:
        from scamdetect.cli.console import tell_feeds
        from scamdetect.share.feeds import read_feeds

        listed, reports = read_feeds(
            feeds,
            as_of=None if as_of is None else as_of.date(),
            least_confidence=min_confidence,
            region=region,
        )
        tell_feeds(reports, quiet, log_json)
    with (
        ScamDetector.load(
            model,
            runtime=runtime,  # type: ignore[arg-type]
            threads=threads,
            workers=workers,
            tier=tier,  # type: ignore[arg-type]
        ) as detector,
        progress_bar(quiet or log_json) as show,
        stop_on_interrupt() as stop,
    ):
        summary = score_file(
            source,
            output,
            detector=detector.with_thresholds(**thresholds),
            columns=kept,
            allow_list=allow_list,
            listed=listed,
            inputs=[detector.bundle.folder, *([] if allowing is None else [allowing]), *feeds],
            watch=log_part if log_json else show,
            stop=stop,
            **asked,
        )
    _tell(summary, quiet, log_json, fail_on_flagged)


def _names(columns: str) -> list[str]:
    try:
        return next(csv.reader([columns]), [])
    except csv.Error as problem:
        raise InputError(
            "--columns: put a name that has a comma, a quote or a line break in it in quotes"
        ) from problem


def _given(context: click.Context) -> list[str]:
    """Return the options that stand on the command line, by their long names."""
    return [
        max(option.opts, key=len)
        for option in context.command.params
        if isinstance(option, click.Option)
        and context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    ]


def _tell(summary: Summary, quiet: bool, log_json: bool, fail_on_flagged: bool) -> None:
    from scamdetect.cli.console import log_summary, summary_lines

    if log_json:
        log_summary(summary)
    elif not quiet:
        say(*summary_lines(summary), err=True)
    if fail_on_flagged and summary.flagged:
        raise click.exceptions.Exit(FLAGGED)
