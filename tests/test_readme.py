"""The README says what the project does: its commands run in CI, its figures come from results."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from benchmarks.results_page import (
    END,
    GROUPS_PAGE,
    PAGE,
    README,
    START,
    front,
    groups_page,
    load,
    page,
)
from scamdetect import Prediction, ScamDetector
from scamdetect.bundle.bundle import Bundle
from scamdetect.cli.commands import cli as main

ROOT = Path(__file__).resolve().parent.parent


def test_ci_runs_the_commands_of_the_readme() -> None:
    commands = re.findall(r"```sh\n(.+?)\n```", README.read_text(encoding="utf-8"), re.DOTALL)
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert len(commands) == 2
    assert set(commands) <= {line.strip() for line in ci}


def test_the_tables_are_those_that_the_results_give() -> None:
    text = README.read_text(encoding="utf-8")
    shown = text[text.index(START) + len(START) : text.index(END)].strip()
    found = load()
    assert shown == "\n".join(front(found))
    assert PAGE.read_text(encoding="utf-8") == "\n".join(page(found)) + "\n"
    assert GROUPS_PAGE.read_text(encoding="utf-8") == "\n".join(groups_page(found)) + "\n"


def test_the_figures_are_of_the_shipped_bundle() -> None:
    found, shipped = load(), Bundle.load().model_id
    assert found.ours == shipped != found.names[1]
    for record in (found.final, found.everyday, found.untrained, found.evasion, found.opened):
        assert record["model_id"] == shipped


def test_the_example_runs_on_the_shipped_bundle(capsys: pytest.CaptureFixture[str]) -> None:
    example = re.search(r"```python\n(.+?)\n```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    names: dict[str, object] = {}
    exec(example[1], names)
    assert isinstance(names["prediction"], Prediction)
    assert capsys.readouterr().out


def test_the_commands_that_it_names_exist_with_their_options() -> None:
    named = re.findall(r"`scamdetect ([a-z].*?)`", " ".join(README.read_text("utf-8").split()))
    assert len(named) >= 5
    for line in named:
        command: click.Command = main
        for word in line.split():
            if isinstance(command, click.Group):
                found = command.get_command(click.Context(command), word)
                assert found, line
                command = found
            elif word.startswith("--"):
                options = {name for parameter in command.params for name in parameter.opts}
                assert word in options | {"--help"}, line


def test_links_lead_somewhere() -> None:
    for file in (README, *sorted((ROOT / "docs").rglob("*.md"))):
        for target in re.findall(r"\]\(([^)#]+)\)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name}: {target}"


def test_the_shipped_bundle_scores_in_many_languages() -> None:
    with ScamDetector.load() as detector:
        predictions = detector.predict(["สวัสดีค่ะ", "Hola, ¿cómo estás?", "你好", "مرحبا", None])
    assert [p.decision for p in predictions][-1] == "unscored"
    assert all(0 <= (p.scam_probability or 0) <= 1 for p in predictions[:-1])
