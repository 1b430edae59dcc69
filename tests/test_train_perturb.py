"""Evasions disguise words, keep what must stay, and repeat with their seed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.errors import InputError
from scamdetect.text.normalise import normalise
from scamdetect.train.perturb import PERTURBATIONS, perturb

LINES = {
    "full_width": "Invest today",
    "mathematical": "Invest today",
    "homoglyphs": "Invest today, my dear people",
    "zero_width": "инвестируй сегодня",
    "bidi": "लाभ आज",
    "leet": "best rates today",
    "spaced": "bitcoin profit",
    "dotted": "投资比特币",
    "emoji": "send money for the 25 bitcoin",
    "link_tricks": "see https://gold.example/x",
    "no_diacritics": "chuyển tiền đầu tư",
    "romanised": "मेरी जान आज पैसे भेजो",
    "other_chinese": "投资稳赚",
}
UNDONE = ["full_width", "mathematical", "homoglyphs", "zero_width", "bidi"]
texts = st.text(st.sampled_from("aeiou bcdst 投资轉 ก้ำ मेरी حب đổi .:/@[]A:\n0123🙂"), max_size=60)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_each_changes_what_it_is_for(name: str) -> None:
    assert perturb(LINES[name], [name], 1, share=1.0) != LINES[name]


@pytest.mark.parametrize("name", UNDONE)
def test_the_normaliser_undoes_what_only_looks_different(name: str) -> None:
    assert normalise(perturb(LINES[name], [name], 1, share=1.0)) == LINES[name]


@given(texts, st.lists(st.sampled_from(sorted(PERTURBATIONS)), max_size=3), st.integers())
def test_equal_seeds_give_equal_texts(text: str, names: list[str], seed: int) -> None:
    first = perturb(text, names, seed)
    assert first == perturb(text, names, seed)
    assert bool(first.strip()) == bool(text.strip()) or not normalise(text)


@given(texts)
def test_no_share_changes_no_word(text: str) -> None:
    by_word = [name for name in PERTURBATIONS if name in UNDONE or name in ("leet", "spaced")]
    assert perturb(text, by_word, 0, share=0.0) == text


def test_they_compose_in_order() -> None:
    assert perturb("chuyển tiền", ["no_diacritics", "spaced"], 1, share=1.0) == (
        "c h u y e n t i e n"
    )


@pytest.mark.parametrize("name", ["full_width", "spaced", "leet", "dotted"])
def test_links_tokens_and_turns_stay(name: str) -> None:
    text = "A: go to www.gold.example/abc or [link] or mail a@b.example\nB: ok"
    found = perturb(text, [name], 3, share=1.0)
    for kept in ("A: ", "www.gold.example/abc", "[link]", "a@b.example", "\nB: "):
        assert kept in found


def test_what_does_not_fit_passes() -> None:
    assert perturb("Invest today", ["romanised", "other_chinese", "link_tricks"], 1) == (
        "Invest today"
    )
    assert perturb("今日はお金", ["other_chinese"], 1) == "今日はお金"


def test_marks_stay_with_their_letters() -> None:
    assert perturb("क्या हाल", ["spaced"], 1, share=1.0) == "क्या हा ल"


@pytest.mark.parametrize(
    ("names", "share", "named"), [(["shouting"], 0.5, "'shouting'"), (["leet"], 1.5, "share 1.5")]
)
def test_what_is_unknown_is_refused(names: list[str], share: float, named: str) -> None:
    with pytest.raises(InputError, match=named):
        perturb("x", names, 1, share)


def test_link_tricks_leave_addresses_alone() -> None:
    for seed in range(12):
        text = "mail john.doe@mail.example or see HTTPS://Gold.example/x"
        found = perturb(text, ["link_tricks"], seed)
        assert found.startswith("mail john.doe@mail.example or see ") and found != text
        assert "hxxps://HTTPS" not in found
