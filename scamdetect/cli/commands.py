"""The command line: each command parses its arguments and calls one function elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Never

import click
from rich_click import RichCommandPanel, RichHelpConfiguration

from scamdetect.cli.exits import exit_code
from scamdetect.cli.options import Group

# The commands in the order in which people need them, each with its module and its name there.
_SECTIONS = {
    "Use": {
        "predict": "predict.predict", "explain": "explain.explain", "score": "score.score",
        "report": "report.report", "chat": "scored.chat", "campaigns": "scored.campaigns",
    },
    "Adapt": {
        "review": "review.review", "calibrate": "calibrate.calibrate", "finetune": "train.finetune",
    },
    "Share": {"share": "share.share"},
    "Serve": {"serve": "serve.serve", "model": "model.model"},
    "Build": {
        "data": "data.data", "train": "train.train", "export": "train.export",
        "bench": "bench.bench",
    },
}  # fmt: skip
_NAME = "scamdetect"
_SETTINGS = {
    "help_option_names": ["-h", "--help"],
    "rich_help_config": RichHelpConfiguration(theme="default-slim", max_width=100),
}
_COMMANDS = {name: path for names in _SECTIONS.values() for name, path in names.items()}


class Commands(Group):
    """The commands by name; the module of a command is loaded when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands in the order of the help."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, None for an unknown name."""
        # All of them for an unknown name: click suggests those that are like it.
        for name in (cmd_name,) if cmd_name in _COMMANDS else _COMMANDS:
            module, _, attribute = _COMMANDS[name].partition(".")
            self.commands[name] = getattr(import_module(f"scamdetect.cli.{module}"), attribute)
            self.commands[name].name = name
        return self.commands.get(cmd_name)

    def main(self, args: Sequence[str] | None = None, **settings: Any) -> Never:  # type: ignore[override] # noqa: ANN401
        """Run the command line and exit with the code of ``exit_code``."""
        words = list(sys.argv[1:] if args is None else args)
        self._main_shell_completion({}, _NAME)

        def call() -> object:
            with self.make_context(_NAME, words) as context:
                return self.invoke(context)

        sys.exit(exit_code(call))


@click.group(cls=Commands, context_settings=_SETTINGS)
@click.version_option(package_name="scamdetect")
def cli() -> None:
    """Find scam messages in many languages, offline.

    Every command explains itself with --help.
    """


cli.panels = [RichCommandPanel(title, commands=list(names)) for title, names in _SECTIONS.items()]
