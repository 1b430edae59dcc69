"""The command line: each command parses its arguments and calls one function elsewhere."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from scamdetect.cli.adapt import calibrate, drift, labels, queue
from scamdetect.cli.bench import bench
from scamdetect.cli.data import data
from scamdetect.cli.options import MODEL
from scamdetect.cli.score import report, score
from scamdetect.cli.serve import hub, serve
from scamdetect.cli.streams import say, say_json, say_marked, standard_input
from scamdetect.cli.train import (
    average,
    card,
    conversations,
    evaluate,
    export,
    finetune,
    train,
    words,
)
from scamdetect.system.destinations import check_no_input, file_destination
from scamdetect.system.files import write_text
from scamdetect.system.os_errors import unwritable

_PAGE = (
    '<!doctype html>\n<html><head><meta charset="utf-8"><title>scamdetect explain</title></head>'
    '<body style="font-family:sans-serif;max-width:48em;margin:2em auto">\n{}</body></html>\n'
)


@click.command(epilog='Example: scamdetect explain "Pay the fee at parcel-fee.example"')
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a message.")
@click.option(
    "--html", "page", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write a page that marks the parts.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace a page or another file that exists.")
@MODEL
def explain(
    texts: tuple[str, ...], as_json: bool, page: Path | None, overwrite: bool, model: Path | None
) -> None:
    """Say for each TEXT what carries its score and what can be seen in it; "-" is standard input.

    What can be seen are observations by written patterns, never a verdict.
    """
    from scamdetect.detector import ScamDetector

    target = page
    if page is not None and os.path.lexists(page):
        target = file_destination(page, overwrite=overwrite)
    read = [standard_input() if text == "-" else text for text in texts]
    detector = ScamDetector.load(model)
    if target is not None:
        check_no_input(target, [detector.bundle.folder])
    explanations = [detector.explain(text) for text in read]
    if target is not None:
        _write(target, _PAGE.format("<hr>\n".join(found.to_html() for found in explanations)))
    for found in explanations:
        if as_json:
            say_json(json.dumps(found.to_dict()))
        elif page is None:
            say_marked(found.to_terminal(colour=sys.stdout.isatty()) + "\n")


def _write(path: Path, page: str) -> None:
    try:
        write_text(path, page)
    except OSError as problem:
        raise unwritable(path, problem, elsewhere="give another file to --html") from problem


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="scamdetect")
def cli() -> None:
    """Find scam messages in many languages, offline."""


@cli.command(epilog='Example: scamdetect predict "Pay the fee at parcel-fee.example"')
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a message.")
@MODEL
def predict(texts: tuple[str, ...], as_json: bool, model: Path | None) -> None:
    """Say for each TEXT whether it is a scam; "-" is the whole of the standard input."""
    from scamdetect.cli.console import prediction_line
    from scamdetect.detector import ScamDetector

    read = [standard_input() if text == "-" else text for text in texts]
    for prediction in ScamDetector.load(model).predict(read):
        if as_json:
            say_json(json.dumps(prediction.to_dict()))
        else:
            say(prediction_line(prediction))


@cli.command()
@MODEL
def doctor(model: Path | None) -> None:
    """Check this machine and the bundle; exit with 1 if something is wrong."""
    from scamdetect.cli.console import check_line
    from scamdetect.cli.doctor import examine

    checks = examine(model)
    for check in checks:
        say(check_line(check))
    if any(check.ok is False for check in checks):
        raise click.exceptions.Exit(1)


cli.add_command(explain)
cli.add_command(score)
cli.add_command(report)
cli.add_command(serve)
cli.add_command(drift)
cli.add_command(queue)
cli.add_command(labels)
cli.add_command(calibrate)
cli.add_command(finetune)
cli.add_command(data)
cli.add_command(train)
cli.add_command(average)
cli.add_command(export)
cli.add_command(conversations)
cli.add_command(words)
cli.add_command(evaluate)
cli.add_command(card)
cli.add_command(hub)
cli.add_command(bench)
