"""Every command of the README and of the pages in docs/ runs, or docs_pages.py says why not."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest
from docs_pages import (
    CODES,
    NOT_RUN,
    NOT_RUN_HERE,
    PAGES,
    masked,
    run_page,
    shown,
)
from docs_samples import ROOT
from markdown_blocks import arguments, blocks, commands, inline_commands, program

from scamdetect.cli.commands import cli


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_runs_and_prints_what_it_shows(
    page: Path, tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outputs = shown(page)
    found = run_page(page, None if outputs else tiny_bundle)
    for number, (output, printed) in enumerate(zip(outputs, found, strict=True), start=1):
        assert masked(output) == masked(printed), (
            f"output {number}: run python tests/docs_pages.py --write {name(page)}"
        )


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_options_of_all_commands_exist(page: Path) -> None:
    for line in commands(page):
        if program(line) == "scamdetect":
            parse(arguments(line), whole=True)
    for words in inline_commands(page):
        parse(words[1:], whole=False)


def parse(words: list[str], *, whole: bool) -> None:
    """Raise UsageError unless commands and options exist; ``whole`` ones need their values too."""
    command: click.Command = cli
    # What a page says in capitals or brackets stands for something.
    while isinstance(command, click.Group) and words and words[0].islower():
        found = command.get_command(click.Context(command), words[0])
        assert found, f"scamdetect has no command {words[0]}"
        command, words = found, words[1:]
    context = click.Context(command)
    if whole:
        command.make_parser(context).parse_args(list(words))
        return
    known = {
        option
        for parameter in command.get_params(context)
        for option in (*parameter.opts, *getattr(parameter, "aliases", ()))
    }
    for word in words:
        if word.startswith("-") and word != "-":
            assert word.partition("=")[0] in known | {"--help"}, f"{command.name} has no {word}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_extras_that_pip_is_asked_for_exist(page: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for line in commands(page):
        for extras in re.findall(r"\[(.+?)\]", line) if program(line) == "pip" else ():
            assert set(extras.split(",")) <= set(project["optional-dependencies"]), line


def test_no_entry_of_the_tables_is_left_over() -> None:
    lines = [line for page in PAGES for line in commands(page)]
    assert [begin for begin in NOT_RUN if not any(x.startswith(begin) for x in lines)] == []
    assert [line for line in CODES if line not in lines] == []
    code = "".join(block.code for page in PAGES for block in blocks(page))
    assert [word for word in NOT_RUN_HERE if word not in code] == []
    tests = re.findall(r"tests/\w+\.py", " ".join([*NOT_RUN.values(), *NOT_RUN_HERE.values()]))
    assert [test for test in tests if not (ROOT / test).is_file()] == []


def test_a_wrong_option_or_command_is_found() -> None:
    with pytest.raises(click.UsageError):
        parse(["score", "a.csv", "--no-such-option"], whole=True)
    with pytest.raises(AssertionError):
        parse(["score", "--no-such-option"], whole=False)
    with pytest.raises(AssertionError):
        parse(["scores"], whole=False)


def test_blocks_are_read_as_a_shell_reads_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```sh\npip install . && scamdetect doctor   # once\n"
        "scamdetect predict 'a # b' \\\n  --json\n```\n\n"
        "- in a list:\n\n      scamdetect doctor\n\n```python\nscamdetect = 1\n```\n",
        encoding="utf-8",
    )
    assert list(commands(page)) == [
        "pip install .",
        "scamdetect doctor",
        "scamdetect predict 'a # b'    --json",
        "scamdetect doctor",
    ]
