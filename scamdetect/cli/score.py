"""The command that scores a file, a folder or a stream of messages."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
    SPREADSHEET_SAFE,
    THREADS,
    WORK_FOLDER,
    command,
    output_option,
    with_thresholds,
)
from scamdetect.cli.streams import OutputBytes, input_bytes, is_terminal, say, say_json
from scamdetect.dumps.formats import Format

if TYPE_CHECKING:
    from scamdetect.dumps.decide import Listed
    from scamdetect.dumps.summary import Progress, Summary

FLAGGED = 10  # the exit code with --fail-on-flagged if a message was flagged
_OF_FILES = ("output", "work_folder", "part_rows", "resume")


def _columns(context: click.Context, option: click.Parameter, text: str | None) -> list[str] | None:
    try:
        return None if text is None else next(csv.reader([text], strict=True), [])
    except csv.Error:
        raise click.BadParameter("put a name that has a comma or a quote in quotes") from None


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
    callback=_columns,
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
    allowing: Path | None,
    feeds: tuple[Path, ...],
    min_confidence: int,
    as_of: datetime.datetime | None,
    region: str | None,
    model: Path | None,
    thresholds: dict[str, Any],
    threads: int | None,
    tier: str,
    fail_on_flagged: bool,
    quiet: bool,
    log_json: bool,
    **options: Any,  # noqa: ANN401 - those of ScoreOptions
) -> None:
    """Score a file, folder or stream of messages.

    SOURCE is a file, a folder or a glob in quotes ('dumps/2024-*.csv.gz'), local or as a URL
    (s3://bucket/dumps). Formats: CSV, TSV, JSONL, JSON (an array of objects), Parquet, text with
    one message per line, chat exports (.txt of WhatsApp, result.json of Telegram Desktop) and mail
    (.mbox, .eml). All but Parquet may be compressed (.csv.gz, .jsonl.zst, .zip).

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
    if source == "-":
        _check_stream(context, options["source_format"])
    elif rejects is not None:
        raise click.UsageError(
            "--rejects is for standard input; other jobs write <destination>.rejected.jsonl"
        )
    from scamdetect.cli.interrupts import stop_on_interrupt
    from scamdetect.dumps.score import ScoreOptions, score_file

    if allowing is not None:
        from scamdetect.dumps.decide import AllowList

        options["allow_list"] = AllowList.load(allowing)
    if feeds:
        day = None if as_of is None else as_of.date()
        options["listed"] = _listed(feeds, day, min_confidence, region, quiet, log_json)
    # Rows on a terminal and a bar would overwrite each other.
    hidden = quiet or log_json or (source == "-" and is_terminal())
    with _progress(hidden) as show, stop_on_interrupt() as stop:
        from scamdetect.detector import ScamDetector

        loaded = ScamDetector.load(model, threads=threads, tier=tier)  # type: ignore[arg-type]
        options["inputs"] = [loaded.bundle.folder, *filter(None, [allowing]), *feeds]
        detector, report = loaded.with_thresholds(**thresholds), _log_part if log_json else show
        chosen = ScoreOptions(**options)
        if source == "-":
            from scamdetect.dumps.stream import score_stream

            summary = score_stream(
                input_bytes(),
                cast(IO[bytes], OutputBytes()),
                detector=detector,
                options=chosen,
                rejects=rejects,
                progress=report,
            )
        else:
            summary = score_file(
                source, output, detector=detector, options=chosen, progress=report, stop=stop
            )
    if log_json:
        _log({"event": "done", **dataclasses.asdict(summary)})
    elif not quiet:
        say(*summary_lines(summary), err=True)
        if source != "-" and isinstance(summary.destination, Path):
            from scamdetect.cli.console import say_next

            say_next("report", summary.destination)
    if fail_on_flagged and summary.flagged:
        raise click.exceptions.Exit(FLAGGED)


def _check_stream(context: click.Context, source_format: str | None) -> None:
    """Raise UsageError on an option that standard input does not have, or without --format."""
    if source_format is None:
        raise click.UsageError("give --format csv, tsv, jsonl or text with standard input")
    for name in _OF_FILES:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"--{name.replace('_', '-')} is for files; - reads standard input and writes "
                "standard output"
            )


