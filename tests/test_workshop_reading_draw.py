"""What is chosen to be read."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import synthetic_corpus
from invented_authored import SCAM, pair_of, row

pytest.importorskip("sklearn")

from data.workshop.reading_draw import (
    draw_authored,
    draw_dev,
    draw_public,
    draw_source,
    draw_suspect,
    known_answers,
)


def test_open_and_rule_made_labels_come_first_and_doubts_fill_up() -> None:
    rows = [synthetic_corpus.row(n, "legit", role="train") for n in range(40)]
    rows += [
        synthetic_corpus.row(n, "spam", role="train", not_legit=True, source="weak")
        for n in range(40, 50)
    ]
    rows += [
        synthetic_corpus.row(n, "scam", role="train", verdict_provenance="rule", source="ruled")
        for n in range(50, 55)
    ]
    doubts = np.zeros(len(rows))
    doubts[3] = 2.0
    items = draw_public(synthetic_corpus.table(rows), doubts, 20, [], 1)
    assert Counter(item.why for item in items) == {"open": 7, "rule": 4, "doubt": 9}
    assert {item.old for item in items if item.why == "open"} == {"open"}
    assert rows[3]["row_hash"] in {item.id for item in items}


def test_languages_take_turns() -> None:
    rows = [
        synthetic_corpus.row(n, "spam", role="train", not_legit=True, lang="en" if n < 90 else "ta")
        for n in range(100)
    ]
    items = draw_public(synthetic_corpus.table(rows), np.zeros(100), 40, [], 1)
    texts = {r["row_hash"]: r["lang"] for r in rows}
    assert Counter(texts[item.id] for item in items if item.why == "open")["ta"] >= 6


def test_barred_sources_held_out_rows_and_authored_ones_are_left_out() -> None:
    rows = [
        synthetic_corpus.row(1, "spam", role="train", not_legit=True, source="copyleft"),
        synthetic_corpus.row(2, "spam", role="dev", not_legit=True),
        synthetic_corpus.row(3, "scam", role="train", verdict_provenance="authored"),
        synthetic_corpus.row(4, "spam", role="train", not_legit=True),
    ]
    items = draw_public(synthetic_corpus.table(rows), np.zeros(4), 10, ["copyleft"], 1)
    assert [item.id for item in items] == [rows[3]["row_hash"]]


def test_authored_rows_without_a_reader_are_drawn_and_pairs_stand_apart() -> None:
    rows = [row(n) for n in range(10, 30)] + pair_of(1) + [row(50, reader=3)]
    items = draw_authored(rows, seed=1)
    assert {item.id for item in items} == {one.id for one in rows} - {"en-0050"}
    assert items[-1].id in ("en-0001", "en-0002")


def test_known_answers_are_easy_train_rows() -> None:
    rows = [row(1), row(2, hard=True), row(3, part="dev"), row(4, **SCAM)]
    assert [(one.id, one.old) for one in known_answers(rows)] == [
        ("en-0001", "legit"),
        ("en-0004", "scam"),
    ]


def test_a_source_gives_its_unread_rows_one_a_group_if_asked() -> None:
    rows = [synthetic_corpus.row(n, "scam", role="train", source="one") for n in range(4)]
    rows += [synthetic_corpus.row(9, "scam", role="calibrate", source="one", group=3)]
    rows += [synthetic_corpus.row(10, "scam", role="dev", source="one")]
    rows += [synthetic_corpus.row(11, "scam", role="train", source="two")]
    rows += [
        synthetic_corpus.row(12, "scam", role="train", source="one", verdict_provenance="read")
    ]
    table = synthetic_corpus.table(rows)
    found = {item.id for item in draw_source(table, "one", None, 0)}
    assert found == {row["row_hash"] for row in rows[:5]}
    assert len(draw_source(table, "one", 10, 0)) == 4 and len(draw_source(table, "one", 2, 0)) == 2


def test_unread_dev_scams_and_honest_rows_that_rank_high_are_drawn() -> None:
    rows = [synthetic_corpus.row(n, "scam") for n in range(3)]
    rows += [synthetic_corpus.row(n, "legit") for n in range(100, 140)]
    rows += [synthetic_corpus.row(200, "scam", verdict_provenance="authored", source="authored_en")]
    rows += [synthetic_corpus.row(201, "spam")]
    rows += [synthetic_corpus.row(202, "scam", verdict_provenance="read")]
    first = np.array([0.0] * 3 + [n / 100 for n in range(40)] + [1.0] * 3)
    second = np.array([0.0] * 3 + [1 - n / 100 for n in range(40)] + [1.0] * 3)
    items = draw_dev(synthetic_corpus.table(rows), [first, second], 0.05, 0)
    drawn = {item.id for item in items}
    assert {row["row_hash"] for row in rows[:3]} < drawn
    assert {rows[n]["row_hash"] for n in (3, 4, 41, 42)} == drawn - {
        row["row_hash"] for row in rows[:3]
    }
    assert {item.why for item in items} == {"dev"}


def test_honest_train_rows_come_by_suspicion() -> None:
    rows = [synthetic_corpus.row(n, "legit", role="train") for n in range(5)]
    rows += [synthetic_corpus.row(7, "scam", role="train")]
    scam = np.array([0.1, 0.9, 0.5, 0.2, 0.8, 1.0])
    found = {item.id for item in draw_suspect(synthetic_corpus.table(rows), scam, 2, 0)}
    assert found == {rows[1]["row_hash"], rows[4]["row_hash"]}
