"""The command that scores a file, a folder or a stream of messages."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import click
from click.core import ParameterSource

from scamdetect.calibration.presets import preset_words
from scamdetect.cli.options import (
    LOG_JSON,
    MODEL,
    OVERWRITE,
    QUIET,
    SPREADSHEET_SAFE,
    TEXT_COLUMN,
    THREADS,
    WORK_FOLDER,
    command,
    option,
    with_thresholds,
)
from scamdetect.cli.streams import (
    OutputBytes,
    input_bytes,
    is_terminal,
    progress,
    say_event,
    say_next,
    stop_on_interrupt,
)
from scamdetect.dumps.formats import Format

if TYPE_CHECKING:
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
@option(
    "-o --output FILE",
    "File to write, in the format of its extension.  [default: <stem>.scored.<extension>]",
    type=click.Path(),
)
@option(
    "--format source_format",
    "Format of SOURCE.  [default: by the extension; chat exports by their content]",
    type=click.Choice([*(kind.value for kind in Format), "text"]),
)
@TEXT_COLUMN
@option("--encoding NAME", "Encoding of a text source.  [default: detected]")
@option("--delimiter CHAR", "Delimiter of CSV and TSV: , ; | or tab.  [default: detected]")
@option(
    "--columns A,B",
    "Write only these columns of SOURCE, in this order. Quote a name that has a comma.",
    callback=_columns,
)
@option("--only-flagged", "Write only the flagged rows.")
@SPREADSHEET_SAFE
@option("--overwrite-columns", "Replace existing scamdetect_* columns.")
@OVERWRITE
@MODEL
@with_thresholds
@option("--allow-list FILE", "Pass messages of these senders and templates (CSV, JSONL or text).")
@option("--sender-column COLUMN", "Column with the sender, for --allow-list.")
@option(
    "--indicators feeds FILE",
    "Review messages with an indicator of this feed (CSV, JSONL, text, MISP, STIX). Repeatable.",
    multiple=True,
)
@option("--max-listed N|P%", "Stop if a feed matches more of the first 100,000 messages.", "1%")
@option(
    "--min-confidence",
    "Ignore indicators with a lower confidence; those without one are used.",
    30,
    type=click.IntRange(0, 100),
)
@option("--region CC", "Country (ISO 3166) of phone numbers without a country code.")
@option("--tier TIER", "full reads every message; auto clears clearly honest ones early.", "auto")
@THREADS
@option("--resume", "Resume an interrupted run of the same command.")
@WORK_FOLDER
@option("--part-rows N", "Records per part. A killed job loses at most one part.", 20_000)
@option("--rejects FILE", "With -: file for records that cannot be read.  [default: stop at one]")
@option("--max-rejects N|P%", "Stop if more records cannot be read.  [default: never]")
@option("--fail-on-flagged", "Exit with 10 if a message was flagged.")
@QUIET
@LOG_JSON
@click.pass_context
def score(
    context: click.Context,
    /,
    source: str,
    output: str | None,
    rejects: Path | None,
    allow_list: Path | None,
    feeds: tuple[Path, ...],
    min_confidence: int,
    region: str | None,
    model: Path | None,
    thresholds: dict[str, Any],
    threads: int | None,
    tier: Any,  # noqa: ANN401 - what load checks
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

    All rows, columns and their order are kept, and scamdetect_* columns are appended. Nested text
    is named with dots (--text-column message.body). Empty messages are kept as `unscored`. Quoted
    text in e-mail is ignored. Records that cannot be read are written to
    <destination>.rejected.jsonl. JSON, chats, mail, folders and globs become one Parquet file.

    With - as SOURCE, CSV, TSV, JSONL or text (--format) is read from standard input and the scored
    rows are written to standard output in the same format; text becomes JSONL. This cannot be
    resumed.

    Finished parts are kept in <destination>.parts until the job is done. Ctrl-C stops after the
    current part, a second one immediately; --resume continues. Exit codes: 0 done, 2 wrong use or
    bad input, 3 interrupted and resumable, 4 failed, 10 with --fail-on-flagged.
    """
    if source == "-":
        _check_stream(context, options["source_format"])
    elif rejects is not None:
        message = "--rejects is for standard input; other jobs write <destination>.rejected.jsonl"
        raise click.UsageError(message)
    from scamdetect.dumps.score import ScoreOptions, score_file

    if allow_list is not None:
        from scamdetect.dumps.decide import AllowList

        options["allow_list"] = AllowList.load(allow_list)
    if feeds:
        from scamdetect.share.feeds import read_feeds

        options["listed"], reports = read_feeds(
            feeds, least_confidence=min_confidence, region=region
        )
        for report in reports:
            left_out = {reason: number for reason, (number, _) in report.reasons.items()}
            event = {"event": "feed", "feed": report.name, "taken": report.taken}
            event |= {"left_out": left_out}
            say_event(event, report.lines(), quiet=quiet, log_json=log_json)
    # Rows on a terminal and a bar would overwrite each other.
    hidden = quiet or log_json or (source == "-" and is_terminal())
    with progress(hidden, "loading the model") as show, stop_on_interrupt() as stop:
        from scamdetect.detector import ScamDetector

        def watch(state: Progress) -> None:
            if not log_json:
                show(progress_line(state), state.share)
            elif state.part_ended:
                say_event(_part_event(state), (), quiet=quiet, log_json=True)

        detector = ScamDetector.load(model, threads=threads, tier=tier)
        options["inputs"] = [detector.bundle.folder, *filter(None, [allow_list]), *feeds]
        settings: dict[str, Any] = {
            "detector": detector.with_thresholds(**thresholds),
            "options": ScoreOptions(**options),
            "progress": watch,
        }
        if source == "-":
            from scamdetect.dumps.stream import score_stream

            scored = cast(IO[bytes], OutputBytes())
            summary = score_stream(input_bytes(), scored, rejects=rejects, **settings)
        else:
            summary = score_file(source, output, stop=stop, **settings)
    done = {"event": "done", **asdict(summary)}
    say_event(done, summary_lines(summary), quiet=quiet, log_json=log_json)
    if source != "-" and isinstance(summary.destination, Path) and not (quiet or log_json):
        say_next("report", summary.destination)
    if fail_on_flagged and summary.flagged:
        raise click.exceptions.Exit(FLAGGED)


