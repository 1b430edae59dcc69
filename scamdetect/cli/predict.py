"""The command that classifies single messages."""

from __future__ import annotations

import json
from pathlib import Path

import click

from scamdetect.cli.options import MODEL, command
from scamdetect.cli.streams import say_json, standard_input


@command(epilog='Example: scamdetect predict "Pay the fee at parcel-fee.example"')
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per message.")
@MODEL
def predict(texts: tuple[str, ...], as_json: bool, model: Path | None) -> None:
    """Classify texts.

    Use - to read one message from standard input.
    """
    from scamdetect.cli.console import say_prediction
    from scamdetect.detector import ScamDetector

    messages = [standard_input() if text == "-" else text for text in texts]
    for prediction in ScamDetector.load(model).predict(messages):
        if as_json:
            say_json(json.dumps(prediction.to_dict()))
        else:
            say_prediction(prediction)
