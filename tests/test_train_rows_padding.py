"""Honest words beside a text: where they come from, and what stays as it is."""

from __future__ import annotations

import random

import pytest

from scamdetect.train.rows import pad

pytestmark = pytest.mark.slow

LONG = "we meet at the station and then walk to the lake, " * 8


def test_honest_words_of_the_language_stand_before_or_behind() -> None:
    texts = [f"pay the toll {n}" for n in range(40)] + [
        LONG,
        "พบกันพรุ่งนี้ที่ตลาดนะคะแล้วค่อยไปกินข้าวกัน" * 4,
    ]
    languages = ["en"] * 41 + ["th"]
    plain = list(texts)
    changed = pad(texts, range(40), [40, 41], languages, random.Random(0))
    assert changed == list(range(40))
    behind = [row for row in changed if texts[row].startswith(plain[row])]
    before = [row for row in changed if texts[row].endswith(plain[row])]
    assert behind and before and len(behind) + len(before) == 40
    for row in changed:
        added = texts[row].replace(plain[row], "").strip(" .\n")
        assert added and LONG.startswith(added)
        assert len(texts[row]) < 200


def test_a_script_without_blanks_is_cut_anywhere() -> None:
    honest = "พบกันพรุ่งนี้ที่ตลาดนะคะแล้วค่อยไปกินข้าวกัน" * 10
    texts = ["โอนเงินด่วน", honest]
    assert pad(texts, [0], [1], ["th", "th"], random.Random(1)) == [0]
    assert len(texts[0]) < 110


def test_long_rows_and_languages_without_honest_rows_stay() -> None:
    texts = ["pay now " * 30, "paga ora", "see you"]
    before = list(texts)
    assert pad(texts, [0, 1], [2], ["en", "it", "en"], random.Random(0)) == []
    assert texts == before
