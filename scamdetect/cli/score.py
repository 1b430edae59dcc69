"""The command that scores a file, a folder or a stream of messages."""

from __future__ import annotations

import csv
import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import click
from click.core import ParameterSource

from scamdetect.cli.options import (
    LOG_JSON,
    MODEL,
    OVERWRITE,
    QUIET,
    RESUME,
    RUNTIME,
    SPREADSHEET_SAFE,
    THREADS,
    WORK_FOLDER,
    WORKERS,
    command,
    output_option,
    with_thresholds,
)
from scamdetect.cli.streams import OutputBytes, input_bytes, is_terminal
from scamdetect.dumps.formats import Format
from scamdetect.errors import InputError

if TYPE_CHECKING:
    from scamdetect.dumps.tally import Summary

FLAGGED = 10  # the exit code with --fail-on-flagged if a message was flagged
_OF_FILES = ("--output", "--work-folder", "--part-rows", "--resume", "--engine")


def _format(context: click.Context, option: click.Parameter, name: str | None) -> str | None:
    return Format.TEXT.value if name == "text" else name


@command(epilog="Example: scamdetect score dump.jsonl -o scored.parquet --text-column body")
@click.argument("source", type=click.Path(allow_dash=True))
@output_option(
    "File to write; its extension sets the format.  [default: <stem>.scored.<extension>, Parquet "
    "for JSON, chat exports, mail, folders and globs]",
    type=click.Path(),
)
@click.option(
    "--format",
    "source_format",
    type=click.Choice([*(kind.value for kind in Format), "text"]),
    callback=_format,
    help="Format of SOURCE; required for standard input, and for a file without an extension. text "
    "is the same as txt.  [default: by the extension; chat exports by their content]",
)
@click.option(
    "--text-column",
    default="text",
    show_default=True,
    metavar="COLUMN",
    help="Column with the messages. A path with dots reads nested data, such as message.body.",
)
@click.option("--encoding", metavar="NAME", help="Encoding of a text source.  [default: detected]")
@click.option(
    "--delimiter",
    metavar="CHAR",
    help="Field delimiter of CSV and TSV input: one character, tab, comma, semicolon or pipe.  "
    "[default: detected in CSV, tab in TSV]",
)
@click.option(
    "--columns",
    metavar="A,B",
    help="Write only these columns of SOURCE, in this order. Quote a name that has a comma.",
)
@click.option("--only-flagged", is_flag=True, help="Write only the flagged rows.")
@SPREADSHEET_SAFE
@click.option("--overwrite-columns", is_flag=True, help="Replace existing scamdetect_* columns.")
@OVERWRITE
@MODEL
@with_thresholds
@click.option(
    "--allow-list",
    "allowing",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Pass messages of these senders and templates (CSV, JSONL or plain text).",
)
@click.option("--sender-column", metavar="COLUMN", help="Column with the sender, for --allow-list.")
@click.option(
    "--indicators",
    "feeds",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Send messages to review that contain an indicator of this feed (CSV, JSONL, text, MISP "
    "or STIX). Repeatable.",
)
@click.option(
    "--max-listed",
    default="1%",
    show_default=True,
    metavar="N|P%",
    help="Stop if a feed of --indicators matches more of the first 100,000 messages than this.",
)
@click.option(
    "--min-confidence",
    type=click.IntRange(0, 100),
    default=30,
    show_default=True,
    help="Ignore indicators with a lower confidence; those without one are used.",
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Use the indicators that are valid on this day.  [default: today, in UTC]",
)
@click.option(
    "--region",
    metavar="CC",
    help="Country (ISO 3166) of phone numbers without a country code.",
)
@click.option(
    "--tier",
    default="auto",
    show_default=True,
    help="full reads every message completely. auto clears clearly honest messages early if the "
    "bundle has proof that this is safe.",
)
@THREADS
@RUNTIME
@WORKERS
@click.option(
    "--engine",
    type=click.Choice(["local", "ray", "spark"]),
    default="local",
    show_default=True,
    help="Distribute Parquet over a Ray or Spark cluster, into a folder of Parquet parts.",
)
@RESUME
@WORK_FOLDER
@click.option(
    "--part-rows",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="Records per part. A killed job loses at most one part.",
)
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File for records of standard input that cannot be read.  [default: stop at the first]",
)
@click.option(
    "--max-rejects",
    metavar="N|P%",
    help="Stop if more records than this cannot be read.  [default: never]",
)
@click.option("--fail-on-flagged", is_flag=True, help="Exit with 10 if a message was flagged.")
@QUIET
@LOG_JSON
@click.pass_context
def score(
    context: click.Context,
    /,
    source: str,
    output: str | None,
    rejects: Path | None,
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
    """Score a file, folder or stream of messages.

    SOURCE is a file, a folder or a glob in quotes ('dumps/2024-*.csv.gz'), local or as a URL
    (s3://bucket/dumps). Formats: CSV, TSV, JSONL, JSON (an array of objects), Parquet, text with
    one message per line, chat exports (.txt of WhatsApp, result.json of Telegram Desktop) and mail
    (.mbox, .eml). All but Parquet may be compressed (.csv.gz, .jsonl.zst).

    All rows, columns and their order are kept, and scamdetect_* columns are appended. Empty
    messages are kept as `unscored`. Quoted text in e-mail is ignored. Records that cannot be read
    are written to <destination>.rejected.jsonl. The files of a folder or glob become one Parquet
    file with the column scamdetect_file.

    With - as SOURCE, CSV, TSV, JSONL or text is read from standard input and the scored rows are
    written to standard output in the same format; text becomes JSONL. This cannot be resumed.

    Finished parts are kept in <destination>.parts until the job is done. Ctrl-C stops after the
    current part, a second one immediately; --resume continues. Exit codes: 0 done, 2 wrong use or
    bad input, 3 interrupted and resumable, 4 failed, 10 with --fail-on-flagged.
    """
    kept = None if columns is None else _names(columns)
    silent = quiet or log_json
    if source == "-":
        _check_stream(context, asked["source_format"])
    elif rejects is not None:
        raise click.UsageError(
            "--rejects is for standard input; other jobs write <destination>.rejected.jsonl"
        )
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
            show=not silent and is_terminal(err=True),
        )
        _end(summary, quiet, log_json, fail_on_flagged)
        return
    allow_list = None
    if allowing is not None:
        from scamdetect.dumps.allow_list import AllowList

        allow_list = AllowList.load(allowing)
    listed = None
    if feeds:
        from scamdetect.cli.console import progress, say_feeds

        with progress(silent, "reading the feeds"):
            from scamdetect.share.feeds import read_feeds

            listed, reports = read_feeds(
                feeds,
                as_of=None if as_of is None else as_of.date(),
                least_confidence=min_confidence,
                region=region,
            )
        say_feeds(reports, quiet, log_json)
    from scamdetect.cli.console import log_part, progress_bar
    from scamdetect.cli.interrupts import stop_on_interrupt

    # Rows on a terminal and a bar would overwrite each other.
    drawn = not silent and not (source == "-" and is_terminal())
    with progress_bar(not drawn) as show, stop_on_interrupt() as stop:
        from scamdetect.detector import ScamDetector

        with ScamDetector.load(
            model,
            runtime=runtime,  # type: ignore[arg-type]
            threads=threads,
            workers=workers,
            tier=tier,  # type: ignore[arg-type]
        ) as detector:
            asked |= {
                "detector": detector.with_thresholds(**thresholds),
                "columns": kept,
                "allow_list": allow_list,
                "listed": listed,
                "watch": log_part if log_json else show,
                "inputs": [
                    detector.bundle.folder, *([] if allowing is None else [allowing]), *feeds
                ],
            }  # fmt: skip
            if source == "-":
                summary = _stream(rejects, **asked)
            else:
                from scamdetect.dumps import score_file

                summary = score_file(source, output, stop=stop, **asked)
    _end(summary, quiet, log_json, fail_on_flagged, followed_by_report=source != "-")


