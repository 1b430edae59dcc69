"""The commands of ``scamdetect bench``: detectors beside each other on suites of scam text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scamdetect.cli.options import FiniteRange
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
_OUT = click.option("-o", "--out", type=_PATH, required=True, help="Folder of the run.")
_CORPUS_OPTION = click.option(
    "--corpus",
    type=_PATH,
    help="The corpus of scamdetect data build.  [default: data/corpus.parquet if it is there]",
)
_AUTHORED_OPTION = click.option(
    "--authored",
    type=_PATH,
    help="Folder of the project's own messages.  [default: data/authored if it is there]",
)


@click.group()
def bench() -> None:
    """Measure detectors, ours or any other, on scam text that AI wrote or rewrote."""


@bench.command("list")
def list_command() -> None:
    """List the suites and the kinds of detectors that are installed."""
    with extra("bench"):
        from scamdetect.bench import names as plugins

    say(f"suites: {', '.join(plugins.names(plugins.SUITES))}")
    say(f"detectors: {', '.join(plugins.names(plugins.DETECTORS))}")


@bench.command("run", epilog="Example: scamdetect bench run pairs -d scamdetect: -d keywords -o x")
@click.argument("suites", metavar="SUITE...", nargs=-1, required=True)
@click.option(
    "-d",
    "--detectors",
    metavar="[LABEL=]KIND:TARGET",
    multiple=True,
    required=True,
    help="A detector; repeatable. Kinds: scamdetect:BUNDLE, conversations:BUNDLE, "
    "sklearn:FILE.skops, hf:FOLDER, python:module:function, http:URL, llm:URL#MODEL, tfidf, "
    "keywords, encoder.",
)
@_OUT
@_CORPUS_OPTION
@_AUTHORED_OPTION
@click.option("--final", is_flag=True, help="Allow suites of test and final rows.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="Score at most so many rows of a suite, evenly drawn: no longer the released benchmark. "
    "The rows that thresholds are set on, thousands with a corpus, are scored all the same.",
)
@click.option(
    "--changed-rows",
    is_flag=True,
    help="Go on where the rows are not those of the released benchmark.",
)
@click.option("--rewriter", metavar="URL", help="An OpenAI-compatible endpoint for `rewrite`.")
@click.option("--model", "rewriter_model", metavar="NAME", help="The model of --rewriter.")
@click.option(
    "--label-map",
    metavar="LABEL=VERDICT",
    multiple=True,
    help="What a label of a model means: scam, spam or legit; repeatable.",
)
@click.option("--timeout", type=_OVER_0, default=60.0, show_default=True, help="Seconds a call.")
@click.option("--per-second", type=_OVER_0, help="Calls a second at most, of each endpoint.")
@click.option("--max-calls", type=click.IntRange(min=1), help="Calls at most, of each endpoint.")
@click.option(
    "--parallel",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="Calls at once, where a detector allows it.",
)
@click.option(
    "--price",
    type=(FiniteRange(min=0), FiniteRange(min=0)),
    metavar="IN OUT",
    help="What a million tokens in and out cost, for llm: detectors.",
)
@click.option(
    "--skip-failing", is_flag=True, help="Leave rows at which a detector raises without an answer."
)
@click.option("--quiet", is_flag=True, help="Show no progress.")
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
    """Score SUITEs with detectors into a folder; the same command goes on with what is missing.

    Thresholds are set on the calibrate rows of the corpus, without one on those of the authored
    messages. Keys of endpoints come from SCAMDETECT_API_KEY. Exit codes: 0 done, 2 wrong use or bad
    input, 3 interrupted or a detector failed, and the same command goes on.
    """
    from tqdm import tqdm

    from scamdetect.cli.interrupts import stop_on_interrupt
    from scamdetect.system.shown import visible_line

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
    layout = "{percentage:3.0f} %|{bar}| {desc} {remaining} left"
    with (
        stop_on_interrupt() as stop,
        tqdm(total=total, bar_format=layout, disable=True if quiet else None, leave=False) as bar,
    ):

        def watch(suite: str, detector: str, rows: int) -> None:
            bar.set_description_str(visible_line(f"{detector} on {suite},"), refresh=False)
            bar.update(rows)

        failures = run(
            made, loaded, out, benchmark, skip_failing=skip_failing, watch=watch, stop=stop
        )
    for failure in failures:
        say(f"scamdetect: {failure.suite}: {failure.reason}", err=True)
    if corpus is not None:
        audit(made[1:], loaded, corpus, out)
    if failures:
        raise click.exceptions.Exit(UNFINISHED)
    say(f"{out}: {total:,} answers; next: scamdetect bench report {out}", err=True)


@bench.command("report")
@click.argument("folder", metavar="DIR", type=_PATH)
def report_command(folder: Path) -> None:
    """Write leaderboard.md, results.json and report.html from the scores in DIR."""
    with extra("bench"):
        from scamdetect.bench.report.report import write_report

    for path in write_report(folder):
        say(path)


@bench.command("generators")
@click.option(
    "--holdout", metavar="NAME", multiple=True, required=True, help="A generator; repeatable."
)
@click.option(
    "--recipe",
    type=_PATH,
    multiple=True,
    help="Train bundles by this recipe; repeatable.  [default: the TF-IDF baseline alone]",
)
@click.option("--tfidf", is_flag=True, help="Train the TF-IDF baseline too.")
@click.option(
    "--reference",
    type=_PATH,
    help="A bundle of the corpus and recipe, instead of training one with all generators.",
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
    """Train with and without each generator and measure the gap; what is trained stays in DIR.

    The rows that measure are the generator's dev rows, or where it has none 30 % of its rows, from
    which then nothing is learnt. `scamdetect bench report DIR` shows the gaps beside a run in DIR.
    """
    with extra("bench"):
        from scamdetect.bench.generators import TFIDF, Learner, measure_gaps

    found = _there(corpus, _CORPUS)
    if found is None:
        raise InputError(f"there is no {_CORPUS}; run: scamdetect data build, or pass --corpus")
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
    """Return the path that was given, else the default where it is there."""
    if given is not None and not given.exists():
        raise InputError(f"{given}: there is no such file or folder")
    return given or (default if default.exists() else None)


def _label_map(pairs: Sequence[str]) -> dict[str, str] | None:
    found = {}
    for pair in pairs:
        label, sign, verdict = pair.rpartition("=")
        if not sign or verdict not in ("scam", "spam", "legit"):
            raise InputError(
                f"--label-map {pair}: say LABEL=scam, LABEL=spam or LABEL=legit, one at a time"
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
        raise InputError("--rewriter URL and --model NAME go together; give both or neither")
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
    """Return the suites, those rows first that thresholds are set on, and the benchmark's name."""
    from scamdetect.bench import names as plugins
    from scamdetect.bench.suite import NAME, check
    from scamdetect.bench.suites.calibrate import calibrate

    makers = []
    for name in dict.fromkeys(names):
        if name.endswith("-final") and not final:
            raise InputError(
                f"{name}: holds test or final rows, which are for figures of a release; pass "
                "--final if this is one"
            )
        makers.append(plugins.load(plugins.SUITES, name))
    made = [calibrate(material), *(make(material) for make in makers)]
    for suite in made:
        if suite.manifest.final and not final:
            raise InputError(f"{suite.name}: holds test or final rows; pass --final for a release")
    differences = [found for found in map(check, made) if found is not None]
    if differences and not changed_rows:
        raise InputError(
            f"{'; '.join(differences)}. To measure these rows all the same: --changed-rows"
        )
    if limit is not None:
        from scamdetect.bench.suite import limited

        made = [made[0], *(limited(suite, limit) for suite in made[1:])]
    if limit is not None or differences:
        return made, f"not {NAME}: {'a part of its rows' if limit else 'other rows'}"
    return made, NAME
