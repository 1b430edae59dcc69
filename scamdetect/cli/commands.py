"""The command line: each command parses its arguments and calls one function elsewhere."""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path

import click

from scamdetect.cli.options import MODEL, OVERWRITE_FILE, Group, output_option
from scamdetect.cli.streams import has_colours, say_json, say_marked, standard_input
from scamdetect.system.destinations import check_no_input, file_destination
from scamdetect.system.files import write_text
from scamdetect.system.os_errors import unwritable

# The commands in the order in which people need them, each with its module.
_SECTIONS = {
    "Use": {
        "predict": "commands", "explain": "commands", "score": "score", "report": "scored",
        "groups": "scored", "threads": "scored", "doctor": "commands",
    },
    "Adapt": {
        "queue": "adapt", "labels": "adapt", "calibrate": "adapt", "finetune": "train",
        "drift": "adapt",
    },
    "Share": {"campaigns": "scored", "indicators": "share", "fingerprints": "share"},
    "Serve": {"serve": "serve", "hub": "serve"},
    "Build": {
        "data": "data", "train": "train", "average": "train", "export": "train", "words": "train",
        "cascade": "train", "conversations": "train", "evaluate": "train", "bench": "bench",
        "card": "train",
    },
}  # fmt: skip
_MODULES = {name: module for names in _SECTIONS.values() for name, module in names.items()}


class _Commands(Group):
    """The commands by name; the module of a command is loaded when it is asked for."""

    def sections(self) -> dict[str, tuple[str, ...]]:
        """Return the names of the commands by section."""
        return {title: tuple(names) for title, names in _SECTIONS.items()}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, None for an unknown name."""
        # All of them for an unknown name: click suggests those that are like it.
        for name in (cmd_name,) if cmd_name in _MODULES else _MODULES:
            if name not in self.commands:
                module = import_module(f"scamdetect.cli.{_MODULES[name]}")
                self.add_command(getattr(module, name))
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="scamdetect")
def cli() -> None:
    """Find scam messages in many languages, offline.

    Every command explains itself with --help.
    """


@cli.command(epilog='Example: scamdetect explain "Pay the fee at parcel-fee.example"')
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per message.")
@output_option(
    "Write an HTML page with the parts of the messages highlighted.",
    "page",
    aliases=("--html",),
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
            say_marked(found.to_terminal(colour=has_colours()) + "\n")


def _write(path: Path, page: str) -> None:
    try:
        write_text(path, page)
    except OSError as problem:
        raise unwritable(path, problem, elsewhere="give another file to --output") from problem


@cli.command(epilog='Example: scamdetect predict "Pay the fee at parcel-fee.example"')
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per message.")
@MODEL
def predict(texts: tuple[str, ...], as_json: bool, model: Path | None) -> None:
    """Classify texts.

    Use - to read one message from standard input.
    """
    from scamdetect.cli.console import say_prediction
    from scamdetect.detector import ScamDetector

    read = [standard_input() if text == "-" else text for text in texts]
    for prediction in ScamDetector.load(model).predict(read):
        if as_json:
            say_json(json.dumps(prediction.to_dict()))
        else:
            say_prediction(prediction)


@cli.command(epilog="Example: scamdetect doctor")
@MODEL
def doctor(model: Path | None) -> None:
    """Check this machine and the bundle.

    The exit code is 1 if a check fails.
    """
    from scamdetect.cli.console import say_checks
    from scamdetect.cli.doctor import examine

    checks = examine(model)
    say_checks(checks)
    if any(check.ok is False for check in checks):
        raise click.exceptions.Exit(1)
