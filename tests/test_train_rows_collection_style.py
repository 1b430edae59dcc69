"""Marks of collecting: each does what it says, and no source or class is spared."""

from __future__ import annotations

import random

import pytest
import synthetic_corpus
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.text.normalise import normalise
from scamdetect.train.rows import STYLES, restyle, share_of_rows, strip_links, thin_punctuation

pytestmark = pytest.mark.slow

TEXT = "Hi Mum, my phone broke! Text me at https://a.example/x by 10:30, it is urgent (please)."


def test_each_mark_is_the_one_that_it_is_named_for() -> None:
    seen = {name: {style(TEXT, random.Random(n)) for n in range(20)} for name, style in
            STYLES.items()}  # fmt: skip
    assert seen["case"] == {TEXT.lower()}
    assert all("https://a.example/x" in text and "10:30" in text for text in seen["punctuation"])
    assert any("!" not in text for text in seen["punctuation"])
    assert any("XX:XX" in text for text in seen["digits"])
    assert {len(TEXT.split()) - len(text.split()) for text in seen["words"]} == {1, 2}
    assert {"[link]" in text for text in seen["links"]} == {True, False}
    assert not any("a.example" in text for text in seen["links"])


def test_short_texts_keep_their_words_and_links_go_from_folded_text() -> None:
    assert STYLES["words"]("come home now", random.Random(0)) == "come home now"
    assert "evil" not in strip_links("see ｅvil.example/a", random.Random(0))
    assert thin_punctuation("3.5, 4", random.Random(1)).startswith("3.5")


def test_masks_and_speakers_keep_their_marks() -> None:
    thread = "A: Hi, see [link] or [phone].\nB: Fine, thanks!"
    for seed in range(20):
        thinned = thin_punctuation(thread, random.Random(seed))
        assert thinned.startswith("A: Hi") and "\nB: Fine" in thinned
        assert "[link]" in thinned and "[phone]" in thinned


@given(st.text(max_size=80), st.integers(0, 50))
def test_no_text_is_lost(text: str, seed: int) -> None:
    styled = restyle(text, random.Random(seed))
    assert isinstance(normalise(styled), str)
    assert bool(styled.strip()) == bool(text.strip())


def test_the_share_is_that_of_every_source_and_class() -> None:
    rows = [
        synthetic_corpus.row(n, verdict, source=source, role="train")
        for n in range(40)
        for verdict in ("legit", "scam")
        for source in ("one", "two")
    ]
    table = synthetic_corpus.table(rows)
    drawn = share_of_rows(table, 0.35, random.Random(0))
    counts = {}
    for row in drawn:
        key = (rows[row]["source"], rows[row]["verdict"])
        counts[key] = counts.get(key, 0) + 1
    assert set(counts.values()) == {14} and len(counts) == 4
    assert drawn == share_of_rows(table, 0.35, random.Random(0)) == sorted(drawn)
    assert share_of_rows(table, 0.0, random.Random(0)) == []
