"""The command that trains a bundle on with a team's own labelled messages."""

from __future__ import annotations

from pathlib import Path

import click

from scamdetect.cli.streams import say
from scamdetect.cli.train import extra

REFUSED = 5
_PATH = click.Path(path_type=Path)


@click.command(
    epilog="Example: scamdetect finetune --data own.csv --text-column body --label-column label "
    "--label-map map.toml --base models/scamdetect-small -o own-model"
)
@click.option("--data", type=_PATH, required=True,
              help="Labelled messages: any file that score reads.")  # fmt: skip
@click.option("-o", "--output", type=_PATH, required=True, metavar="DIR",
              help="Folder of the new bundle; DIR.run keeps the comparison.")  # fmt: skip
@click.option("--base", type=_PATH, help="Bundle to go on from.  [default: the shipped one]")
@click.option("--text-column", default="text", show_default=True)
@click.option("--label-column", default="label", show_default=True)
@click.option(
    "--label-map",
    type=_PATH,
    help='TOML with a line for each label, such as "fraud" = "scam"; to legit, spam, scam or '
    "ignore.",
)
@click.option(
    "--group-column",
    help="Column such as the sender: messages of one value stay together, as near-duplicates do.",
)
@click.option(
    "--kinds-column", help="Column with the kinds of a scam, parted by commas; without it own rows "
    "teach no kinds."
)  # fmt: skip
@click.option(
    "--rehearsal",
    type=_PATH,
    help="Corpus, or folder of authored messages, to rehearse.  [default: data/corpus.parquet, "
    "else data/authored of a checkout]",
)
@click.option("--epochs", type=float, default=3.0, show_default=True, help="Rounds over own rows.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Of parts, order and draws.",
)
@click.option("--even-if-worse", is_flag=True, help="Take the new bundle even if it got worse.")
@click.option("--overwrite", is_flag=True, help="Replace the bundle in DIR.")
def finetune(
    data: Path,
    output: Path,
    base: Path | None,
    text_column: str,
    label_column: str,
    label_map: Path | None,
    group_column: str | None,
    kinds_column: str | None,
    rehearsal: Path | None,
    epochs: float,
    seed: int,
    even_if_worse: bool,
    overwrite: bool,
) -> None:
    """Train a bundle on with your own labelled messages, and compare old and new.

    Three fifths of the messages train beside earlier ones, a fifth calibrates, a fifth compares. A
    bundle that got worse is not taken: it stays in DIR.run, and the exit code is 5. A run that was
    stopped goes on when the same command runs again.
    """
    with extra("train"):
        from scamdetect.train.finetune import finetune as train_on
    done = train_on(
        data,
        output,
        base=base,
        text_column=text_column,
        label_column=label_column,
        label_map=label_map,
        group_column=group_column,
        kinds_column=kinds_column,
        rehearsal=rehearsal,
        epochs=epochs,
        seed=seed,
        even_if_worse=even_if_worse,
        overwrite=overwrite,
        say=say,
    )
    if not done.taken:
        say(
            f"scamdetect: refused: {len(done.comparison.worse)} figures got worse (listed above "
            f"and in {done.run / 'comparison.md'}); {output} was not written, the new bundle is "
            f"{done.bundle}. To take it all the same, run this again with --even-if-worse",
            err=True,
        )
        raise click.exceptions.Exit(REFUSED)
    say(f"written to {output}; the comparison is in {done.run}", err=True)
