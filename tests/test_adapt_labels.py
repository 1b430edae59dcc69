"""Labels of a queue read back, and what they say of the dump."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from command_line import command
from scored_rows import scored_row, write_scored

from scamdetect.adapt.labels import (
    Answer,
    estimates,
    read_answers,
    write_csv,
    write_labelled,
    write_tasks,
)
from scamdetect.adapt.queue import choose_queue
from scamdetect.errors import InputError
from scamdetect.labels import Decision


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    scores = np.random.default_rng(0).random(200).tolist()
    texts = [f'=message {chr(97 + n % 26) * 9} {chr(0x4E00 + n) * 5}, "so"' for n in range(200)]
    rows = [
        {"id": n, "text": text} | scored_row(score, kinds=["romance", "crypto"])
        for n, (score, text) in enumerate(zip(scores, texts, strict=True))
    ]
    return write_scored(tmp_path / "scored.parquet", rows)


def fill(path: Path, label: Callable[[dict[str, str]], str], delimiter: str = ",") -> Path:
    """Fill the column label of a queue, as a person with a spreadsheet would."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows([row | {"label": label(row)} for row in rows])
    return path


def by_score(row: dict[str, str]) -> str:
    return "Scam " if float(row["scam_probability"]) > 0.8 else "legit"


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_queue_filled_in_a_spreadsheet_comes_back(
    tmp_path: Path, scored: Path, delimiter: str
) -> None:
    queue = choose_queue(scored, 40, audit=0.5, key_column="id")
    write_csv(queue.rows, tmp_path / "queue.csv")
    assert b",\"'=message" in (tmp_path / "queue.csv").read_bytes(), "no cell runs as a formula"
    answers = read_answers(fill(tmp_path / "queue.csv", by_score, delimiter))
    assert len(answers.usable) == 40 and answers.audit == 20
    assert not (answers.missing or answers.unknown or answers.contradicting or answers.unsure)
    texts = {row.row: row.text for row in queue.rows}
    assert all(answer.text == texts[answer.row] for answer in answers.usable)
    assert sum(1 / a.inclusion_probability for a in answers.usable if a.audited) == (
        pytest.approx(200)
    )  # fmt: skip
    write_labelled(answers.usable, tmp_path / "labelled.csv")
    again = read_answers(tmp_path / "labelled.csv")
    assert again == answers


def test_wrong_labels_are_told_with_their_rows(tmp_path: Path, scored: Path) -> None:
    queue = choose_queue(scored, 20)
    write_csv(queue.rows, tmp_path / "queue.csv")
    first, second, third, fourth = (str(row.row) for row in queue.rows[:4])
    wrong = {first: "", second: "fraud", third: "unsure"}
    fill(tmp_path / "queue.csv", lambda row: wrong.get(row["row"], "legit"))
    lines = (tmp_path / "queue.csv").read_text(encoding="utf-8-sig").splitlines()
    twice = next(line for line in lines if line.startswith(f"{fourth},"))
    with (tmp_path / "queue.csv").open("a", encoding="utf-8") as file:
        file.write(twice.replace(",legit,", ",scam,") + "\n")
    answers = read_answers(tmp_path / "queue.csv")
    assert answers.missing == (int(first),) and answers.unsure == (int(third),)
    assert answers.unknown == ((int(second), "fraud"),)
    assert answers.contradicting == (int(fourth),)
    assert len(answers.usable) == 16
    done = command(tmp_path, "labels", "queue.csv")
    assert done.returncode == 1
    assert f"without a label: rows {first}" in done.stdout
    assert f"unknown label 'fraud': rows {second}; known are" in done.stdout
    assert f"different labels for one message or one text: rows {fourth};" in done.stdout


