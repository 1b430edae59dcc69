"""The commands of ``scamdetect bench``: compare detectors on suites of scam text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scamdetect.cli.options import FiniteRange, Group, output_option
from scamdetect.cli.streams import say
from scamdetect.cli.train import extra
from scamdetect.errors import InputError

if TYPE_CHECKING:
    from scamdetect.bench.answers import Material, Setting
    from scamdetect.bench.suite import Suite

UNFINISHED = 3
_CORPUS, _AUTHORED = Path("data/corpus.parquet"), Path("data/authored")

_OVER_0 = FiniteRange(min=0, min_open=True)
_PATH = click.Path(path_type=Path)
_OUT = output_option("Folder of the run.", "out", type=_PATH, required=True, metavar="DIR")
_CORPUS_OPTION = click.option(
    "--corpus",
    type=_PATH,
    metavar="FILE",
    help="Corpus of `scamdetect data build`.  [default: data/corpus.parquet if it exists]",
)
_AUTHORED_OPTION = click.option(
    "--authored",
    type=_PATH,
    metavar="DIR",
    help="Folder of authored messages.  [default: data/authored if it exists]",
)


@click.group(cls=Group)
def bench() -> None:
    """Measure detectors on scam text that AI wrote or rewrote."""


@bench.command("list", epilog="Example: scamdetect bench list")
def list_command() -> None:
    """List the installed suites and kinds of detectors."""
    with extra("bench"):
        from scamdetect.bench import names as plugins

    say(f"suites: {', '.join(plugins.names(plugins.SUITES))}")
    say(f"detectors: {', '.join(plugins.names(plugins.DETECTORS))}")


@bench.command(
    "run", epilog="Example: scamdetect bench run pairs -d scamdetect: -d keywords -o run"
)
@click.argument("suites", metavar="SUITE...", nargs=-1, required=True)
@click.option(
    "-d",
    "--detectors",
    metavar="[LABEL=]KIND:TARGET",
    multiple=True,
    required=True,
    help="Detector to measure. Repeatable. Kinds: scamdetect:BUNDLE, conversations:BUNDLE, "
    "sklearn:FILE.skops, hf:FOLDER, python:module:function, http:URL, llm:URL#MODEL, tfidf, "
    "keywords, encoder.",
)
@_OUT
@_CORPUS_OPTION
@_AUTHORED_OPTION
@click.option("--final", is_flag=True, help="Allow suites with test and final rows.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="Most rows to score per suite, evenly drawn; the result is then not the released "
    "benchmark. The rows that set the thresholds, thousands with a corpus, are always scored.",
)
@click.option(
    "--changed-rows",
    is_flag=True,
    help="Allow rows that differ from the released benchmark.",
)
@click.option("--rewriter", metavar="URL", help="OpenAI-compatible endpoint for the suite rewrite.")
@click.option("--model", "rewriter_model", metavar="NAME", help="Model of --rewriter.")
@click.option(
    "--label-map",
    metavar="LABEL=VERDICT",
    multiple=True,
    help="Map a label of a model to scam, spam or legit. Repeatable.",
)
@click.option("--timeout", type=_OVER_0, default=60.0, show_default=True, help="Seconds per call.")
@click.option("--per-second", type=_OVER_0, help="Most calls per second and endpoint.")
@click.option("--max-calls", type=click.IntRange(min=1), help="Most calls per endpoint.")
@click.option(
    "--parallel",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="Calls at the same time, if the detector allows it.",
)
@click.option(
    "--price",
    type=(FiniteRange(min=0), FiniteRange(min=0)),
    metavar="IN OUT",
    help="Price of a million input and output tokens, for llm: detectors.",
)
@click.option(
    "--skip-failing",
    is_flag=True,
    help="Continue if a detector fails on a row; the row has no answer then.",
)
@click.option("--quiet", is_flag=True, help="Print no progress.")
def run_command(
    suites: tuple[str, ...],
    detectors: tuple[str, ...],
    out: Path,
    corpus: Path | None,
    authored: Path | None,
    final: bool,
    limit: int | None,
    changed_rows: bool,
    rewriter: str | None,
    rewriter_model: str | None,
    label_map: tuple[str, ...],
    skip_failing: bool,
    quiet: bool,
    **asked: Any,  # noqa: ANN401 - what Setting takes as it is
) -> None:
    """Score suites with detectors into a folder.

    Run the same command again to resume. The calibration rows of the corpus set the thresholds, or
    those of the authored messages without a corpus. Keys of endpoints come from SCAMDETECT_API_KEY.
    Exit codes: 0 done, 2 wrong use or bad input, 3 interrupted or a detector failed, and resumable.
    """
    from scamdetect.cli.console import progress, say_next
    from scamdetect.cli.interrupts import stop_on_interrupt

    with extra("bench"):
        from scamdetect.bench.answers import Setting
        from scamdetect.bench.figures.results import audit
        from scamdetect.bench.folder import RunFolder
        from scamdetect.bench.names import load_detector
        from scamdetect.bench.run import run

    corpus = _there(corpus, _CORPUS)
    setting = Setting(
        folder=RunFolder(out).kept,
        log=_log,
        corpus=corpus,
        label_map=_label_map(label_map),
        **asked,
    )
    material = _material(corpus, _there(authored, _AUTHORED), rewriter, rewriter_model, setting)
    made, benchmark = _suites(suites, material, final, limit, changed_rows)
    loaded = [load_detector(spec, setting) for spec in detectors]
    total = len(loaded) * sum(suite.manifest.rows for suite in made)
    done = 0
    with stop_on_interrupt() as stop, progress(quiet, "starting") as show:

        def watch(suite: str, detector: str, rows: int) -> None:
            nonlocal done
            done += rows
            show(f"{detector} on {suite}, {done:,} of {total:,} rows", done / max(total, 1))

        failures = run(
            made, loaded, out, benchmark, skip_failing=skip_failing, watch=watch, stop=stop
        )
    for failure in failures:
        say(f"scamdetect: {failure.suite}: {failure.reason}", err=True)
    if corpus is not None:
        audit(made[1:], loaded, corpus, out)
    if failures:
        raise click.exceptions.Exit(UNFINISHED)
    say(f"{out}: {total:,} answers", err=True)
    say_next("bench", "report", out)


@bench.command("report", epilog="Example: scamdetect bench report run")
@click.argument("folder", metavar="DIR", type=_PATH)
def report_command(folder: Path) -> None:
    """Write the leaderboard and report of a run.

    The files are leaderboard.md, results.json and report.html in DIR.
    """
    with extra("bench"):
        from scamdetect.bench.report.report import write_report

    for path in write_report(folder):
        say(path)


@bench.command(
    "generators", epilog="Example: scamdetect bench generators --holdout claude --tfidf -o run"
)
@click.option(
    "--holdout",
    metavar="NAME",
    multiple=True,
    required=True,
    help="Generator to leave out. Repeatable.",
)
@click.option(
    "--recipe",
    type=_PATH,
    multiple=True,
    metavar="FILE",
    help="Recipe to train bundles with. Repeatable.  [default: only the TF-IDF baseline]",
)
@click.option("--tfidf", is_flag=True, help="Train the TF-IDF baseline too.")
@click.option(
    "--reference",
    type=_PATH,
    metavar="DIR",
    help="Bundle of this corpus and recipe, instead of training one with all generators.",
)
@_OUT
@_CORPUS_OPTION
def generators_command(
    holdout: tuple[str, ...],
    recipe: tuple[Path, ...],
    tfidf: bool,
    reference: Path | None,
    out: Path,
    corpus: Path | None,
) -> None:
    """Measure the gap of training without a generator.

    It trains with and without each generator and keeps the results in DIR. The dev rows of the
    generator measure the gap; without dev rows, 30 % of its rows are held out for that. `scamdetect
    bench report DIR` shows the gaps next to a run in DIR.
    """
    with extra("bench"):
        from scamdetect.bench.generators import TFIDF, Learner, measure_gaps

    found = _there(corpus, _CORPUS)
    if found is None:
        raise InputError(f"{_CORPUS} not found; run scamdetect data build, or pass --corpus")
    learners = [Learner(path.stem, path) for path in recipe]
    if tfidf or not recipe:
        learners.append(Learner(TFIDF, None))
    for gap in measure_gaps(found, holdout, tuple(learners), out, reference, _log):
        lost = ", ".join(
            f"{figure} {'-' if (points := gap.gap(figure)) is None else f'{points:+.1f}'}"
            for figure in ("f1", "f1_moved", "recall", "recall_moved")
        )
        say(f"{gap.learner}, {gap.generator}: points lost without it: {lost}")


def _log(line: str) -> None:
    say(line, err=True)


def _there(given: Path | None, default: Path) -> Path | None:
    """Return the given path, or the default if it exists; raise InputError."""
    if given is not None and not given.exists():
        raise InputError(f"{given}: no such file or folder")
    return given or (default if default.exists() else None)


def _label_map(pairs: Sequence[str]) -> dict[str, str] | None:
    found = {}
    for pair in pairs:
        label, sign, verdict = pair.rpartition("=")
        if not sign or verdict not in ("scam", "spam", "legit"):
            raise InputError(
                f"--label-map {pair}: write LABEL=scam, LABEL=spam or LABEL=legit, one per option"
            )
        found[label] = verdict
    return found or None


def _material(
    corpus: Path | None,
    authored: Path | None,
    rewriter: str | None,
    model: str | None,
    setting: Setting,
) -> Material:
    from scamdetect.bench.answers import Material
    from scamdetect.bench.rewriting.by_model import rewriter_of

    if (rewriter is None) != (model is None):
        raise InputError("--rewriter URL and --model NAME must be given together")
    made = None
    if rewriter is not None and model is not None:
        made = rewriter_of(rewriter, model, setting)
    return Material(corpus, authored, _log, made)


def _suites(
    names: Sequence[str],
    material: Material,
    final: bool,
    limit: int | None,
    changed_rows: bool,
) -> tuple[list[Suite], str]:
    """Return the suites, first the rows that set thresholds, and the name of the benchmark."""
    from scamdetect.bench import names as plugins
    from scamdetect.bench.suite import NAME, check
    from scamdetect.bench.suites.calibrate import calibrate

    makers = []
    for name in dict.fromkeys(names):
        if name.endswith("-final") and not final:
            raise InputError(
                f"{name}: has test or final rows, which are only for a release; pass --final for a "
                "release"
            )
        makers.append(plugins.load(plugins.SUITES, name))
    made = [calibrate(material), *(make(material) for make in makers)]
    for suite in made:
        if suite.manifest.final and not final:
            raise InputError(f"{suite.name}: has test or final rows; pass --final for a release")
    differences = [found for found in map(check, made) if found is not None]
    if differences and not changed_rows:
        raise InputError(
            f"{'; '.join(differences)}. To measure these rows anyway, pass --changed-rows"
        )
    if limit is not None:
        from scamdetect.bench.suite import limited

        made = [made[0], *(limited(suite, limit) for suite in made[1:])]
    if limit is not None or differences:
        return made, f"not {NAME}: {'a part of its rows' if limit else 'other rows'}"
    return made, NAME
