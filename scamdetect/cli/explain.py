"""The command that explains the scores of single messages."""

from __future__ import annotations

import json
from pathlib import Path

import click

from scamdetect.cli.options import MODEL, OVERWRITE_FILE, command, output_option
from scamdetect.cli.streams import has_colours, say_json, say_marked, standard_input
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import write_text
from scamdetect.system.os_errors import written


@command(epilog='Example: scamdetect explain "Pay the fee at parcel-fee.example"')
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per message.")
@output_option(
    "Write an HTML page with the parts of the messages highlighted.",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
)
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

    target = page
    if page is not None:
        from scamdetect.reports.html import explanation_page  # fails without jinja2

        target = file_destination(page, overwrite=overwrite, inputs=[model] if model else ())
    read = [standard_input() if text == "-" else text for text in texts]
    detector = ScamDetector.load(model)
    explanations = [detector.explain(text) for text in read]
    if target is not None:
        with written(target):
            write_text(target, explanation_page(explanations))
    for explanation in explanations:
        if as_json:
            say_json(json.dumps(explanation.to_dict()))
        elif page is None:
            say_marked(explanation.to_terminal(colour=has_colours()) + "\n")
