"""A source's own masks become what a user's message would hold in their place."""

from __future__ import annotations

import pytest

from scamdetect.text.normalise import normalise
from scamdetect.train.data.cleaning import fill_placeholders

MASKS = {"URL": "[link]", "URLPATH": "[link]", "<PHONE>": "[phone]", "<N>": "[name]"}


def test_a_text_without_placeholders_stays() -> None:
    assert fill_placeholders("call me", MASKS, "en", "0") == "call me"
    assert fill_placeholders("see URL", {}, "en", "0") == "see URL"


def test_masks_become_tokens_or_invented_things() -> None:
    filled = fill_placeholders("<N>: URL or <PHONE>", MASKS, "en", "0")
    assert not any(mask in filled for mask in MASKS)
    assert normalise(filled).count("[link ") == 1
    assert filled.endswith(" or [phone]")


def test_the_longest_mask_wins() -> None:
    assert "PATH" not in fill_placeholders("URLPATH", MASKS, "en", "0")


def test_the_row_decides_what_is_invented() -> None:
    text = "URL " * 20
    assert fill_placeholders(text, MASKS, "en", "a") == fill_placeholders(text, MASKS, "en", "a")
    assert fill_placeholders(text, MASKS, "en", "a") != fill_placeholders(text, MASKS, "en", "b")
    shapes = {fill_placeholders("URL", MASKS, "en", str(n)) for n in range(50)}
    assert len({normalise(shape) for shape in shapes}) > 3


def test_names_are_of_the_language() -> None:
    names = {fill_placeholders("<N>", MASKS, "zh", str(n)) for n in range(20)}
    assert all("\u4e00" <= name[0] <= "\u9fff" for name in names)
    assert fill_placeholders("<N>", MASKS, "xx", "0") == ""


@pytest.mark.parametrize("lang", ["nl", "de", "pl", "hi", "xx"])
def test_no_row_gets_english_names_or_months(lang: str) -> None:
    masks = {"<N>": "[name]", "<D>": "[date]"}
    english = {"James", "Sarah", "Grace", "May", "March", "January"}
    for seed in map(str, range(40)):
        assert not english & set(fill_placeholders("<N> <D>", masks, lang, seed).split())


def test_a_mask_may_stand_for_nothing() -> None:
    assert fill_placeholders("hi <E>, call", {"<E>": ""}, "de", "0") == "hi , call"


@pytest.mark.parametrize("meaning", ["[date]", "[amount]", "[number]", "[code]"])
def test_dates_amounts_and_numbers_survive_masking(meaning: str) -> None:
    for seed in map(str, range(30)):
        filled = fill_placeholders("on X", {"X": meaning}, "en", seed)
        assert filled != "on X"
        assert normalise(filled) == filled


@pytest.mark.parametrize("token", ["[phone]", "[email]", "[account]"])
def test_tokens_of_the_normaliser_stand_as_they_are(token: str) -> None:
    assert normalise(fill_placeholders("to #", {"#": token}, "en", "0")) == f"to {token}"