def test_kinds_are_read_and_unknown_ones_named(tmp_path: Path, scored: Path) -> None:
    queue = choose_queue(scored, 20)
    write_csv(queue.rows, tmp_path / "queue.csv")
    with (tmp_path / "queue.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    given = [("scam", "Romance, crypto;romance"), ("scam", "love|loan"), ("legit", "loan")]
    for row, (label, kinds) in zip(rows, given, strict=False):
        row |= {"label": label, "label_kinds": kinds}
    with (tmp_path / "queue.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    answers = read_answers(tmp_path / "queue.csv")
    named = {answer.row: answer.kinds for answer in answers.usable}
    first, second, third = (int(row["row"]) for row in rows[:3])
    assert named == {first: ("romance", "crypto"), second: ("loan",), third: ()}
    assert answers.unknown_kinds == ((second, "love"),)
    done = command(tmp_path, "labels", "queue.csv")
    assert done.returncode == 1 and f"'love': rows {second}" in done.stdout


def test_a_queue_without_kinds_is_read_and_merged(tmp_path: Path, scored: Path) -> None:
    queue = choose_queue(scored, 20)
    write_csv(queue.rows, tmp_path / "queue.csv")
    fill(tmp_path / "queue.csv", by_score)
    with (tmp_path / "queue.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [dict(row) for row in csv.DictReader(file)]
    with (tmp_path / "queue.csv").open("w", encoding="utf-8-sig", newline="") as file:
        names = [name for name in rows[0] if name != "label_kinds"]
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    assert {answer.kinds for answer in read_answers(tmp_path / "queue.csv").usable} == {()}
    done = command(tmp_path, "queue", scored, "-n", "30", "--merge")
    assert done.returncode == 0 and "kept 20 rows with a label" in done.stderr
    with (tmp_path / "queue.csv").open(encoding="utf-8-sig", newline="") as file:
        assert "label_kinds" in next(csv.reader(file))


def test_one_text_under_two_labels_is_a_contradiction(tmp_path: Path) -> None:
    rows = [{"text": "the same words here"} | scored_row(0.5)] * 2
    queue = choose_queue(write_scored(tmp_path / "s.parquet", rows), 2, audit=1)
    write_csv(queue.rows, tmp_path / "q.csv")
    answers = read_answers(
        fill(tmp_path / "q.csv", lambda row: "scam" if row["row"] == "1" else "legit")
    )
    assert answers.contradicting == (1, 2) and not answers.usable


def annotated(task: dict[str, Any], *choices: str, cancelled: bool = False) -> dict[str, Any]:
    results = [
        {"from_name": "label", "type": "choices", "value": {"choices": [choice]}}
        for choice in choices
    ]
    return task | {
        "annotations": [{"result": [result], "was_cancelled": cancelled} for result in results]
    }


def test_label_studio_gets_tasks_and_gives_labels(tmp_path: Path, scored: Path) -> None:
    queue = choose_queue(scored, 10, audit=0.5)
    config = write_tasks(queue.rows, tmp_path / "tasks.json")
    view = ElementTree.fromstring(config.read_text(encoding="utf-8"))
    assert [c.get("value") for c in view.iter("Choice")] == ["legit", "spam", "scam", "unsure"]
    shown = config.read_text(encoding="utf-8")
    assert "$decision" not in shown and "$scam_probability" not in shown
    tasks = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    for name in (view.find("Text").get("value"), "$language"):  # type: ignore[union-attr]
        assert all(str(name)[1:] in task["data"] for task in tasks)
    export = [
        annotated(tasks[0], "scam", "scam"),
        annotated(tasks[1], "scam", "legit"),
        annotated(tasks[2], "scam", cancelled=True),
        *(annotated(task, "legit") for task in tasks[3:]),
    ]
    (tmp_path / "export.json").write_text(json.dumps(export), encoding="utf-8")
    answers = read_answers(tmp_path / "export.json")
    rows = [int(task["data"]["row"]) for task in tasks]
    assert answers.contradicting == (rows[1],) and answers.missing == (rows[2],)
    assert {a.row: a.label for a in answers.usable}[rows[0]] == "scam"
    mini = [task["data"] | {"label": "legit"} for task in tasks]
    (tmp_path / "mini.json").write_text(json.dumps(mini), encoding="utf-8")
    assert len(read_answers(tmp_path / "mini.json").usable) == 10


def answer(row: int, label: str, decision: str, chance: float | None = 0.1) -> Answer:
    return Answer(row, "", label, Decision(decision), chance, {})


def test_rates_come_from_the_random_part_alone() -> None:
    drawn = [
        *(answer(n, "scam", "flag") for n in range(6)),
        *(answer(n, "scam", "review") for n in range(3)),
        *(answer(n, "scam", "pass") for n in range(1)),
        *(answer(n, "spam", "flag") for n in range(2)),
        *(answer(n, "legit", "flag") for n in range(1)),
        *(answer(n, "legit", "pass") for n in range(87)),
    ]
    chosen = [answer(n, "scam", "pass", None) for n in range(50)]
    found = {one.name: (one.hits, one.of) for one in estimates([*drawn, *chosen])}
    assert found == {
        "scams among the messages": (10, 100),
        "recall at flag": (6, 10),
        "precision at flag": (6, 9),
        "false-positive rate at flag": (1, 88),
        "recall at flag or review": (9, 10),
        "precision at flag or review": (9, 12),
        "false-positive rate at flag or review": (1, 88),
    }
    assert all(one.interval[0] <= (one.rate or 0) <= one.interval[1] for one in estimates(drawn))


def test_the_commands_go_from_queue_to_labels(tmp_path: Path, scored: Path) -> None:
    done = command(tmp_path, "queue", scored, "-n", "40", "--audit", "0.5", "--key-column", "id")
    assert done.returncode == 0, done.stderr
    assert "40 of 200 messages: 20 drawn at random, 20 near the thresholds" in done.stdout
    empty = command(tmp_path, "labels", "queue.csv")
    assert empty.returncode == 0 and "without a label 40" in empty.stdout
    assert "no rate can be estimated" in empty.stdout
    fill(tmp_path / "queue.csv", by_score)
    read = command(tmp_path, "labels", "queue.csv", "-o", "labelled.csv")
    assert read.returncode == 0, read.stderr
    assert "From 20 labelled of 20 messages drawn at random" in read.stdout
    with (tmp_path / "labelled.csv").open(encoding="utf-8", newline="") as file:
        labelled = list(csv.DictReader(file))
    assert len(labelled) == 40 and {row["label"] for row in labelled} == {"scam", "legit"}
    assert all(row["text"].startswith("=message") for row in labelled)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("empty.csv", "", "empty"),
        ("other.csv", "id,text\n1,hello\n", "no column 'row'"),
        ("none.csv", "row,text,label,part,inclusion_probability,decision\n", "no message"),
        (
            "row.csv",
            "row,text,label,part,inclusion_probability,decision\nx,hi,scam,audit,0.1,flag\n",
            "record 1 has .* 'row'",
        ),
        (
            "chance.csv",
            "row,text,label,part,inclusion_probability,decision\n1,hi,scam,audit,,flag\n",
            "row 1: decision, part and inclusion_probability",
        ),
        ("broken.json", "[", "not readable as JSON"),
        ("object.json", "{}", "a list of tasks"),
        ("tasks.json", '[{"data": {"text": "hi"}}]', "task 1 has no row, part"),
    ],
)
def test_what_no_queue_wrote_is_refused(tmp_path: Path, name: str, content: str, told: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        read_answers(tmp_path / name)
