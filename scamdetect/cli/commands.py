"""The commands by name, and the line and exit code of every error."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Never

import click
from click.exceptions import NoArgsIsHelpError
from rich_click import RichCommandPanel, RichHelpConfiguration

from scamdetect.cli import INTERRUPTED
from scamdetect.cli.options import Group
from scamdetect.cli.streams import say
from scamdetect.errors import EndpointError, JobInterrupted, NothingToResume, ScamDetectError
from scamdetect.system.os_errors import said
from scamdetect.urls import without_secrets

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
UNEXPECTED, WRONG_USE, RESUMABLE, FAILED, READER_GONE = 1, 2, 3, 4, 141
_COMMANDS = {name: path for names in _SECTIONS.values() for name, path in names.items()}


def exit_code(call: Callable[[], object]) -> int:
    """Return the exit code of a command; print every error without a text of a message.

    0: done, or nothing left to resume. 1: a check failed. 2: wrong use or bad input. 3: interrupted
    (score resumes with --resume), or an endpoint is down. 4: failed, such as on a full disk. 5: the
    fine-tuned bundle was worse and was not installed. 10: a message was flagged, or something
    shifted, and an option asks for this code. 130: interrupted before a part was finished. 141: the
    program that reads the standard output ended first.
    """
    try:
        code = call()
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("", "scamdetect: interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        return _say_wrong_use(error)
    except (ScamDetectError, OSError) as error:
        return _say_failure(error)
    except Exception as error:  # its message may hold a text
        say(*"".join(traceback.format_tb(error.__traceback__)).splitlines(), err=True)
        say(f"scamdetect: unexpected {type(error).__name__}; please report this", err=True)
        return UNEXPECTED
    return code if isinstance(code, int) else 0


def _say_failure(error: ScamDetectError | OSError) -> int:
    if isinstance(error, OSError) and sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError:  # Python flushes what is left once more at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return READER_GONE
    message = str(error) if isinstance(error, ScamDetectError) else said(error)
    line = "; ".join([message, *getattr(error, "__notes__", [])])
    say(f"scamdetect: {without_secrets(' '.join(line.split()))}", err=True)
    if isinstance(error, NothingToResume):
        return 0
    if isinstance(error, JobInterrupted | EndpointError):
        return RESUMABLE
    return FAILED if isinstance(error, OSError) else WRONG_USE


def _say_wrong_use(error: click.ClickException) -> int:
    lines = error.format_message().splitlines()
    if not isinstance(error, NoArgsIsHelpError):  # whose message is the help
        context = getattr(error, "ctx", None)
        name = context.command_path if context else "scamdetect"
        lines = [f"Try '{name} --help' for help.", f"Error: {' '.join(lines)}"]
    say(*lines, err=True)
    return WRONG_USE


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
