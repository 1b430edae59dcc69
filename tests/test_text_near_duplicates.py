"""Near-duplicates of short texts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.text import near_duplicates
from scamdetect.text.masking import template_key
from scamdetect.text.near_duplicates import (
    AlikeIndex,
    alike_groups,
    jaccard,
    shingles,
    signatures,
    sketch,
)

_LURE = "our desk doubles your deposit in a week, write to the desk before friday"


@given(st.lists(st.text(max_size=40), max_size=30))
def test_every_text_is_in_one_group_and_equal_ones_share_it(texts: list[str]) -> None:
    groups = alike_groups(texts)
    assert sorted(place for group in groups for place in group) == list(range(len(texts)))
    group_of = {place: number for number, group in enumerate(groups) for place in group}
    for place, text in enumerate(texts):
        assert group_of[place] == group_of[texts.index(text)]


def test_texts_that_differ_little_are_alike_and_others_are_not() -> None:
    other = "shall we meet for lunch at the harbour tomorrow, my sister comes too"
    groups = alike_groups([_LURE, other, _LURE + " noon", _LURE.upper()])
    assert groups == [[0, 2], [1], [3]]


def test_numbers_links_and_letter_case_do_not_tell_messages_apart() -> None:
    first = template_key("Pay 120.50 at https://fee-desk.example/a now")
    assert first == template_key("pay 9 at https://other.test/zzz NOW!")


def test_an_index_finds_the_text_that_it_holds() -> None:
    index = AlikeIndex()
    for number in range(200):  # more than the first room for signatures
        index.add(sketch(f"{number * 7919} {_LURE[::-1]} {number * 104729}"))
        index.add(sketch(chr(0x4E00 + number) * 9))
    index.add(sketch(_LURE))
    assert len(index) == 401
    assert index.nearest(sketch(_LURE)) == 400
    assert index.nearest(sketch("nothing of the kind")) is None


@given(st.lists(st.text(max_size=12), max_size=12), st.sampled_from([1, 9, 1 << 16]))
def test_many_signatures_are_those_of_the_sketches(texts: list[str], together: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_duplicates, "_TOGETHER", together)
        found = signatures(texts)
    assert found.shape == (len(texts), near_duplicates.PERMUTATIONS)
    for text, signature in zip(texts, found, strict=True):
        assert np.array_equal(signature, sketch(text).signature)


def test_the_index_of_shingles_is_their_share_in_common() -> None:
    one, other = shingles("abcdefgh"), shingles("abcdefgx")  # of 4 each, 3 are the same
    assert jaccard(one, other) == 3 / 5
    assert jaccard(one, one) == 1 and jaccard(one, shingles("")) == 0
