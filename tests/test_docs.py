"""The README and the pages in docs/: their commands, code, links and figures."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from unittest.mock import patch

import click
import pytest
from docs_samples import ROOT, SAMPLES
from markdown_blocks import arguments, block_commands, blocks, commands, inline_commands, paths

from scamdetect.bundle.bundle import Bundle
from scamdetect.cli import main as scamdetect
from scamdetect.cli.commands import cli

# The log keeps the commands of its days.
PAGES = (
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.name != "LOG.md"),
)
# The beginnings of commands that need a network, a corpus, half an hour or another test.
NOT_RUN = (
    "scamdetect bench", "scamdetect data", "scamdetect export", "scamdetect finetune",
    "scamdetect model p", "scamdetect score 's3://", "scamdetect serve", "scamdetect train",
)  # fmt: skip
# Words in Python blocks that need a cluster, a broker or a bucket; those have tests of their own.
NOT_RUN_HERE = ("confluent_kafka", "engines.ray", "engines.spark", "s3://", "finetune(")


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_commands_and_options_exist(page: Path) -> None:
    for line in commands(page):
        if line.startswith("scamdetect "):
            parse(arguments(line), complete=True)
    for words in inline_commands(page):
        parse(words[1:], complete=False)


def parse(words: list[str], *, complete: bool) -> None:
    """Fail unless commands and options exist; ``complete`` commands need their values too."""
    command: click.Command = cli
    # Words in capitals or brackets stand for something.
    while isinstance(command, click.Group) and words and words[0].islower():
        name, *words = words
        known = command.get_command(click.Context(command), name)
        assert known, f"scamdetect has no command {name}"
        command = known
    context = click.Context(command)
    if complete:
        command.make_parser(context).parse_args(list(words))
        return
    options = {name for option in command.get_params(context) for name in option.opts}
    for word in words:
        if word.startswith("-") and word != "-":
            assert word.partition("=")[0] in options | {"--help"}, f"{command.name} has no {word}"


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_and_pictures_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert ":" in target or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_extras_exist(page: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extras in re.findall(r"pip install '\.\[(.+?)\]'", page.read_text(encoding="utf-8")):
        assert set(extras.split(",")) <= set(project["optional-dependencies"]), extras


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES[1:], ids=page_name)
def test_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if page.name == "cli.md":
        pytest.skip("its examples name files of nobody")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__docs__"}  # a block may continue the one above it
    for block in blocks(page):
        if block.language == "python" and not any(word in block.code for word in NOT_RUN_HERE):
            make_samples(re.findall(r"\"([\w./-]+)\"", block.code))
            exec(compile(block.code, page.name, "exec"), names)
        for line in block_commands(block, page):
            if line.startswith("scamdetect ") and not line.startswith(NOT_RUN):
                words = arguments(line)
                make_samples(list(paths(words)))
                assert exit_code(words) == 0, f"{page.name}: {line}"


def make_samples(names: list[str]) -> None:
    for name in names:
        known = next((sample for sample in (name, f"{name}/") if sample in SAMPLES), None)
        if known and not Path(name).exists():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            SAMPLES[known](Path(name))


def exit_code(words: list[str]) -> int:
    with patch.object(sys, "argv", ["scamdetect", *words]):
        try:
            scamdetect()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


def test_the_reference_of_the_command_line_is_current() -> None:
    from docs.hooks.cli_reference import END, PAGE, START, reference

    page = PAGE.read_text(encoding="utf-8")
    shown = page[page.index(START) + len(START) : page.index(END)]
    assert shown.strip() == reference().strip(), "run: python docs/hooks/cli_reference.py --write"


def test_the_changelog_names_the_shipped_bundle_with_its_thresholds() -> None:
    shipped = Bundle.load()
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{re.escape(shipped.model_id)}` \|.*$", changelog, re.MULTILINE)
    assert f"{shipped.thresholds.flag:.4f}" in row and f"{shipped.thresholds.review:.4f}" in row


def test_the_install_page_names_every_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    for extra in project["optional-dependencies"]:
        assert f"`{extra}`" in page, extra


@pytest.mark.slow
def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="needs the extra docs")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    loaded = r"<(?:script|img|iframe|source)[^>]*\ssrc=\"(?:\w+:)?//|<link[^>]*stylesheet[^>]*//"
    for page in tmp_path.rglob("*.html"):
        assert not re.search(loaded, page.read_text(encoding="utf-8")), page.name
    assert (tmp_path / "index.html").is_file()


def test_a_wrong_command_or_option_is_noticed() -> None:
    with pytest.raises(click.UsageError):
        parse(["score", "a.csv", "--no-such-option"], complete=True)
    with pytest.raises(AssertionError), contextlib.suppress(click.UsageError):
        parse(["scores"], complete=False)
