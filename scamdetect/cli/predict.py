"""The command that classifies single messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scamdetect.cli.options import MODEL, command
from scamdetect.cli.streams import has_colours, say_json, say_marked, standard_input
from scamdetect.system.shown import visible_line

if TYPE_CHECKING:
    from scamdetect.prediction import Prediction

_COLOURS = {"flag": "red", "review": "yellow", "pass": "green"}


@command(epilog='Example: scamdetect predict "Pay the fee at parcel-fee.example"')
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per message.")
@MODEL
def predict(texts: tuple[str, ...], as_json: bool, model: Path | None) -> None:
    """Classify texts.

    Use - to read one message from standard input.
    """
    from scamdetect.detector import ScamDetector

    messages = [standard_input() if text == "-" else text for text in texts]
    for prediction in ScamDetector.load(model).predict(messages):
        if as_json:
            say_json(json.dumps(prediction.to_dict()))
        else:
            say_marked(_line(prediction) + "\n")


def _line(prediction: Prediction) -> str:
    decision = prediction.decision.value
    shown = decision
    if has_colours():
        shown = click.style(decision, fg=_COLOURS.get(decision), bold=True)
    if prediction.scam_probability is None:
        return f"{shown}: {visible_line(prediction.reason or '')}"
    kinds = ", ".join(f"{k.kind.value} {k.probability:.2f}" for k in prediction.kinds)
    parts = [
        f"scam {prediction.scam_probability:.3f}",
        f"verdict {prediction.verdict}",
        f"kinds {kinds}" if kinds else "no kind",
        f"language {prediction.language}",
        *([prediction.reason] if prediction.reason else []),
    ]
    return f"{shown}: {visible_line('; '.join(parts))}"
