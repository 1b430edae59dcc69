"""The command that copies a bundle with thresholds for a team's own messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scamdetect.cli.options import LABEL_COLUMN, TEXT_COLUMN, THREADS, command, output_option
from scamdetect.cli.streams import say

_PATH = click.Path(path_type=Path)


@command(
    epilog="Example: scamdetect calibrate models/scamdetect-small --data own.csv --text-column "
    "body --label-column label --label-map map.toml --fpr 0.01 -o own-bundle"
)
@click.argument("bundle", type=_PATH, required=False)
@click.argument("dump", type=_PATH, required=False)
@click.option("--data", type=_PATH, help="Labelled messages: CSV, TSV, JSONL, JSON or Parquet.")
@click.option(
    "--reviews-per-day",
    type=int,
    help="Instead of --data: messages per day that reach the review threshold, flagged ones "
    "included.",
)
@click.option("--messages-per-day", type=int, help="Number of messages that you get per day.")
@output_option("Folder of the new bundle; it must not exist.", type=_PATH, required=True)
@click.option("--fpr", type=float, help="False-positive rate of the flag threshold, for --data.")
@click.option(
    "--review-fpr",
    type=float,
    help="False-positive rate of the review threshold.  [default: 0.03, or --fpr if it is higher]",
)
@TEXT_COLUMN
@LABEL_COLUMN
@click.option(
    "--label-map",
    type=_PATH,
    help='TOML that maps your labels to legit, spam, scam or ignore: "fraud" = "scam".',
)
@click.option("--group-column", help="Column such as the sender; its messages count as one.")
@click.option(
    "--refit-probabilities",
    is_flag=True,
    help="Fit the scam probabilities too, and keep the fit if the other half shows an improvement.",
)
@click.option(
    "--base-rate",
    type=float,
    help="Share of scams in your traffic, for --refit-probabilities.  [default: as in the data]",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Random seed of the halves.")
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
    from scamdetect.cli.console import progress, say_next

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
