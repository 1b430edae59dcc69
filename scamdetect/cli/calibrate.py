"""The command that moves the thresholds of a bundle to a team's own messages."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from scamdetect.cli.streams import say

_BUDGET = {"reviews_per_day", "messages_per_day"}
_EITHER = {"bundle", "dump", "output"} | _BUDGET


@click.command(
    epilog="Example: scamdetect calibrate models/scamdetect-small --data own.csv --text-column "
    "body --label-column label --label-map map.toml --fpr 0.01 -o own-bundle"
)
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.argument("dump", type=click.Path(path_type=Path), required=False)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Labelled messages: CSV, TSV, JSONL, JSON or Parquet.",
)
@click.option(
    "--reviews-per-day",
    type=int,
    help="Instead of --data: set review so that so many messages a day, flagged ones included, "
    "reach it.",
)
@click.option("--messages-per-day", type=int, help="Messages that you get a day.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR",
              help="Folder of the new bundle; it must not be there.")  # fmt: skip
@click.option("--fpr", type=float, help="False-positive rate to flag at, for --data.")
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
@click.pass_context
def calibrate(
    context: click.Context,
    bundle: Path | None,
    dump: Path | None,
    data: Path | None,
    reviews_per_day: int | None,
    messages_per_day: int | None,
    output: Path,
    fpr: float | None,
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
    """Copy BUNDLE with thresholds that suit your own messages.

    With --data, labelled messages set the flag and the review threshold. Half of the messages
    choose the thresholds and the other half measures them; copies count once. Weights do not
    change, nor do scores without --refit-probabilities. It refuses where the honest messages are
    too few for the rate, and says how many it needs.

    With --reviews-per-day and --messages-per-day, the scores in DUMP, all messages of some time as
    `scamdetect score` wrote them, set the review threshold. No labels are needed. Without BUNDLE it
    is the shipped one.
    """
    if reviews_per_day is not None or messages_per_day is not None:
        _by_budget(context, bundle, dump, output, reviews_per_day, messages_per_day)
        return
    if dump is not None:
        raise click.UsageError("DUMP is for --reviews-per-day; give labelled messages with --data")
    if bundle is None or data is None or fpr is None:
        raise click.UsageError(
            "give BUNDLE, --data and --fpr, or --reviews-per-day, --messages-per-day and DUMP"
        )
    from scamdetect.adapt.recalibrate import recalibrate
    from scamdetect.adapt.recalibrated_lines import recalibrated_lines

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


def _by_budget(
    context: click.Context,
    bundle: Path | None,
    dump: Path | None,
    output: Path,
    reviews_per_day: int | None,
    messages_per_day: int | None,
) -> None:
    from scamdetect.adapt.traffic import budget_lines, set_by_budget

    if reviews_per_day is None or messages_per_day is None:
        raise click.UsageError("--reviews-per-day and --messages-per-day belong together")
    if dump is None:  # one argument is the dump
        bundle, dump = None, bundle
    if dump is None:
        raise click.UsageError("give DUMP, which `scamdetect score` wrote")
    for option in context.command.params:
        name = option.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in _EITHER:
            raise click.UsageError(
                f"{max(option.opts, key=len)} is for labelled messages (--data), not for "
                "--reviews-per-day"
            )
    result = set_by_budget(
        bundle,
        dump,
        output,
        reviews_per_day=reviews_per_day,
        messages_per_day=messages_per_day,
    )
    say(*budget_lines(result))
    say(f"written to {output}", err=True)
