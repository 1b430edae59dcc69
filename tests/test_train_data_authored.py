"""The project's own messages: checked, counted, parted, and taken into the corpus."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented_authored import SCAM, pair_of, row
from invented_source import csv_bytes, description, write_files, write_toml

from data.workshop.merge import assign_parts
from data.workshop.stats import (
    count_lines,
)
from scamdetect.errors import SourceError
from scamdetect.train.data.authored import (
    AuthoredRow,
    check_authored,
    count_rows,
    encode_row,
    load_authored,
    write_rows,
)
from scamdetect.train.data.corpus import build_corpus, public_texts

MONOLOGUE = "\n".join(["A: hi"] * 8)
TALK = "\n".join(f"{'AB'[n % 2]}: line {n} about the lamp" for n in range(8))


def check(folder: Path, *rows: AuthoredRow, lang: str = "en") -> list[str]:
    write_rows(folder / f"{lang}.jsonl", rows)
    return check_authored(folder)


LONG = "my uncle sold his boat last week and bought a small piece of land near the new road"


def test_rows_come_back_as_written_in_the_order_of_their_ids(tmp_path: Path) -> None:
    rows = [row(2, text="क्या हाल है", hard=True), row(1, reader=7)]
    assert check(tmp_path, *rows) == []
    assert load_authored(tmp_path) == rows[::-1]
    assert load_authored(tmp_path, ["en"]) == rows[::-1]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"text": " \n"}, "empty text"),
        ({"text": "pay at my-bank.com/x now"}, "could own; use \\*.example"),
        ({"text": "write to joe@mail.com"}, "could own; use \\*.example"),
        ({"generated": ""}, "name the writer"),
        ({"script": "Thai"}, "script 'Thai' does not belong to en; allowed: Latn"),
        ({"slice": None}, "legit row without a slice"),
        ({"slice": "affection"}, "slice affection in cell finance; it must be finance"),
        ({"kinds": ("loan",)}, "kinds on a legit row"),
        ({"verdict": "scam"}, "verdict scam in cell finance; it must be legit"),
        ({**SCAM, "kinds": ()}, "a scam without kinds"),
        ({**SCAM, "kinds": ("loan",)}, "cell investment without the kind investment"),
        ({**SCAM, "kinds": ("investment",) * 2}, "a kind twice"),
        ({**SCAM, "slice": "finance"}, "slice finance on a scam"),
        ({"cell": "promo", "verdict": "spam"}, "it must be marketing"),
        (
            {
                "cell": "dialogue",
                "channel": "dialogue",
                "text": TALK,
                "verdict": "spam",
                "slice": "marketing",
            },
            "spam belongs to cell promo",
        ),
        ({"cell": "pair", "pair": None}, "pair ids and cell pair go together"),
        ({"cell": "dialogue", "text": TALK}, "cell dialogue and channel dialogue"),
        ({"cell": "dialogue", "channel": "dialogue"}, "line 1 .* neither 'A: ' nor 'B: '"),
        (
            {"cell": "dialogue", "channel": "dialogue", "text": "A: hi\n" * 7 + "A: hi"},
            "only one side",
        ),
        ({"cell": "dialogue", "channel": "dialogue", "text": "A: a\nB: b"}, "2 lines .* 8 to 16"),
    ],
)
def test_a_row_that_breaks_a_rule_is_named_with_place_and_cure(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    problems = check(tmp_path, row(1), row(2, **changes))
    assert problems
    assert all(found.startswith(f"{tmp_path}/en.jsonl:2: en-0002: ") for found in problems)
    with pytest.raises(SourceError, match=problem):
        load_authored(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"cell":"finance"', '"cell":"money"', "allowed in cell: pair, investment"),
        ('"kinds":[]', '"kinds":["love"]', "allowed in kinds: investment, romance"),
        ('"slice":"finance"', '"slice":"money"', "allowed in slice: transactional"),
        ('"part":"train"', '"part":"test"', "allowed in part: train, calibrate, dev, final"),
        ('"channel":"chat"', '"channel":"LINE"', "allowed in channel: sms, chat"),
        ('"hard":false,', "", "missing required field `hard`"),
        ('"hard":false', '"hrad":false', "unknown field `hrad`"),
        ('"reader":null', '"reader":101', "`int` <= 100"),
        ("}", "", "malformed row"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, old: str, new: str, problem: str) -> None:
    line = encode_row(row(2))
    assert old in line
    text = f"{encode_row(row(1))}\n{line.replace(old, new)}\n"
    (tmp_path / "en.jsonl").write_text(text, encoding="utf-8")
    (found,) = check_authored(tmp_path)
    assert found.startswith(f"{tmp_path}/en.jsonl:2: malformed row: ")
    assert problem in found


def test_an_id_is_used_once_over_all_files(tmp_path: Path) -> None:
    write_rows(tmp_path / "sw.jsonl", [row(1, lang="sw")])
    problems = check(tmp_path, row(1), row(1))
    assert len(problems) == 1
    assert f"en.jsonl:2: duplicate id 'en-0001', first at {tmp_path}/en.jsonl:1" in problems[0]


def test_rows_lie_in_the_file_of_their_language(tmp_path: Path) -> None:
    assert "move the row to sw.jsonl" in check(tmp_path, row(1, lang="sw"))[0]


def test_a_language_that_nobody_writes_is_named_with_those_that_are(tmp_path: Path) -> None:
    (problem,) = check(tmp_path, row(1, lang="xx"), lang="xx")
    assert problem.startswith(f"{tmp_path}/xx.jsonl:1: xx-0001: unknown lang 'xx'; known: en es")


@pytest.mark.parametrize("name", ["sw-0001", "en-001", "en-00001", "en-000a", "0001"])
def test_an_id_is_its_language_and_four_digits(tmp_path: Path, name: str) -> None:
    (problem,) = check(tmp_path, msgspec.structs.replace(row(1), id=name))
    assert problem.endswith(f":1: {name}: the id must be en- and four digits")


def test_other_languages_are_not_even_read(tmp_path: Path) -> None:
    write_rows(tmp_path / "en.jsonl", [row(1)])
    (tmp_path / "sw.jsonl").write_text("no row", encoding="utf-8")
    assert [one.id for one in load_authored(tmp_path, ["en"])] == ["en-0001"]
    with pytest.raises(SourceError, match=r"sw\.jsonl:1: malformed"):
        load_authored(tmp_path, ["en", "sw"])


def test_a_pair_has_one_scam_and_one_legit_side_of_one_part(tmp_path: Path) -> None:
    scam, legit = pair_of()
    assert check(tmp_path, scam, legit) == []
    assert "exactly one scam and one legit side, has en-0001 scam;" in check(tmp_path, scam)[0]
    third = msgspec.structs.replace(legit, id="en-0003")
    assert "exactly one scam and one legit" in check(tmp_path, scam, legit, third)[0]
    parted = msgspec.structs.replace(legit, part="dev")
    assert "its sides differ in part (dev, train)" in check(tmp_path, scam, parted)[0]


def test_a_folder_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="contains no <language>.jsonl"):
        check_authored(tmp_path)
    write_rows(tmp_path / "en.jsonl", [row()])
    with pytest.raises(SourceError, match="contains no th.jsonl"):
        load_authored(tmp_path, ["th"])


def test_rows_are_counted_by_any_fields() -> None:
    rows = [row(1), row(2, **SCAM), row(3, part=None)]
    counts = count_rows(rows, "lang", "cell", "verdict", "part")
    assert counts["en", "investment", "scam", "train"] == 1
    assert counts["en", "finance", "legit", "-"] == 1
    lines = count_lines(count_rows(rows, "lang", "verdict"), ("legit", "scam"))
    assert [line.split() for line in lines[1:]] == [["en", "2", "1", "3"], ["total", "2", "1", "3"]]


def unparted(batches: int, size: int = 22, lang: str = "en") -> list[AuthoredRow]:
    return [
        row(1 + batch * size + place, lang=lang, part=None, batch=f"round1-{batch:02d}")
        for batch in range(batches)
        for place in range(size)
    ]


def test_sixteen_batches_part_ten_three_three() -> None:
    rows = assign_parts(unparted(16))
    assert Counter(r.part for r in rows) == {"train": 220, "calibrate": 66, "dev": 66}


@given(st.integers(1, 20), st.integers(1, 8), st.randoms())
def test_batches_stay_whole_and_order_and_rounds_change_nothing(
    batches: int, size: int, order: random.Random
) -> None:
    rows = unparted(batches, size)
    parted = {r.id: r for r in assign_parts(rows)}
    sides: dict[str, set[str]] = {}
    for r in parted.values():
        sides.setdefault(r.card.batch, set()).add(str(r.part))
    assert all(len(parts) == 1 for parts in sides.values())
    order.shuffle(rows)
    assert {r.id: r for r in assign_parts(rows)} == parted
    later = [row(5000, part=None, batch="round2-01"), row(9000, part="final", batch="final1-01")]
    again = {r.id: r for r in assign_parts([*parted.values(), *later])}
    assert again.items() >= parted.items()
    assert again["en-5000"].part is not None and again["en-9000"].part == "final"


def test_authored_rows_enter_the_corpus_in_their_parts(tmp_path: Path) -> None:
    public = {"a.csv": csv_bytes((LONG + " today", "ham"), ("the lamp is broken again", "ham"))}
    write_files(tmp_path / "raw", "public", public)
    write_toml(tmp_path / "sources" / "public.toml", description("public", public))
    scam, legit = pair_of(1, text="the goats pay back every month, cousin")
    bet = {**SCAM, "cell": "other_scam", "kinds": ("gambling",), "text": "pay to free the jackpot"}
    rows = [
        msgspec.structs.replace(scam, text="these goats pay twelve a month, join us"),
        legit,
        row(3, part="dev", text=LONG),
        row(4, part="train", text=LONG + " too"),
        row(5, part="calibrate", text="which fund do you like for the children"),
        row(6, part="final", text="dividends came in, less than last year"),
        row(7, **bet),
    ]
    write_rows(tmp_path / "own" / "en.jsonl", rows)
    output = tmp_path / "corpus.parquet"
    log: list[str] = []
    build_corpus(
        tmp_path / "sources", tmp_path / "raw", output, "default", log.append,
        authored=tmp_path / "own", corrections=None,
    )  # fmt: skip
    built = {r["text"]: r for r in pq.read_table(output).to_pylist()}
    assert "training rows like a held-out row: 2 removed" in log
    assert [built[r.text]["role"] for r in rows if r.id != "en-0004"] == [
        "train", "train", "dev", "calibrate", "test", "train",
    ]  # fmt: skip
    first = built[rows[0].text]
    assert (first["source"], first["licence_class"]) == ("authored_en", "permissive")
    assert (first["verdict_provenance"], first["kinds_provenance"]) == ("authored",) * 2
    assert (first["generated"], first["weight"]) == ("a tester", 1.0)
    assert first["group"] == built[legit.text]["group"]
    assert built[legit.text]["slices"] == ["finance"]
    assert not built[bet["text"]]["not_legit"]
    assert public_texts(output) == ["the lamp is broken again"]


def test_rows_without_a_part_do_not_enter_the_corpus(tmp_path: Path) -> None:
    public = {"a.csv": csv_bytes(("the lamp is broken again", "ham"))}
    write_files(tmp_path / "raw", "public", public)
    write_toml(tmp_path / "sources" / "public.toml", description("public", public))
    write_rows(tmp_path / "own" / "en.jsonl", [row(1, part=None)])
    with pytest.raises(SourceError, match="en-0001 has no part; run: python -m data.work"):
        build_corpus(
            tmp_path / "sources", tmp_path / "raw", tmp_path / "c.parquet", "all", lambda _: None,
            authored=tmp_path / "own", corrections=None,
        )  # fmt: skip


def test_the_shipped_rows_pass_the_check_and_have_their_parts() -> None:
    folder = Path(__file__).resolve().parent.parent / "data" / "authored"
    assert check_authored(folder) == []
    rows = load_authored(folder)
    by_lang = count_rows(rows, "lang")
    assert len(by_lang) == 26 and min(by_lang.values()) >= 440
    assert all(row.part is not None and row.reader is not None for row in rows)
    pairs = Counter(row.pair for row in rows if row.pair)
    assert set(pairs.values()) == {2}
