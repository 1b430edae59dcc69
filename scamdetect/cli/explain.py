"""The command that explains the scores of single messages."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from scamdetect.cli.options import JSON, MODEL, OVERWRITE_FILE, command, option
from scamdetect.cli.streams import is_terminal, messages_of, say_json, say_marked
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import write_text
from scamdetect.system.os_errors import written


@command(epilog='Example: scamdetect explain "Pay the fee at parcel-fee.example"')
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@JSON
@option("-o --output page FILE", "Write an HTML page with the parts of the messages highlighted.")
@OVERWRITE_FILE
@MODEL
def explain(
    texts: tuple[str, ...], as_json: bool, page: Path | None, overwrite: bool, model: Path | None
) -> None:
    """Show which parts of a message raise its score.

    Use - to read one message from standard input. It also lists what known patterns find in the
    message, such as a link or a request for money. These are observations, not a verdict.
    """
    from scamdetect.detector import ScamDetector

    if page is not None:
        from scamdetect.reports.html import explanation_page  # fails without jinja2

        page = file_destination(page, overwrite=overwrite, inputs=[model] if model else ())
    messages = messages_of(texts)
    detector = ScamDetector.load(model)
    explanations = [detector.explain(text) for text in messages]
    if page is not None:
        with written(page):
            write_text(page, explanation_page(explanations))
    for explanation in explanations:
        if as_json:
            say_json(json.dumps(explanation.to_dict()))
        elif page is None:
            colour = is_terminal() and not os.environ.get("NO_COLOR")
            say_marked(explanation.to_terminal(colour=colour) + "\n")
