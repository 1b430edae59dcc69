"""Print the reference of the command line, made from its commands; ``--write`` puts it there."""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from scamdetect.cli.commands import cli
from scamdetect.cli.options import Group
from scamdetect.train.pages import between_markers, table

PAGE = Path(__file__).resolve().parent.parent / "cli.md"
START, END = "<!-- cli: docs/hooks/cli_reference.py -->", "<!-- /cli -->"
_ESCAPED = {"&": "&amp;", "<": "&lt;", "*": r"\*", "[": r"\[", "|": r"\|"}


def reference() -> str:
    """Return the Markdown of all commands, each group before its own."""
    return "\n".join(line for context in commands(cli, "scamdetect") for line in section(context))


def commands(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[click.Context]:
    """Yield the context of a command, and of all below it, in the order of the help."""
    context = click.Context(command, info_name=name, parent=parent)
    yield context
    if isinstance(command, click.Group):
        for child, below in _below(command, context):
            yield from commands(below, child, context)


def _below(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        if command := group.get_command(context, name):
            yield name, command


def section(context: click.Context) -> list[str]:
    """Return the lines on one command: what it does, usage, options, examples."""
    command, path = context.command, context.command_path
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines = ["", f"## {path}", "", _markdown(command.help or ""), "", f"Usage: `{usage}`", ""]
    if isinstance(command, Group):
        below = dict(_below(command, context))
        panels = {panel.name: panel.commands for panel in getattr(command, "panels", [])}
        for title, names in (panels or {"Commands": list(below)}).items():
            rows = [
                (_link(path, name), _escaped(below[name].get_short_help_str(200))) for name in names
            ]
            lines += [*table((title, ""), rows), ""]
        return lines[:-1]
    options = [option for option in command.params if isinstance(option, click.Option)]
    records = [record for option in options if (record := option.get_help_record(context))]
    rows = [(_code(names), _escaped(text)) for names, text in records]
    return [*lines, *(table(("option", ""), rows) if rows else []), *_example(command.epilog or "")]


def _link(path: str, name: str) -> str:
    return f"[{name}](#{'-'.join([*path.split(), name])})"


def _example(epilog: str) -> list[str]:
    """Return the lines of an epilog, with the command of an example as a block."""
    said, _, line = epilog.partition("Example: ")
    if not line:
        return ["", _markdown(said)] if said else []
    return ["", "Example:", "", f"    {line}"]


def _markdown(text: str) -> str:
    """Return the paragraphs of a help text, in which a line break means nothing."""
    paragraphs = inspect.cleandoc(text).replace("\b\n", "").split("\n\n")
    return "\n\n".join(_escaped(" ".join(part.split())) for part in paragraphs)


def _code(text: str) -> str:
    """Return the text as code; a bar within a table's code ends the cell in some readers."""
    return f"<code>{text.replace('|', '&#124;<wbr>')}</code>" if "|" in text else f"`{text}`"


def _escaped(text: str) -> str:
    return "".join(_ESCAPED.get(character, character) for character in text)


def main() -> None:
    """Print the reference, or put it between the markers of the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write it into docs/cli.md")
    if not parser.parse_args().write:
        sys.stdout.write(reference() + "\n")
        return
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(between_markers(page, START, END, [reference()], PAGE), encoding="utf-8")


if __name__ == "__main__":
    main()
