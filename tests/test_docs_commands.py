"""Every command of the README and of the pages in docs/ runs, or says here why it cannot."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import click
import pytest
from docs_samples import ROOT, SAMPLES
from markdown_blocks import arguments, blocks, commands, inline_commands, paths, program

from scamdetect.bundle import bundle
from scamdetect.cli import main
from scamdetect.cli.commands import cli

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

# The beginnings of commands that a test cannot run, and why; their options are checked all the
# same.
NOT_RUN = {
    "scamdetect average": "needs trained runs; tests/test_train_mean_of_runs.py makes small ones",
    "scamdetect bench generators": "trains; tests/test_bench_generators.py runs small ones",
    "scamdetect bench report": "needs a run; tests/test_cli_bench.py makes one",
    "scamdetect bench run": "scores thousands of messages; tests/test_cli_bench.py scores few",
    "scamdetect cascade": "needs the corpus; tests/test_train_cascade.py has a small one",
    "scamdetect conversations": "needs the corpus; tests/test_train_conversations.py has one",
    "scamdetect data audit": "needs the corpus; tests/test_data_reports.py has a small one",
    "scamdetect data verify": "needs reference rows; tests/test_cli.py invents some",
    "scamdetect card": "needs an evaluation; tests/test_train_card.py has one",
    "scamdetect data build": "needs public sources; tests/test_train_data_corpus.py invents some",
    "scamdetect data fetch": "loads from the network",
    "scamdetect evaluate": "needs the corpus; tests/test_evaluate_report.py has a small one",
    "scamdetect export": "needs a trained run; tests/test_train_release.py makes a small one",
    "scamdetect finetune": "trains; tests/test_train_finetune.py runs a small one",
    "scamdetect fingerprints make": "tests/test_share_fingerprint_files.py makes some",
    "scamdetect fingerprints match": "tests/test_share_fingerprint_files.py matches some",
    "scamdetect hub": "needs the network; tests/test_hub.py has a hub of its own",
    "scamdetect score 's3://": "needs a bucket; tests/test_dumps_remote.py has a local one",
    "scamdetect score dumps/ -o scored.parquet --engine": "tests/test_engines_ray.py runs it",
    "scamdetect serve": "does not end by itself; tests/test_serving_process.py ends it",
    "scamdetect train": "takes half an hour; tests/test_train_fit.py takes a step",
    "scamdetect words": "needs the corpus; tests/test_train_words.py has a small one",
    ".": "a shell's own",
    "curl": "needs a running service; tests/test_serve_openapi.py sends the requests",
    "export": "a shell's own",
    "jupyter": "does not end by itself",
    "mkdocs": "tests/test_docs_site.py builds the site",
    "mypy": "run by CI beside the tests",
    "pip": "run by CI, or loads from the network; the extras that it names are checked here",
    "podman": "needs podman and the network",
    "pytest": "these are the tests",
    "python docs/hooks/cli_reference.py": "tests/test_docs_site.py compares its page",
    "python3 -m venv": "run by CI",
    "ruff": "run by CI beside the tests",
}
# Words in blocks of Python that other tests run, with the test.
NOT_RUN_HERE = {
    "duckdb": "tests/test_docs_scale.py",
    "scamdetect.hub": "tests/test_hub.py",
    "score_dataset": "tests/test_docs_scale.py",
    "score_frame": "tests/test_docs_scale.py",
}
# Commands that end with another code than 0 when all is well.
CODES: dict[str, int] = {}


def name(page: Path) -> str:
    return page.name


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def why_not(line: str) -> str | None:
    line = line[line.index(program(line)) :]
    return next((reason for begin, reason in NOT_RUN.items() if line.startswith(begin)), None)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_commands_of_a_page_run_in_their_order(
    page: Path, workplace: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "default_bundle_path", lambda: tiny_bundle)
    for line in commands(page):
        if why_not(line) is not None:
            continue
        assert program(line) == "scamdetect", f"{page.name}: no entry in NOT_RUN for: {line}"
        words = arguments(line)
        for needed in paths(words):
            if needed in SAMPLES and not (workplace / needed).exists():
                (workplace / needed).parent.mkdir(parents=True, exist_ok=True)
                SAMPLES[needed](workplace / needed)
        assert run(words, monkeypatch) == CODES.get(line, 0), f"{page.name}: {line}"


def run(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the exit code of the command line in this process."""
    monkeypatch.setattr(sys, "argv", ["scamdetect", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


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


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_python_of_a_page_runs(page: Path, workplace: Path) -> None:
    names: dict[str, object] = {"__name__": "__docs__"}  # a block may go on from the one above it
    for block in blocks(page):
        elsewhere = any(word in block.code for word in NOT_RUN_HERE)
        if block.language == "python" and not elsewhere:
            exec(compile(block.code, page.name, "exec"), names)


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
