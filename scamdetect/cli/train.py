"""The commands that make a bundle: train, export and fine-tune."""

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
    command,
    extra,
    output_option,
)
from scamdetect.cli.streams import say

WORSE = 5  # the exit code if the fine-tuned bundle is worse
_CORPUS = click.option(
    "--corpus",
    type=PATH,
    default="data/corpus.parquet",
    show_default=True,
    help="Training corpus.",
)


@command(epilog="Example: scamdetect train models/recipes/long.toml -o runs/long")
@click.argument("recipe", type=PATH)
@output_option("Folder of the run.", "out", type=PATH, required=True, metavar="DIR")
@_CORPUS
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Resume from the last checkpoint, or start again.",
)
def train(recipe: Path, out: Path, corpus: Path, resume: bool) -> None:
    """Train a model from a recipe.

    A recipe is a TOML file; see models/recipes.
    """
    from scamdetect.cli.console import say_next

    with extra("train"):
        from scamdetect.train.fit import train as fit
    fit(recipe, corpus, out, resume, say)
    say_next("export", out, "-o", "bundle")


@command(epilog="Example: scamdetect export runs/long-6 --version 0.4.0 -o bundle")
@click.argument("source", metavar="RUN_DIR|BUNDLE", type=PATH)
@output_option("Folder of the new bundle.", "out", type=PATH, required=True, metavar="DIR")
@_CORPUS
@click.option("--name", default="scamdetect-small", show_default=True, help="Name of the model.")
@click.option("--version", default="0.4.0", show_default=True, help="Version of the new bundle.")
@click.option("--words", "step", flag_value="words", help="Only fit the word model of BUNDLE.")
@click.option("--cascade", "step", flag_value="cascade", help="Only fit the cascade of BUNDLE.")
@click.option(
    "--conversations", "step", flag_value="conversations", help="Only fit its conversation rule."
)
def export(
    source: Path, out: Path, corpus: Path, name: str, version: str, step: str | None
) -> None:
    """Export a finished run as a calibrated, quantised bundle.

    With --words, --cascade or --conversations it copies a bundle and repeats only this step.
    """
    with extra("train"):
        from scamdetect.train.conversations import add_conversation_rule
        from scamdetect.train.recipe import WordsTable
        from scamdetect.train.release import add_cascade, add_words, release
    if step == "words":
        add_words(source, corpus, out, version, WordsTable(runs=300_000, strength=8.0), say)
    elif step == "cascade":
        add_cascade(source, corpus, out, version, say)
    elif step == "conversations":
        add_conversation_rule(source, corpus, out, version, say)
    else:
        release(source, corpus, out, name, version, say)


@command(
    epilog="Example: scamdetect finetune --data own.csv --text-column body --label-column label "
    "--label-map map.toml --base models/scamdetect-small -o own-model"
)
@click.option(
    "--data",
    type=PATH,
    required=True,
    metavar="FILE",
    help="Labelled messages, in any format that `scamdetect score` reads.",
)
@output_option(
    "Folder of the new bundle; the comparison is kept in DIR.run.",
    type=PATH,
    required=True,
    metavar="DIR",
)
@click.option(
    "--base", type=PATH, metavar="DIR", help="Bundle to fine-tune.  [default: the shipped bundle]"
)
@TEXT_COLUMN
@LABEL_COLUMN
@LABEL_MAP
@click.option(
    "--group-column",
    metavar="COLUMN",
    help="Column such as the sender. Messages with the same value, and near-duplicates, stay in "
    "one part of the data.",
)
@click.option(
    "--kinds-column",
    metavar="COLUMN",
    help="Column with the kinds of a scam, separated by commas.  [default: kinds are not trained]",
)
@click.option(
    "--rehearsal",
    type=PATH,
    metavar="PATH",
    help="Corpus, or folder of authored messages, to mix in so that the bundle forgets nothing.  "
    "[default: data/corpus.parquet, or data/authored of a checkout]",
)
@click.option(
    "--epochs", type=float, default=3.0, show_default=True, help="Passes over your messages."
)
@SEED
@click.option("--even-if-worse", is_flag=True, help="Install the new bundle even if it is worse.")
@click.option("--overwrite", is_flag=True, help="Replace an existing bundle in DIR.")
def finetune(data: Path, output: Path, **options: Any) -> None:  # noqa: ANN401
    """Fine-tune a bundle on your own labelled messages.

    Three fifths of the messages are for training, together with earlier ones; one fifth calibrates
    and one fifth compares the old and the new bundle. If the new bundle is worse, it stays in
    DIR.run and the exit code is 5. Run the same command again to resume.
    """
    from scamdetect.cli.console import say_next

    with extra("train"):
        from scamdetect.train.finetune import finetune as fit
    done = fit(data, output, say=say, **options)
    if not done.taken:
        say(
            f"scamdetect: refused: {len(done.comparison.worse)} figures got worse (listed above "
            f"and in {done.run / 'comparison.md'}); {output} was not written. The new bundle is "
            f"{done.bundle}. To install it anyway, run this again with --even-if-worse",
            err=True,
        )
        raise click.exceptions.Exit(WORSE)
    say(f"written to {output}; the comparison is in {done.run}", err=True)
    say_next("model", "check", "--model", output)