def _listed(
    feeds: tuple[Path, ...],
    day: datetime.date | None,
    min_confidence: int,
    region: str | None,
    quiet: bool,
    log_json: bool,
) -> Listed:
    """Read the feeds and print what is used of each."""
    from scamdetect.share.feeds import read_feeds

    listed, reports = read_feeds(feeds, as_of=day, least_confidence=min_confidence, region=region)
    for report in reports:
        if log_json:
            left_out = {reason: number for reason, (number, _) in report.reasons.items()}
            event = {"event": "feed", "feed": report.name, "taken": report.taken}
            _log(event | {"left_out": left_out})
        elif not quiet:
            say(*report.lines(), err=True)
    return listed


@contextmanager
def _progress(hidden: bool) -> Iterator[Callable[[Progress], None]]:
    """Give a function that shows how far the job is; before that the model is loading."""
    if hidden:
        yield lambda state: None
        return
    from scamdetect.cli.console import progress

    with progress(hidden, "loading the model") as show:
        yield lambda state: show(progress_line(state), state.share)


def progress_line(state: Progress) -> str:
    """Return the rows done, the rate, the flagged rows and the time left."""
    left = "" if state.seconds_left is None else f", {_clock(state.seconds_left)} left"
    flagged = state.counts["decision:flag"]
    return f"{state.counts['rows']:,} rows, {state.rate:,.0f}/s, {flagged:,} flagged{left}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def _log(event: Mapping[str, object]) -> None:
    say_json(json.dumps(event, default=str), err=True)


def _log_part(state: Progress) -> None:
    """Write one JSON line to standard error for each finished part."""
    if state.part_ended:
        decisions = ("flag", "review", "pass", "unscored")
        left = state.seconds_left
        _log(
            {
                "event": "part",
                "part": state.parts,
                "rows": state.counts["rows"],
                **{name: state.counts[f"decision:{name}"] for name in decisions},
                "rejected": state.counts["rejected"],
                "resumed_records": state.resumed,
                "share": round(state.share, 6),
                "records_per_second": round(state.rate, 1),
                "seconds": round(state.seconds, 3),
                "seconds_left": None if left is None else round(left, 1),
            }
        )


def summary_lines(summary: Summary) -> list[str]:
    """Return the summary of a scored dump."""
    before = f", {summary.resumed:,} of them in earlier runs" if summary.resumed else ""
    lines = [
        *summary.notes,
        f"{summary.rows:,} rows in {summary.seconds:.1f} s with {summary.model_id}{before}",
        f"flagged {summary.flagged:,}, review {summary.review:,}, passed {summary.passed:,}, "
        f"unscored {summary.unscored:,}, rejected {summary.rejected:,}",
    ]
    if summary.rows:
        lines.append(f"flagged {summary.flagged / summary.rows:.2%} of the rows")
    if summary.preset is not None:
        from scamdetect.calibration.presets import preset_words

        lines.append(preset_words(summary.preset))
    if summary.verdicts:
        lines.append(f"verdicts: {_counts(summary.verdicts)}")
    if summary.cleared:
        share = summary.cleared / summary.rows
        lines.append(f"cleared early, not read in full: {summary.cleared:,} of them ({share:.0%})")
    if summary.allowed:
        lines.append(f"the allow-list passed {summary.allowed:,} that would be flagged or reviewed")
    if summary.listed:
        lines.append(
            f"{summary.listed:,} have a listed indicator, {summary.held:,} of them are in review "
            f"only because of it: {_counts(summary.listed_by_feed)}"
        )
    if summary.flagged:
        kinds = _counts(summary.flagged_by_kind) or "none over its threshold"
        lines.append(f"flagged by kind: {kinds}")
        lines.append(f"flagged by language: {_counts(summary.flagged_by_language)}")
    rows = "" if summary.written == summary.rows else f"{summary.written:,} rows "
    lines.append(f"{rows}written to {summary.destination}")
    if summary.damaged:
        lines.append(f"{summary.damaged:,} rows have U+FFFD for bytes that cannot be decoded")
    if summary.rejects is not None:
        lines.append(f"rejected records and such bytes are in {summary.rejects}")
    return lines


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items())
