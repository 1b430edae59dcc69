"""The command that classifies single messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scamdetect.cli.options import JSON, MODEL, command
from scamdetect.cli.streams import messages_of, say, say_json

if TYPE_CHECKING:
    from scamdetect.prediction import Prediction


@command(epilog='Example: scamdetect predict "Pay the fee at parcel-fee.example"')
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@JSON
@MODEL
def predict(texts: tuple[str, ...], as_json: bool, model: Path | None) -> None:
    """Classify texts.

    Use - to read one message from standard input.
    """
    from scamdetect.detector import ScamDetector

    for prediction in ScamDetector.load(model).predict(messages_of(texts)):
        if as_json:
            say_json(json.dumps(prediction.to_dict()))
        else:
            say(_line(prediction))


def _line(prediction: Prediction) -> str:
    decision = prediction.decision.value
    if prediction.scam_probability is None:
        return f"{decision}: {prediction.reason}"
    kinds = ", ".join(f"{k.kind.value} {k.probability:.2f}" for k in prediction.kinds)
    parts = [
        f"{decision}: scam {prediction.scam_probability:.3f}",
        f"verdict {prediction.verdict}",
        f"kinds {kinds}" if kinds else "no kind",
        f"language {prediction.language}",
        *filter(None, [prediction.reason]),
    ]
    return "; ".join(parts)
