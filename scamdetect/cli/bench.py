"""The commands of ``scamdetect bench``: compare detectors on suites of scam text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from scamdetect.cli.options import PATH, FiniteRange, Group, extra, option
from scamdetect.cli.streams import progress, say, say_next, stop_on_interrupt
from scamdetect.errors import InputError

UNFINISHED = 3
_PRICE = FiniteRange(min=0)
_CORPUS, _AUTHORED = Path("data/corpus.parquet"), Path("data/authored")


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
@option(
    "-d --detectors [LABEL=]KIND:TARGET",
    "Detector to measure. Repeatable.",
    multiple=True,
    required=True,
)
@option("-o --output out DIR", "Folder of the run.", required=True)
@option("--corpus FILE", "Corpus of `scamdetect data build`.  [default: data/corpus.parquet]")
@option("--authored DIR", "Folder of authored messages.  [default: data/authored]")
@option("--final", "Allow suites with test and final rows.")
@option("--limit N", "Most rows per suite, evenly drawn; the result is not the released benchmark.")
@option("--changed-rows", "Allow rows that differ from the release.")
@option(
    "--label-map LABEL=VERDICT",
    "Map a label of a model to scam, spam or legit. Repeatable.",
    multiple=True,
)
@option("--timeout", "Seconds per call.", 60.0, type=FiniteRange(min=0, min_open=True))
@option("--parallel N", "Calls at the same time, if the detector allows it.", 4)
@option("--price", "Price of a million input and output tokens (llm:).", type=(_PRICE, _PRICE))
@option("--skip-failing", "Continue if a detector fails on a row, which has no answer then.")
@option("--quiet", "Print no progress.")
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

    Detectors are scamdetect:BUNDLE, conversations:BUNDLE, sklearn:FILE.skops, hf:FOLDER,
    python:module:function, llm:URL#MODEL, tfidf, keywords and encoder.

    Run the same command again to resume. The calibration rows of the corpus set the thresholds, or
    those of the authored messages without a corpus. The key of llm: is SCAMDETECT_API_KEY.
    Exit codes: 0 done, 2 wrong use or bad input, 3 interrupted or a detector failed, and resumable.
    """
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
@click.argument("folder", metavar="DIR", type=PATH)
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
