"""The command that moves the thresholds of a bundle to a team's own labelled messages."""

from __future__ import annotations

from pathlib import Path

import click

from scamdetect.cli_streams import say


@click.command(
    epilog="Example: scamdetect calibrate models/scamdetect-small --data own.csv --text-column "
    "body --label-column label --label-map map.toml --fpr 0.01 -o own-bundle"
)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="Labelled messages: CSV, TSV, JSONL, JSON or Parquet.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR",
              help="Folder of the new bundle; it must not be there.")  # fmt: skip
@click.option("--fpr", type=float, required=True, help="False-positive rate to flag at.")
@click.option(
    "--review-fpr",
    type=float,
    help="False-positive rate to review at.  [default: 0.03, or --fpr where that is higher]",
)
@click.option("--text-column", default="text", show_default=True)
@click.option("--label-column", default="label", show_default=True)
@click.option(
    "--label-map",
    type=click.Path(path_type=Path),
    help='TOML with a line for each label, such as "fraud" = "scam"; to legit, spam, scam or '
    "ignore.",
)
@click.option(
    "--group-column",
    help="Column such as the sender: messages of one value count as one, as near-duplicates do.",
)
@click.option(
    "--refit-probabilities",
    is_flag=True,
    help="Fit the scam probabilities too; kept where the other half shows that they are better.",
)
@click.option(
    "--base-rate",
    type=float,
    help="Share of scams in your traffic, for --refit-probabilities.  [default: as in the rows]",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the two halves."
)
@click.option("--threads", type=int, help="Threads of the runtime.  [default: all cores]")
def calibrate(
    bundle: Path,
    data: Path,
    output: Path,
    fpr: float,
    review_fpr: float | None,
    text_column: str,
    label_column: str,
    label_map: Path | None,
    group_column: str | None,
    refit_probabilities: bool,
    base_rate: float | None,
    seed: int,
    threads: int | None,
) -> None:
    """Copy BUNDLE with thresholds that suit your own labelled messages.

    Half of the messages choose the thresholds and the other half measures them; copies count once.
    Weights do not change, nor do scores without --refit-probabilities. It refuses where the honest
    messages are too few for the rate, and says how many it needs.
    """
    from scamdetect.recalibration.lines import recalibrated_lines
    from scamdetect.recalibration.recalibrate import recalibrate

    result = recalibrate(
        bundle,
        data,
        output,
        fpr=fpr,
        review_fpr=review_fpr,
        text_column=text_column,
        label_column=label_column,
        group_column=group_column,
        label_map=label_map,
        refit_probabilities=refit_probabilities,
        base_rate=base_rate,
        seed=seed,
        threads=threads,
    )
    say(*recalibrated_lines(result))
    say(f"written to {output}", err=True)
