"""The commands that share indicators with others."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from scamdetect.cli.options import (
    LOG_JSON,
    OVERWRITE_FILE,
    QUIET,
    WORK_FOLDER,
    Group,
    option,
)
from scamdetect.cli.streams import progress, say, say_json, say_next


@click.group(cls=Group)
def share() -> None:
    """Share indicators such as domains, links and wallets.

    Nothing is shared before a person has reviewed it. Indicators of others come in with
    `scamdetect score --indicators FEED`.
    """


@share.command(
    epilog="Example: scamdetect share propose april.parquet -o review.csv --sender-column sender "
    "--time-column sent_at"
)
@click.argument("scored", type=click.Path(path_type=Path), nargs=-1, required=True)
@option("-o --output FILE", "CSV file to review; its data go next to it.", required=True)
@click.option("--sender-column", metavar="COLUMN", help="Column with the sender, to count.")
@click.option("--time-column", metavar="COLUMN", help="Column with the time, for the days.")
@click.option("--recipient-column", metavar="COLUMN", help="Column with the recipient, to exclude.")
@click.option(
    "--types",
    multiple=True,
    metavar="TYPE",
    help="Type to look for. Repeatable: domain, link, wallet, phone, email, handle, iban. The last "
    "four identify people and are marked TLP:AMBER.  [default: domain, link, wallet]",
)
@click.option("--region", metavar="CC", help="Country of local phone numbers, such as GB.")
@click.option(
    "--campaigns",
    type=click.Path(path_type=Path),
    metavar="MEMBERS",
    help="Members file that `scamdetect campaigns` wrote for SCORED.  [default: messages with the "
    "same template are one campaign]",
)
@WORK_FOLDER
@OVERWRITE_FILE
@QUIET
@LOG_JSON
def propose(
    scored: tuple[Path, ...],
    output: str,
    types: tuple[str, ...],
    work_folder: Path | None,
    overwrite: bool,
    quiet: bool,
    log_json: bool,
    **columns: Any,  # noqa: ANN401 - fields of ProposeOptions
) -> None:
    """Propose indicators for review in a CSV file.

    SCORED are files, or folders of parts, with all rows. An indicator is proposed if at least 80 %
    of the messages that contain it are flagged, from at least 3 senders. Indicators of honest
    organisations and of recipients are left out. To publish a row, write yes in the column publish,
    and fill in the reviewer and the date. Keep the .parquet of the same name next to the file.
    """
    with progress(quiet or log_json, "reading") as show:
        from scamdetect.scored.database import OutputOptions
        from scamdetect.share.propose import ProposeOptions
        from scamdetect.share.propose import propose as write

        settings = OutputOptions(
            overwrite, work_folder=work_folder, progress=lambda done: show(f"{done:,} rows", None)
        )
        summary = write(scored, output, ProposeOptions(types=types or None, **columns), settings)
    if log_json:
        say_json(json.dumps({"event": "done"} | asdict(summary), default=str), err=True)
    elif not quiet:
        types_shown = ", ".join(f"{name} {count:,}" for name, count in summary.proposed.items())
        say(
            f"{sum(summary.proposed.values()):,} indicators proposed of {summary.rows:,} rows"
            f"{types_shown and f': {types_shown}'}",
            *(f"left out {count:,}: {reason}" for reason, count in summary.left_out.items()),
            f"to publish a row of {summary.destination}, write yes in the column publish, and fill "
            "in the reviewer and the date",
            err=True,
        )
        say_next("share", "export", output, "-o", "ours.csv", "--organisation", "Our Bank")


@share.command(
    epilog="Example: scamdetect share export review.csv -o ours.csv --organisation 'Our Bank'"
)
@click.argument("review", type=click.Path(path_type=Path))
@option("-o --output FILE", "File to write.", required=True)
@click.option(
    "--organisation",
    required=True,
    metavar="NAME",
    help="Your name as the publisher. Use the same one every time: the ids depend on it.",
)
@click.option(
    "--format",
    "export_format",
    type=click.Choice(["csv", "jsonl", "misp", "stix"]),
    help="Format of the file to write.  [default: by its extension, .csv or .jsonl]",
)
@click.option("--revoke", is_flag=True, help="Withdraw the indicators that you shared earlier.")
@OVERWRITE_FILE
def export(review: Path, output: Path, **options: Any) -> None:  # noqa: ANN401
    """Export reviewed indicators as CSV, JSONL, MISP or STIX.

    REVIEW is a file of `scamdetect share propose`. Only rows with yes in the column publish, a
    reviewer and a date are exported. Types that the format does not have are counted as left out.
    With --revoke the same objects are marked as withdrawn: revoked in STIX, deleted in MISP.
    """
    from scamdetect.share.export import ExportOptions, write_export

    summary = write_export(review, output, ExportOptions(**options))
    types = ", ".join(f"{name} {count:,}" for name, count in summary.exported.items())
    say(
        f"{sum(summary.exported.values()):,} indicators written to {summary.destination}: {types}",
        *(f"left out {count:,}: {reason}" for reason, count in summary.left_out.items()),
        err=True,
    )
