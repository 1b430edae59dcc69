"""``scamdetect explain``: why a message scored as it did, and what can be seen in it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from scamdetect.cli.options import MODEL
from scamdetect.cli.streams import say_json, say_marked, standard_input
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
