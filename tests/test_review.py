"""A queue of messages to label: what is chosen, how labels are read, and the rates from them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from command_line import run
from hypothesis import given
from hypothesis import strategies as st
from report_rows import MISSED, dump, missed, rows, texts
from scored_rows import FLAG, REVIEW, scored_row, write_scored

from scamdetect.adapt.labels import Answer, estimates, read_answers, record, write_records
from scamdetect.adapt.queue import AUDIT, UNCERTAIN, Queue, choose_queue
from scamdetect.adapt.sampling import quotas
from scamdetect.errors import InputError
from scamdetect.labels import Decision
from scamdetect.scored.campaigns import write_campaigns
from scamdetect.text.masking import template_key
from scamdetect.text.near_duplicates import alike_groups

_ATTACKS = ["=cmd()", "'=1", 'a;b\r\n"c", d', "+49 30", "\t@x", "it's", " \u202eturned", "'"]


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(0)
    spread = [
        {"id": f"s{n}", "text": text} | scored_row(float(score))
        for n, (text, score) in enumerate(
            zip(texts(1500, 1), random.beta(0.4, 2, 1500), strict=True)
        )
    ]
    copies = [
        {"id": f"c{n}", "text": f"pay {n} at the desk today, dear friend"} | scored_row(FLAG)
        for n in range(200)
    ]
    unscored = [{"id": "none", "text": ""} | scored_row(None)] * 50
    all_rows = [*spread, *copies, *unscored, *rows(60, 2, language="th")]
    return dump(tmp_path_factory.mktemp("queue") / "scored.parquet", all_rows)


def write(queue: Queue, path: Path) -> Path:
    write_records([record(row) for row in queue.rows], path)
    return path


def cells(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fill(
    path: Path, change: Callable[[int, dict[str, str]], dict[str, str]], sep: str = ","
) -> None:
    """Change the rows of a queue, and save it as a spreadsheet does."""
    changed = [row | change(number, row) for number, row in enumerate(cells(path))]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(changed[0]), delimiter=sep)
        writer.writeheader()
        writer.writerows(changed)


@given(st.dictionaries(st.text("abcdef", min_size=2, max_size=2), st.integers(0, 400)),
       st.integers(0, 300))  # fmt: skip
def test_quotas_use_all_places(counts: dict[str, int], n: int) -> None:
    shares = quotas(counts, n)
    assert sum(shares.values()) == min(n, sum(counts.values()))
    assert all(shares[name] <= counts[name] for name in shares)
    assert n < len(shares) or all(shares.values()), "each language that occurs gets one"


def test_audit_rows_are_drawn_with_one_probability(scored: Path) -> None:
    queue = choose_queue(scored, 100)
    audit = [row for row in queue.rows if row.part == AUDIT]
    assert len(audit) == 20 and queue.messages == 1760
    assert {row.inclusion_probability for row in audit} == {20 / 1760}
    assert all(row.inclusion_probability is None for row in queue.rows if row.part == UNCERTAIN)
    assert choose_queue(scored, 100) == queue != choose_queue(scored, 100, seed=1)


def test_uncertain_rows_are_near_the_thresholds_and_unlike_each_other(scored: Path) -> None:
    uncertain = [row for row in choose_queue(scored, 100).rows if row.part == UNCERTAIN]
    for name, threshold in (("flag", FLAG), ("review", REVIEW)):
        scores = [row.scam_probability for row in uncertain if row.near == name]
        assert np.median(np.abs(np.array(scores) - threshold)) < 0.15 and len(scores) > 20
    assert len(alike_groups(template_key(row.text) for row in uncertain)) == len(uncertain)
    assert 5 <= sum(row.language == "th" for row in uncertain) < 60


@pytest.mark.parametrize("audit", [0.0, 0.5, 1.0])
def test_a_short_dump_gives_each_message_once(tmp_path: Path, audit: float) -> None:
    few = dump(tmp_path / "few.parquet", rows(7, 3))
    chosen = [row.row for row in choose_queue(few, 50, audit=audit).rows]
    assert len(set(chosen)) == len(chosen) <= 7 and (not audit or len(chosen) == 7)


def test_without_a_job_record_the_thresholds_are_those_of_the_bundle(
    tmp_path: Path, tiny_bundle: Path
) -> None:
    path = write_scored(tmp_path / "bare.parquet", rows(50, 3))
    queue = choose_queue(path, 10, audit=0, model=tiny_bundle)
    assert {row.near for row in queue.rows} == {"flag", "review"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text_column": "body"}, "no column 'body'"),
        ({"key_column": "sender"}, "no column 'sender'"),
        ({"n": 0}, "n must be at least 1.*n=0"),
    ],
)
def test_wrong_options_are_refused(scored: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose_queue(scored, **{"n": 10} | options)


def test_the_label_of_a_campaign_counts_for_its_messages(tmp_path: Path) -> None:
    path = dump(tmp_path / "scored.parquet", [*missed(), *rows(80, 1)])
    write_campaigns(path)
    done = run("review", "queue", "scored.parquet", "-n", "20", cwd=tmp_path)
    assert "one row each for 1 campaigns that are large and not flagged, of 40" in done.stdout
    fill(tmp_path / "queue.csv", lambda n, row: {"label": "scam" if row["campaign"] else "legit"})
    (campaign,) = [row for row in cells(tmp_path / "queue.csv") if row["campaign"]]
    assert campaign["text"] == MISSED.format(0, 0)
    done = run("review", "labels", "queue.csv", "-o", "own.csv", cwd=tmp_path)
    assert "campaigns labelled scam: 1, of 40 messages, 40 of them not flagged" in done.stdout
    usable = read_answers(tmp_path / "own.csv").usable
    assert estimates(usable) == estimates([answer for answer in usable if answer.audited])


@pytest.mark.parametrize("sep", [",", ";", "\t"])
def test_texts_are_the_same_after_a_spreadsheet(tmp_path: Path, sep: str) -> None:
    attacks = [{"text": f"{text} {n}"} | scored_row(0.5) for n, text in enumerate(_ATTACKS)]
    queue = choose_queue(dump(tmp_path / "s.parquet", attacks), 20, audit=1)
    path = write(queue, tmp_path / "queue.csv")
    assert all(row["text"][0] not in "=+\t@" for row in cells(path)), "no cell runs as a formula"
    fill(path, lambda n, row: {"label": " Legit "}, sep)
    answers = read_answers(path)
    assert {a.row: a.text for a in answers.usable} == {row.row: row.text for row in queue.rows}
    assert answers.audit == len(_ATTACKS)


def test_wrong_labels_are_listed_with_their_rows(tmp_path: Path, scored: Path) -> None:
    path = write(choose_queue(scored, 20), tmp_path / "queue.csv")
    given_ = [("", ""), ("fraud", ""), ("unsure", ""), ("scam", "Romance, crypto;romance"),
              ("scam", "love|loan"), ("legit", "loan")]  # fmt: skip

    def change(number: int, row: dict[str, str]) -> dict[str, str]:
        label, kinds = given_[number] if number < len(given_) else ("legit", "")
        return {"label": label, "label_kinds": kinds}

    fill(path, change)
    numbers = [row["row"] for row in cells(path)]
    with path.open("a", encoding="utf-8") as file:
        file.write(path.read_text("utf-8-sig").splitlines()[7].replace(",legit,", ",scam,") + "\n")
    done = run("review", "labels", "queue.csv", cwd=tmp_path)
    assert done.exit_code == 1
    for line in (
        f"without a label: rows {numbers[0]}",
        f"unknown label 'fraud': rows {numbers[1]}; known labels are legit, spam, scam, unsure",
        f"unknown kind 'love': rows {numbers[4]}; known kinds are ",
        f"different labels for one message or one text: rows {numbers[6]};",
        "kinds of scam: romance 1, crypto 1, loan 1",
    ):
        assert line in done.stdout


def test_label_studio_gets_tasks_and_gives_labels(tmp_path: Path, scored: Path) -> None:
    done = run("review", "queue", scored, "-n", "10", "--label-studio", "t.json", cwd=tmp_path)
    assert done.exit_code == 0 and not (tmp_path / "queue.csv").exists()
    view = ElementTree.fromstring((tmp_path / "t.xml").read_text(encoding="utf-8"))
    assert [c.get("value") for c in view.iter("Choice")] == ["legit", "spam", "scam", "unsure"]
    tasks = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))

    def annotated(task: dict[str, Any], *labels: str, cancelled: bool = False) -> dict[str, Any]:
        results = [{"from_name": "label", "value": {"choices": [label]}} for label in labels]
        return task | {
            "annotations": [{"result": [one], "was_cancelled": cancelled} for one in results]
        }

    export = [
        annotated(tasks[0], "scam", "legit"),
        annotated(tasks[1], "scam", cancelled=True),
        *(annotated(task, "scam", "scam") for task in tasks[2:]),
    ]
    (tmp_path / "export.json").write_text(json.dumps(export), encoding="utf-8")
    answers = read_answers(tmp_path / "export.json")
    numbers = [int(task["data"]["row"]) for task in tasks]
    assert answers.contradicting == (numbers[0],) and answers.missing == (numbers[1],)
    assert {answer.label for answer in answers.usable} == {"scam"} and len(answers.usable) == 8
    mini = [task["data"] | {"label": "legit"} for task in tasks]
    (tmp_path / "mini.json").write_text(json.dumps(mini), encoding="utf-8")
    assert len(read_answers(tmp_path / "mini.json").usable) == 10


def test_merging_keeps_labels_and_adds_rows(tmp_path: Path, scored: Path) -> None:
    path = tmp_path / "queue.csv"
    assert run("review", "queue", scored, "-n", "40", "--merge", "-o", path).exit_code == 0
    fill(path, lambda n, row: {"label": "scam" if n < 10 else "", "note": "=why"})
    before = [row["row"] for row in cells(path)]
    refused = run("review", "queue", scored, "-n", "60", "-o", path)
    assert refused.exit_code == 2 and "--overwrite" in refused.stderr
    done = run("review", "queue", scored, "-n", "60", "--seed", "1", "--merge", "-o", path)
    after = cells(path)
    assert f"kept 10 rows with a label and 30 without, added {len(after) - 40} new" in done.stdout
    assert len(before) == 40 and len({row["row"] for row in after}) == len(after) > 60
    assert [row["label"] for row in after[:11]] == ["scam"] * 10 + [""]
    assert after[0]["note"] == "'=why"
    other = dump(tmp_path / "other.parquet", rows(900, 9))
    refused = run("review", "queue", other, "-n", "60", "--merge", "-o", path)
    assert refused.exit_code == 2 and "the queue of another dump" in refused.stderr
    assert run("review", "queue", scored, "-n", "5", "--merge", "--html", "p.html").exit_code == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\nmy secret,scam\n", "no column"),
        (
            "row,text,label,part,inclusion_probability,decision\nx,my secret,scam,,,flag\n",
            "integer",
        ),
        (
            "row,text,label,part,inclusion_probability,decision\n1,my secret,scam,audit,,flag\n",
            "row 1",
        ),
        ("row,text,label,part,inclusion_probability,decision\n", "no message"),
    ],
)
def test_a_damaged_queue_is_named_without_its_texts(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "q.csv").write_text(content, encoding="utf-8")
    done = run("review", "labels", "q.csv", cwd=tmp_path)
    assert done.exit_code == 2 and message in done.stderr and "secret" not in done.stderr


def test_rates_come_from_the_random_part() -> None:
    def answers(n: int, label: str, decision: str, chance: float | None = 0.1) -> list[Answer]:
        return [Answer(0, "", label, Decision(decision), chance, {})] * n

    drawn = [
        *answers(6, "scam", "flag"), *answers(3, "scam", "review"), *answers(1, "scam", "pass"),
        *answers(2, "spam", "flag"), *answers(1, "legit", "flag"), *answers(87, "legit", "pass"),
    ]  # fmt: skip
    chosen = answers(50, "scam", "pass", None)
    assert {one.name: (one.hits, one.of) for one in estimates([*drawn, *chosen])} == {
        "scams among the messages": (10, 100),
        "recall at flag": (6, 10),
        "precision at flag": (6, 9),
        "false-positive rate at flag": (1, 88),
        "recall at flag or review": (9, 10),
        "precision at flag or review": (9, 12),
        "false-positive rate at flag or review": (1, 88),
    }
