"""The command that writes a report on a scored file and compares it with an earlier one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from scamdetect.cli.options import EXISTING, MODEL, OVERWRITE_FILE, command, option
from scamdetect.cli.streams import progress, say, say_json, say_next

FAILED_ON = 10  # the exit code if the level of --fail-on was reached


@command(epilog="Example: scamdetect report april.parquet --before march.parquet -o april.html")
@click.argument("scored", type=EXISTING)
@option("-o --output FILE", "HTML file to write.  [default: <stem>.report.html]")
@option("--before FILE", "Earlier scored file, to show what has changed since then.")
@option(
    "--fail-on",
    "With --before: exit with 10 at this level of drift or above.",
    type=click.Choice(["watch", "alert"]),
)
@option("--json as_json", "With --before: print the drift as JSON.", is_flag=True)
@option("--text-column COLUMN", "Column with the messages.  [default: as in the job record]")
@option("--time-column COLUMN", "Column with the time of a message.  [default: by its name]")
@option("--key-column COLUMN", "Column with your own ids.  [default: by its name]")
@OVERWRITE_FILE
@MODEL
@option("--title TEXT", "Title of the page.")
@option("--samples/--no-samples", "Show masked messages, or none.", True)
def report(
    scored: Path,
    output: Path | None,
    before: Path | None,
    fail_on: str | None,
    as_json: bool,
    **options: Any,  # noqa: ANN401 - the fields of ReportOptions
) -> None:
    """Write an HTML report on a scored file.

    The page shows the decisions, how sure they are, the messages with the highest scores and the
    largest campaigns, masked, and days, kinds, languages and scores. It loads nothing from the
    network.

    With --before it also shows what changed, and each feature gets a level: none, watch or alert.
    Files scored with different models are an alert.
    """
    if before is None and (fail_on or as_json):
        raise click.UsageError("--fail-on and --json need --before")
    drift = None
    with progress(False, "writing the report"):
        from scamdetect.reports.drift import drift_lines, drift_record
        from scamdetect.reports.dump import ReportOptions, page_path, write_report

        page_path(scored, output, overwrite=options["overwrite"])  # fails early
        if before is not None:
            from scamdetect.adapt.drift import measure_drift

            drift = measure_drift(before, scored, text_column=options["text_column"])
        page = write_report(scored, output, options=ReportOptions(**options), drift=drift)
    if drift is not None and as_json:
        say_json(json.dumps(drift_record(drift)))
    elif drift is not None:
        say(*drift_lines(drift))
    say(f"written to {page}", err=True)
    say_next("review", "queue", scored)
    if drift is not None and fail_on is not None and drift.level.value in (fail_on, "alert"):
        raise click.exceptions.Exit(FAILED_ON)
