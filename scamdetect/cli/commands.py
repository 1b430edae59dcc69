"""The command line: each command parses its arguments and calls one function elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import click

from scamdetect.cli.adapt import labels, queue
from scamdetect.cli.bench import bench
from scamdetect.cli.calibrate import calibrate
from scamdetect.cli.card import card
from scamdetect.cli.data import data
from scamdetect.cli.drift import drift
from scamdetect.cli.explain import explain
from scamdetect.cli.finetune import finetune
from scamdetect.cli.hub import hub
from scamdetect.cli.options import MODEL
from scamdetect.cli.score import report, score
from scamdetect.cli.serve import serve
from scamdetect.cli.streams import say, say_json, standard_input
from scamdetect.cli.train import average, conversations, evaluate, export, train, words


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
