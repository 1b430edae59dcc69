"""The command line: each command parses its arguments and calls one function elsewhere."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path

import click

from scamdetect.cli.options import MODEL
from scamdetect.cli.streams import say, say_json, say_marked, standard_input
from scamdetect.system.destinations import check_no_input, file_destination
from scamdetect.system.files import write_text
from scamdetect.system.os_errors import unwritable

_ELSEWHERE = {
    "adapt": ("calibrate", "drift", "labels", "queue"),
    "bench": ("bench",),
    "data": ("data",),
    "score": ("score",),
    "scored": ("campaigns", "groups", "report", "threads"),
    "serve": ("hub", "serve"),
    "share": ("fingerprints", "indicators"),
    "train": (
        "average", "card", "cascade", "conversations", "evaluate", "export", "finetune", "train",
        "words",
    ),
}  # fmt: skip
_HOMES = {name: module for module, names in _ELSEWHERE.items() for name in names}


class _Commands(click.Group):
    """The commands by name; a module of commands is loaded when one of them is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self.commands, *_HOMES})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # All of them for a name that is none: click offers those that are like it.
        for name in (cmd_name,) if cmd_name in self.list_commands(ctx) else _HOMES:
            if name in _HOMES and name not in self.commands:
                self.add_command(getattr(import_module(f"scamdetect.cli.{_HOMES[name]}"), name))
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="scamdetect")
def cli() -> None:
    """Find scam messages in many languages, offline."""


@cli.command(epilog='Example: scamdetect explain "Pay the fee at parcel-fee.example"')
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
    if page is not None:
        from scamdetect.reports.explanations import explanation_page  # fails without jinja2

        if os.path.lexists(page):
            target = file_destination(page, overwrite=overwrite)
    read = [standard_input() if text == "-" else text for text in texts]
    detector = ScamDetector.load(model)
    if target is not None:
        check_no_input(target, [detector.bundle.folder])
    explanations = [detector.explain(text) for text in read]
    if target is not None:
        _write(target, explanation_page(explanations))
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
