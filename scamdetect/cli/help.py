"""Show the help of a command: drawn with rich-click on a terminal, plain elsewhere."""

from __future__ import annotations

import re
from typing import Any

import click

from scamdetect.cli.options import Command, Group
from scamdetect.cli.streams import has_colours, say_marked

_WORDS = re.compile(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""")
_WIDEST = 100  # columns; longer lines are hard to read


def show_help(context: click.Context) -> None:
    """Print the help of the context's command on the standard output."""
    command = context.command
    if has_colours() and isinstance(command, Command):
        say_marked(_drawn(command, context).rstrip("\n") + "\n")
    else:
        say_marked(context.get_help() + "\n")


def wrapped(line: str, width: int) -> list[str]:
    """Return a command line as lines that a shell joins.

    Quoted words stay whole, and so do an option and its value.
    """
    words: list[str] = []
    for word in _WORDS.findall(line):
        if words and words[-1].startswith("-") and not word.startswith("-"):
            words[-1] += f" {word}"
        else:
            words.append(word)
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) + 1 > width - 2:  # room for the backslash
            lines.append(f"    {word}")
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return [*(f"{one} \\" for one in lines[:-1]), lines[-1]]


def _drawn(command: Command, context: click.Context) -> str:
    from rich.padding import Padding
    from rich.text import Text
    from rich_click import (
        RichCommand,
        RichCommandPanel,
        RichHelpConfiguration,
        RichHelpFormatter,
    )

    formatter = RichHelpFormatter(config=RichHelpConfiguration(max_width=_WIDEST))
    # rich-click draws any command that has the attribute ``panels``, in any context.
    drawn: Any = command
    within: Any = context
    drawn.panels = []
    if isinstance(command, Group):
        names = command.sections().items()
        drawn.panels = [RichCommandPanel(title, commands=list(some)) for title, some in names]
    command.format_usage(context, formatter)
    RichCommand.format_help_text(drawn, within, formatter)
    RichCommand.format_options(drawn, within, formatter)
    if command.example is not None:
        lines = wrapped(command.example, formatter.width - 6)
        formatter.write(Padding(Text("Example:", style="bold"), (0, 1)))
        formatter.write(Padding(Text("\n".join(lines)), (0, 3)))
    return formatter.getvalue()
