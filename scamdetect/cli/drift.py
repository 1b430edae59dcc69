"""The command that compares a scored dump with an earlier one."""

from __future__ import annotations

from pathlib import Path

import click

from scamdetect.cli.streams import say
from scamdetect.system.files import access_of

FAILED_ON = 10  # the exit code where the level of --fail-on was reached


@click.command(epilog="Example: scamdetect drift march.parquet april.parquet -o drift-april")
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("current", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for drift.json and drift.html.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier drift in DIR.")
@click.option("--text-column", help="Column of the messages.  [default: text, if both have it]")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=5_000,
    show_default=True,
    help="Messages that are looked up among as many of the reference.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the samples."
)
@click.option(
    "--fail-on",
    type=click.Choice(["watch", "alert"]),
    help="Exit with 10 from this level on.",
)
def drift(
    reference: Path,
    current: Path,
    output: Path | None,
    overwrite: bool,
    text_column: str | None,
    sample: int,
    seed: int,
    fail_on: str | None,
) -> None:
    """Say how the dump CURRENT differs from REFERENCE; `scamdetect score` has scored both.

    It compares scores, decisions, languages, kinds, text lengths, the share of unscored messages
    and that of messages unlike all of the reference, and gives each a level: none, watch, alert.
    Dumps that different models scored are an alert.
    """
    from scamdetect.adapt.drift import measure_drift
    from scamdetect.adapt.drift_lines import drift_lines

    if output is not None:
        from scamdetect.adapt.drift_page import check_drift, write_drift  # first: it needs an extra

        check_drift(output, [reference, current], overwrite=overwrite)
    found = measure_drift(reference, current, text_column=text_column, sample=sample, seed=seed)
    say(*drift_lines(found))
    if output is not None:
        page = write_drift(found, output, access_of([reference, current]))
        say(f"written to {page}", err=True)
    if fail_on is not None and found.level.value in (fail_on, "alert"):
        raise click.exceptions.Exit(FAILED_ON)
