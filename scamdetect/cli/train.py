"""The commands that make a bundle: train, export and fine-tune."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scamdetect.cli.options import (
    LABEL_COLUMN,
    LABEL_MAP,
    OVERWRITE_BUNDLE,
    PATH,
    SEED,
    TEXT_COLUMN,
    command,
    extra,
    option,
)
from scamdetect.cli.streams import say, say_next

WORSE = 5  # the exit code if the fine-tuned bundle is worse
_CORPUS = option("--corpus FILE", "Training corpus.", "data/corpus.parquet")


@command(epilog="Example: scamdetect train models/recipes/long.toml -o runs/long")
@click.argument("recipe", type=PATH)
@option("-o --output out DIR", "Folder of the run.", required=True)
@_CORPUS
@option("--resume/--no-resume", "Resume from the last checkpoint, or start again.", True)
def train(recipe: Path, out: Path, corpus: Path, resume: bool) -> None:
    """Train a model from a recipe.

    A recipe is a TOML file; see models/recipes.
    """
    with extra("train"):
        from scamdetect.train.fit import train as fit
    fit(recipe, corpus, out, resume, say)
    say_next("export", out, "-o", "bundle")


@command(epilog="Example: scamdetect export runs/long-6 --version 0.4.0 -o bundle")
@click.argument("source", metavar="RUN_DIR|BUNDLE", type=PATH)
@option("-o --output out DIR", "Folder of the new bundle.", required=True)
@_CORPUS
@option("--name NAME", "Name of the model.", "scamdetect-small")
@option("--version VERSION", "Version of the new bundle.", "0.4.0")
@option("--words step", "Only fit the word model of BUNDLE.", flag_value="words")
@option("--cascade step", "Only fit the cascade of BUNDLE.", flag_value="cascade")
@option("--conversations step", "Only fit its conversation rule.", flag_value="conversations")
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
@option("--data FILE", "Labelled messages, in any format that score reads.", required=True)
@option("-o --output DIR", "New bundle; the comparison is kept in DIR.run.", required=True)
@option("--base DIR", "Bundle to fine-tune.  [default: the shipped bundle]")
@TEXT_COLUMN
@LABEL_COLUMN
@LABEL_MAP
@option("--group-column COLUMN", "Column such as the sender, whose messages stay together.")
@option("--kinds-column COLUMN", "Column with the kinds of a scam, separated by commas.")
@option(
    "--rehearsal PATH",
    "Corpus or authored messages to mix in.  [default: data/corpus.parquet or data/authored]",
)
@option("--epochs NUMBER", "Passes over your messages.", 3.0)
@SEED
@option("--even-if-worse", "Install the new bundle even if it is worse.")
@OVERWRITE_BUNDLE
def finetune(data: Path, output: Path, **options: Any) -> None:  # noqa: ANN401
    """Fine-tune a bundle on your own labelled messages.

    Three fifths of the messages are for training, together with earlier ones, so that the bundle
    forgets nothing; one fifth calibrates and one fifth compares the old and the new bundle. Kinds
    are trained only with --kinds-column. If the new bundle is worse, it stays in DIR.run and the
    exit code is 5. Run the same command again to resume.
    """
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
