"""The command that copies a bundle with thresholds for a team's own messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scamdetect.cli.options import (
    LABEL_COLUMN,
    LABEL_MAP,
    PATH,
    SEED,
    TEXT_COLUMN,
    THREADS,
    command,
    option,
)
from scamdetect.cli.streams import progress, say, say_next


@command(
    epilog="Example: scamdetect calibrate models/scamdetect-small --data own.csv --text-column "
    "body --label-column label --label-map map.toml --fpr 0.01 -o own-bundle"
)
@click.argument("bundle", type=PATH, required=False)
@click.argument("dump", type=PATH, required=False)
@option("--data FILE", "Labelled messages: CSV, TSV, JSONL, JSON or Parquet.")
@option("--reviews-per-day", "Instead of --data: messages a day for review or flagged.", type=int)
@option("--messages-per-day", "Number of messages that you get per day.", type=int)
@option("-o --output DIR", "Folder of the new bundle; it must not exist.", required=True)
@option("--fpr P", "False-positive rate of the flag threshold, for --data.", type=float)
@option(
    "--review-fpr P",
    "False-positive rate of the review threshold.  [default: 0.03, or --fpr if higher]",
    type=float,
)
@TEXT_COLUMN
@LABEL_COLUMN
@LABEL_MAP
@option("--group-column COLUMN", "Column such as the sender; its messages count as one.")
@option("--refit-probabilities", "Fit the scam probabilities too, if that improves the other half.")
@option(
    "--base-rate P",
    "Share of scams in your traffic, for --refit-probabilities.  [default: as in the data]",
    type=float,
)
@SEED
@THREADS
def calibrate(
    bundle: Path | None,
    dump: Path | None,
    data: Path | None,
    reviews_per_day: int | None,
    messages_per_day: int | None,
    output: Path,
    fpr: float | None,
    **options: Any,  # noqa: ANN401 - what recalibrate takes
) -> None:
    """Copy a bundle with thresholds for your own messages.

    With --data, labelled messages set the flag and the review threshold. One half of the messages
    sets the thresholds and the other half measures them; duplicates count once. The weights do not
    change, and scores change only with --refit-probabilities. With too few honest messages for the
    rate it stops and reports how many are needed.

    With --reviews-per-day and --messages-per-day, DUMP sets the review threshold: a file of
    `scamdetect score` with all messages of a period. No labels are needed. BUNDLE defaults to the
    shipped bundle.
    """
    if reviews_per_day is None and messages_per_day is None:
        if dump is not None or data is None or fpr is None:
            raise click.UsageError(
                "give --data and --fpr, or --reviews-per-day, --messages-per-day and DUMP"
            )
        from scamdetect.adapt.lines import recalibrated_lines
        from scamdetect.adapt.recalibrate import recalibrate

        with progress(False, "calibrating"):
            result = recalibrate(bundle, data, output, fpr=fpr, **options)
        say(*recalibrated_lines(result))
    else:
        if dump is None:  # a single argument is the dump
            bundle, dump = None, bundle
        if reviews_per_day is None or messages_per_day is None or dump is None:
            raise click.UsageError("give --reviews-per-day, --messages-per-day and DUMP together")
        if data is not None or fpr is not None:
            raise click.UsageError("--data and --fpr are for labelled messages, without a budget")
        from scamdetect.adapt.notes import budget_lines
        from scamdetect.adapt.traffic import set_by_budget

        budget = {"reviews_per_day": reviews_per_day, "messages_per_day": messages_per_day}
        say(*budget_lines(set_by_budget(bundle, dump, output, **budget)))
    say(f"written to {output}", err=True)
    say_next("model", "check", "--model", output)