def _check_stream(context: click.Context, source_format: str | None) -> None:
    """Raise UsageError on an option that standard input does not have, or without --format."""
    if source_format is None:
        raise click.UsageError("give --format csv, tsv, jsonl or text with standard input")
    for name in _OF_FILES:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} is for files; - writes to standard output")


def progress_line(state: Progress) -> str:
    """Return the rows done, the rate, the flagged rows and the time left."""
    seconds = state.seconds_left
    left = "" if seconds is None else f", {timedelta(seconds=int(seconds))} left"
    flagged = state.counts["decision:flag"]
    return f"{state.counts['rows']:,} rows, {state.rate:,.0f}/s, {flagged:,} flagged{left}"


def _part_event(state: Progress) -> dict[str, object]:
    """Return the JSON line of a finished part."""
    left = state.seconds_left
    decisions = ("flag", "review", "pass", "unscored")
    return {
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


def summary_lines(s: Summary) -> list[str]:
    """Return the summary of a scored dump."""
    earlier = f", {s.resumed:,} of them in earlier runs" if s.resumed else ""
    rows, part = max(s.rows, 1), "" if s.written == s.rows else f"{s.written:,} rows "
    kinds = _counts(s.flagged_by_kind) or "none over its threshold"
    lines = [
        (True, f"{s.rows:,} rows in {s.seconds:.1f} s with {s.model_id}{earlier}"),
        (
            True,
            f"flagged {s.flagged:,}, review {s.review:,}, passed {s.passed:,}, "
            f"unscored {s.unscored:,}, rejected {s.rejected:,}",
        ),
        (s.rows, f"flagged {s.flagged / rows:.2%} of the rows"),
        (s.preset, s.preset and preset_words(s.preset)),
        (s.verdicts, f"verdicts: {_counts(s.verdicts)}"),
        (
            s.cleared,
            f"cleared early, not read in full: {s.cleared:,} of them ({s.cleared / rows:.0%})",
        ),
        (s.allowed, f"the allow-list passed {s.allowed:,} that would be flagged or reviewed"),
        (
            s.listed,
            f"{s.listed:,} have a listed indicator, {s.held:,} of them are in review "
            f"only because of it: {_counts(s.listed_by_feed)}",
        ),
        (s.flagged, f"flagged by kind: {kinds}"),
        (s.flagged, f"flagged by language: {_counts(s.flagged_by_language)}"),
        (True, f"{part}written to {s.destination}"),
        (s.damaged, f"{s.damaged:,} rows have U+FFFD for bytes that cannot be decoded"),
        (s.rejects, f"rejected records and such bytes are in {s.rejects}"),
    ]
    return [*s.notes, *(str(line) for condition, line in lines if condition)]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items())
