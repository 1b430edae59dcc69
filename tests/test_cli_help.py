"""The help of every command: in sections, in plain lines that fit, with an example that runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from command_line import command, on_a_terminal
from markdown_blocks import arguments

from scamdetect.cli.commands import cli
from scamdetect.cli.help import wrapped
from scamdetect.cli.options import Command, Group, OutputOption

COLUMNS = 80


def contexts(
    command: click.Command = cli, name: str = "scamdetect", parent: click.Context | None = None
) -> Iterator[click.Context]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=COLUMNS - 2)
    yield context
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from contexts(found, child, context)


ALL = [context for context in contexts()]
GROUPS = [context for context in ALL if isinstance(context.command, click.Group)]
LEAVES = [context for context in ALL if context not in GROUPS]


def path(context: click.Context) -> str:
    return context.command_path


def test_the_commands_are_in_sections_as_people_work() -> None:
    sections = cli.sections()
    assert list(sections) == ["Use", "Adapt", "Share", "Serve", "Build"]
    names = [name for some in sections.values() for name in some]
    assert len(names) == len(set(names)) == len(cli.list_commands(click.Context(cli)))


@pytest.mark.parametrize("context", GROUPS, ids=path)
def test_no_line_of_a_group_is_cut(context: click.Context) -> None:
    page = context.get_help()
    assert "..." not in page.replace("[ARGS]...", "")
    assert max(map(len, page.splitlines())) < COLUMNS


@pytest.mark.parametrize("context", LEAVES, ids=path)
def test_every_command_has_an_example_and_every_option_a_help(context: click.Context) -> None:
    assert isinstance(context.command, Command)
    words = arguments(context.command.example or "")
    assert words[: len(path(context).split()) - 1] == path(context).split()[1:]
    context.command.make_parser(context).parse_args(words[len(path(context).split()) - 1 :])
    options = [option for option in context.command.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert "..." not in (context.command.help or "")


# Commands that print, serve, upload, or write into the folder that is their argument.
WRITE_NO_FILE = {
    "predict", "doctor", "serve", "card", "hub push", "fingerprints match", "bench list",
    "bench report", "data verify",
}  # fmt: skip


@pytest.mark.parametrize("context", LEAVES, ids=path)
def test_every_command_that_writes_has_the_option_output(context: click.Context) -> None:
    name = path(context).removeprefix("scamdetect ")
    outputs = [option for option in context.command.params if isinstance(option, OutputOption)]
    assert [option.opts for option in outputs] == (
        [] if name in WRITE_NO_FILE else [["-o", "--output"]]
    )


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["train", "recipe.toml", "--out", "x"], "out"),
        (["bench", "run", "pairs", "-d", "keywords", "--out", "x"], "out"),
        (["hub", "pull", "a/b", "--revision", "v1", "--out", "x"], "out"),
        (["explain", "hello", "--html", "x"], "page"),
        (["data", "fetch", "--raw", "x"], "raw"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_an_older_name_of_the_output_works_and_is_not_shown(words: list[str], name: str) -> None:
    found: click.Command = cli
    while isinstance(found, Group):
        below = found.get_command(click.Context(found), words[0])
        assert below is not None
        found, words = below, words[1:]
    context = found.make_context("x", list(words))
    assert str(context.params[name]) == "x"
    assert f"{words[-2]} " not in found.get_help(context)


def test_a_long_example_is_lines_that_a_shell_joins() -> None:
    line = "scamdetect export reviewed.csv -o ours.csv --organisation 'Our Bank'"
    lines = wrapped(line, 40)
    assert len(lines) > 1 and max(map(len, lines)) <= 40
    assert arguments("".join(one.removesuffix("\\") for one in lines)) == arguments(line)


def test_help_is_drawn_on_a_terminal_and_plain_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, printed = on_a_terminal(tmp_path, "queue", "--help", columns=60)
    assert "\x1b[" in printed and "╭" in printed
    assert "scamdetect queue april.parquet -n 200" in printed.replace("\r\n", "\n")
    monkeypatch.setenv("NO_COLOR", "1")
    _, plain = on_a_terminal(tmp_path, "queue", "--help")
    assert "\x1b" not in plain
    assert plain.replace("\r\n", "\n") == command(tmp_path, "queue", "--help").stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_a_script_that_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    monkeypatch.setenv("_SCAMDETECT_COMPLETE", f"{shell}_source")
    done = command(tmp_path)
    assert done.returncode == 0
    assert f"_SCAMDETECT_COMPLETE={shell}_complete" in done.stdout.replace('"', "")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("scamdetect sc", "plain,score"), ("scamdetect indicators ex", "plain,export"),
     ("scamdetect score --only", "plain,--only-flagged")],
)  # fmt: skip
def test_commands_and_options_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, offered: str
) -> None:
    monkeypatch.setenv("_SCAMDETECT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    assert command(tmp_path).stdout.splitlines() == [offered]
