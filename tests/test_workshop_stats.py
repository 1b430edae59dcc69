"""Figures of the authored rows: form, openings, near-duplicates."""

from __future__ import annotations

import msgspec
import pytest
from invented_authored import SCAM, pair_of, row

from data.workshop.stats import (
    FormStats,
    form_auc,
    form_stats,
    near_duplicates,
    repeated_openings,
    stats_lines,
)
from scamdetect.train.data.authored import (
    has_emoji,
    has_link,
    has_real_address,
    length_in,
    opening,
    without_turns,
)


@pytest.mark.parametrize(
    ("text", "link", "real"),
    [
        ("see pay.bank-24.example/x?a=1, ok", True, False),
        ("ดูที่https://a.example/b นะ", True, False),
        ("点击www.a.test/b。", True, False),
        ("join [link] now", True, False),
        ("mail joe@firm.example today", False, False),
        ("costs 3.50 at 9.30 a.m.", False, False),
        ("at evil.com or a.example", True, True),
        ("t.me/x", False, True),
        ("example", False, False),
    ],
)
def test_links_on_reserved_names_are_told_from_real_ones(text: str, link: bool, real: bool) -> None:
    assert has_link(text) is link
    assert has_real_address(text) is real


def test_emoji_length_and_opening() -> None:
    assert has_emoji("ok 😘") and has_emoji("✅ done") and not has_emoji("ok :) ก่อน ₿ →")
    assert length_in("A: two words\nB: three www.x.example", "words") == 4
    assert length_in("你好 吗", "characters") == 3
    assert opening("12 - Hey, You! come here now") == "heyyoucomehe"
    assert opening("ที่นี่ไหม") == "ที่นี่ไหม"
    assert without_turns("A: x\nB: y A: z") == "x\ny A: z"


LONG = "my uncle sold his boat last week and bought a small piece of land near the new road"


def test_near_duplicates_leave_out_pair_mates_and_turn_markers() -> None:
    mates = [msgspec.structs.replace(side, text=LONG) for side in pair_of(1)]
    assert near_duplicates(mates) == ({}, set())
    turned = row(5, text="A: " + LONG)
    near, like_public = near_duplicates([*mates, turned, row(6)], [LONG])
    assert near == {
        "en-0001": ["en-0005"],
        "en-0002": ["en-0005"],
        "en-0005": ["en-0001", "en-0002"],
    }
    assert like_public == {"en-0001", "en-0002", "en-0005"}


def test_a_scorer_of_form_is_measured_in_its_better_direction() -> None:
    rows = [row(n, text="ab" * n) for n in range(1, 5)]
    rows += [row(9, **SCAM, text="a"), row(8, **SCAM, text="b")]
    assert form_auc(rows, len) == 1.0
    assert form_auc(rows, lambda text: 0.0) == 0.5
    assert form_auc(rows[:4], len) is None
    promo = row(7, verdict="spam", slice="marketing", cell="promo", text="a" * 99)
    assert form_auc([*rows, promo], len) == 1.0


def test_the_table_marks_what_misses_its_bar() -> None:
    rows = [
        row(n, text=f"{'same words here' if n < 3 else f'{n}'} {LONG[n:]}") for n in range(1, 5)
    ]
    rows += [row(9, **SCAM, text="pay at a.example")]
    (english,) = form_stats(rows, public=[])
    assert (english.rows, english.distinct_openings, english.near_public) == (5, 4, 0)
    assert {"openings", "length", "link", "near"} <= set(english.missed)
    assert "emoji" not in english.missed
    both = form_stats([*rows, row(1, lang="sw", text="habari ya leo")])
    assert [one.lang for one in both] == ["en", "sw", "all"]
    assert both[-1].rows == 6
    shown = stats_lines([english])[1].split()
    assert shown[:2] == ["en", "5"]
    assert shown[4] == "80.0%!"
    assert repeated_openings(rows) == {"samewordsher": ["en-0001", "en-0002"]}


def test_the_bar_over_all_is_lower() -> None:
    figures = {"length": 0.57, "link": 0.5, "emoji": None, "digit": 0.9}
    for lang, missed in (("en", []), ("all", ["length"])):
        assert FormStats(lang, 400, 0, None, 400, 0, 0, 0, 0, figures).missed == missed


def test_readers_should_doubt_a_tenth_and_rarely_be_at_a_loss() -> None:
    texts = [f"{n} {LONG[n:]}" for n in range(40)]
    rows = [row(n + 1, text=text, reader=2) for n, text in enumerate(texts)]
    (sure,) = form_stats(rows)
    assert (sure.read, sure.unsure, sure.doubted) == (40, 0, 0) and "12-88" in sure.missed
    rows[:4] = [row(n + 1, text=texts[n], reader=value) for n, value in enumerate((20, 80, 85, 15))]
    (doubting,) = form_stats(rows)
    assert not {"12-88", "25-75"} & set(doubting.missed) and doubting.doubted == 4
    rows[:4] = [row(n + 1, text=texts[n], reader=50) for n in range(4)]
    assert "25-75" in form_stats(rows)[0].missed
    unread = form_stats([row(1)])[0]
    assert unread.read == 0 and not {"12-88", "25-75"} & set(unread.missed)
