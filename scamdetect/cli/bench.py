"""The commands of ``scamdetect bench``: compare detectors on suites of scam text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from scamdetect.cli.options import FiniteRange, Group, extra, output_option
from scamdetect.cli.streams import say
from scamdetect.errors import InputError

UNFINISHED = 3
_CORPUS, _AUTHORED = Path("data/corpus.parquet"), Path("data/authored")

_OVER_0 = FiniteRange(min=0, min_open=True)
_PATH = click.Path(path_type=Path)


@click.group(cls=Group)
def bench() -> None:
    """Compare detectors on suites of scam text."""


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
    "sklearn:FILE.skops, hf:FOLDER, python:module:function, llm:URL#MODEL, tfidf, "
    "keywords, encoder.",
)
@output_option("Folder of the run.", "out", type=_PATH, required=True, metavar="DIR")
@click.option(
    "--corpus",
    type=_PATH,
    metavar="FILE",
    help="Corpus of `scamdetect data build`.  [default: data/corpus.parquet if it exists]",
)
@click.option(
    "--authored",
    type=_PATH,
    metavar="DIR",
    help="Folder of authored messages.  [default: data/authored if it exists]",
)
@click.option("--final", is_flag=True, help="Allow suites with test and final rows.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="Most rows to score per suite, evenly drawn; the result is then not the released "
    "benchmark. The rows that set the thresholds, thousands with a corpus, are always scored.",
)
@click.option("--changed-rows", is_flag=True, help="Allow rows that differ from the release.")
@click.option(
    "--label-map",
    metavar="LABEL=VERDICT",
    multiple=True,
    help="Map a label of a model to scam, spam or legit. Repeatable.",
)
@click.option("--timeout", type=_OVER_0, default=60.0, show_default=True, help="Seconds per call.")
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
    label_map: tuple[str, ...],
    skip_failing: bool,
    quiet: bool,
    **endpoint: Any,  # noqa: ANN401 - what Setting takes as it is
) -> None:
    """Score suites with detectors into a folder.

    Run the same command again to resume. The calibration rows of the corpus set the thresholds, or
    those of the authored messages without a corpus. The key of llm: is SCAMDETECT_API_KEY.
    Exit codes: 0 done, 2 wrong use or bad input, 3 interrupted or a detector failed, and resumable.
    """
    from scamdetect.cli.console import progress, say_next
    from scamdetect.cli.interrupts import stop_on_interrupt

    with extra("bench"):
        from scamdetect.bench.answers import Material, Setting
        from scamdetect.bench.figures.results import audit
        from scamdetect.bench.folder import RunFolder
        from scamdetect.bench.names import load_detector, load_suites
        from scamdetect.bench.run import run

    corpus = _existing(corpus, _CORPUS)
    setting = Setting(
        folder=RunFolder(out).kept,
        log=_log,
        corpus=corpus,
        label_map=_label_map(label_map),
        **endpoint,
    )
    material = Material(corpus, _existing(authored, _AUTHORED), _log)
    made, benchmark = load_suites(
        suites, material, final=final, limit=limit, changed_rows=changed_rows
    )
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


def _log(line: str) -> None:
    say(line, err=True)


def _existing(given: Path | None, default: Path) -> Path | None:
    """Return the given path, or the default if it exists; raise InputError."""
    if given is not None and not given.exists():
        raise InputError(f"{given}: no such file or folder")
    return given or (default if default.exists() else None)


def _label_map(pairs: Sequence[str]) -> dict[str, str] | None:
    labels = {}
    for pair in pairs:
        label, equals, verdict = pair.rpartition("=")
        if not equals or verdict not in ("scam", "spam", "legit"):
            raise InputError(
                f"--label-map {pair}: write LABEL=scam, LABEL=spam or LABEL=legit, one per option"
            )
        labels[label] = verdict
    return labels or None
