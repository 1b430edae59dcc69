"""The README says what the project does: its commands run in CI, its figures come from results."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import click
import pytest

from benchmarks.first_minutes import readme_commands
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


MOST_LINES, MOST_BYTES = 120, 200_000


def test_it_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_ci_runs_the_commands_of_the_readme() -> None:
    commands = re.findall(r"```sh\n(.+?)\n```", README.read_text(encoding="utf-8"), re.DOTALL)
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert commands[0].startswith("git clone ") and len(commands) == 4
    assert set(commands[1:]) <= {line.strip() for line in ci}


def test_the_pictures_are_small_and_load_nothing() -> None:
    pictures = re.findall(r"!\[(.+)\]\((.+)\)", README.read_text(encoding="utf-8"))
    assert {Path(name).suffix for _, name in pictures} == {".png", ".svg"}
    for words, name in pictures:
        content = (ROOT / name).read_bytes()
        assert len(words) > 20 and len(content) < MOST_BYTES
        if name.endswith(".svg"):
            assert not re.search(rb"@font-face|@import|<script|(?<!xmlns)=\"https?:", content)


def test_the_counts_of_the_sample_are_those_of_the_shipped_bundle() -> None:
    columns = {"inbox.csv": "text", "inbox_labels.csv": "verdict"}
    texts, verdicts = (
        [row[column] for row in _rows(ROOT / "data" / "samples" / name)]
        for name, column in columns.items()
    )
    decisions = [one.decision.value for one in ScamDetector.load().predict(texts)]
    found = Counter(zip(verdicts, decisions, strict=True))
    line = re.search(r"^Of \d+ scams in the sample .+$", README.read_text("utf-8"), re.MULTILINE)
    assert line
    shown = [int(number) for number in re.findall(r"\d+", line[0])]
    flag, review, passed = (found["scam", one] for one in ("flag", "review", "pass"))
    scams, honest = verdicts.count("scam"), verdicts.count("legit")
    assert shown == [
        scams, flag, review, passed, honest, found["legit", "flag"], found["legit", "review"]
    ]  # fmt: skip


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("## Try it\n```sh\na b\nc\n```\n```text\nd\n```\n## Next\n```sh\ne\n```\n", ["a b", "c"]),
        ("## Next\n```sh\ne\n```\n", []),
    ],
)
def test_first_minutes_reads_the_commands_of_its_section(page: str, found: list[str]) -> None:
    assert readme_commands(page) == found


def test_first_minutes_finds_a_clone_and_commands_that_score_and_report() -> None:
    clone, *commands = readme_commands(README.read_text(encoding="utf-8"))
    assert clone.startswith("git clone ") and "scamdetect score" in commands[0]
    assert "scamdetect report" in commands[-1]


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
    assert named
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
