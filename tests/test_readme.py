"""The README says what the project does: its commands run in CI, its figures come from results."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

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

ROOT = Path(__file__).resolve().parent.parent


def test_it_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 120


def test_ci_runs_the_commands_of_the_readme() -> None:
    commands = re.findall(r"```sh\n(.+?)\n```", README.read_text(encoding="utf-8"), re.DOTALL)
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert commands[0].startswith("git clone ") and len(commands) == 4
    assert all(command in ci for command in commands[1:])


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


def test_the_tables_are_those_that_the_results_give() -> None:
    text = README.read_text(encoding="utf-8")
    shown = text[text.index(START) + len(START) : text.index(END)].strip()
    found = load()
    assert shown == "\n".join(front(found))
    assert PAGE.read_text(encoding="utf-8") == "\n".join(page(found)) + "\n"
    assert GROUPS_PAGE.read_text(encoding="utf-8") == "\n".join(groups_page(found)) + "\n"


def test_the_example_runs_on_the_shipped_bundle(capsys: pytest.CaptureFixture[str]) -> None:
    example = re.search(r"```python\n(.+?)\n```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    names: dict[str, object] = {}
    exec(example[1], names)
    assert isinstance(names["prediction"], Prediction)
    assert capsys.readouterr().out


def test_the_shipped_bundle_scores_in_many_languages() -> None:
    with ScamDetector.load() as detector:
        predictions = detector.predict(["สวัสดีค่ะ", "Hola, ¿cómo estás?", "你好", "مرحبا", None])
    assert [p.decision for p in predictions][-1] == "unscored"
    assert all(0 <= (p.scam_probability or 0) <= 1 for p in predictions[:-1])