def _check_stream(context: click.Context, source_format: str | None) -> None:
    """Raise UsageError on an option that standard input does not have, or without --format."""
    if source_format is None:
        raise click.UsageError("give --format csv, tsv, jsonl or text with standard input")
    for option in _given(context):
        if option in _OF_FILES:
            raise click.UsageError(
                f"{option} is for files; - reads standard input and writes standard output"
            )


def _stream(rejects: Path | None, **asked: Any) -> Summary:  # noqa: ANN401
    from scamdetect.dumps.stream import score_stream

    for name in ("work_folder", "part_rows", "resume"):
        del asked[name]
    return score_stream(input_bytes(), cast(IO[bytes], OutputBytes()), rejects=rejects, **asked)


def _names(columns: str) -> list[str]:
    try:
        return next(csv.reader([columns]), [])
    except csv.Error as problem:
        raise InputError(
            "--columns: put a name that has a comma, a quote or a line break in quotes"
        ) from problem


def _given(context: click.Context) -> list[str]:
    """Return the long names of the options that are on the command line."""
    return [
        max(option.opts, key=len)
        for option in context.command.params
        if isinstance(option, click.Option)
        and context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    ]


def _end(
    summary: Summary,
    quiet: bool,
    log_json: bool,
    fail_on_flagged: bool,
    *,
    followed_by_report: bool = False,
) -> None:
    from scamdetect.cli.console import log_summary, say_next, say_summary

    if log_json:
        log_summary(summary)
    elif not quiet:
        say_summary(summary)
        if followed_by_report and isinstance(summary.destination, Path):  # which is no URL
            say_next("report", summary.destination)
    if fail_on_flagged and summary.flagged:
        raise click.exceptions.Exit(FLAGGED)
