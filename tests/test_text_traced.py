"""Texts that know where their characters stood."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st
from test_text_normalise import messages

from scamdetect.text.normalise import fold, mask, normalise
from scamdetect.text.traced import Traced, compose, strip, substitute, trace

COMPOSING = st.text(
    st.sampled_from("aekg각각\u0301\u0323\u0308\u09c7\u09be\u1100\u1161한🙂 x"), max_size=12
)


def spans(text: Traced) -> list[tuple[int, int]]:
    return [text.span(place, place + 1) for place in range(len(text))]


@settings(deadline=None, max_examples=300)
@given(messages)
def test_a_traced_text_reads_like_a_plain_one_and_covers_its_original(text: str) -> None:
    for step in (fold, mask, normalise):
        found = step(trace(text))
        assert isinstance(found, Traced) and str(found) == step(text)
        assert len(found.offsets) == len(found) + 1
        assert list(found.offsets) == sorted(found.offsets)
        assert 0 <= found.offsets[0] and found.offsets[-1] <= len(text)


@given(COMPOSING)
def test_composing_keeps_letters_with_their_marks(text: str) -> None:
    found = compose(trace(text))
    assert str(found) == unicodedata.normalize("NFC", text)
    for character, (start, end) in zip(found, spans(found), strict=True):
        original = unicodedata.normalize("NFC", text[start:end])
        assert character in original or start == end


def test_spans_point_into_the_original() -> None:
    text = "  Pay\u200b ｎｏｗ: call 0812-3456-7890, рaypal  "  # the р is Cyrillic
    found = normalise(trace(text))
    place = found.index("[phone]")
    start, end = found.span(place, place + len("[phone]"))
    assert text[start:end] == "0812-3456-7890"
    place = found.index("now")
    start, end = found.span(place, place + 3)
    assert text[start:end] == "ｎｏｗ"
    place = found.index("paypal")
    start, end = found.span(place, place + 6)
    assert text[start:end] == "рaypal"


def test_what_vanished_belongs_to_the_character_before() -> None:
    found = substitute(re.compile("-"), "", trace("a--b"))
    assert found == "ab" and spans(found) == [(0, 3), (3, 4)]


def test_stripping_moves_the_ends() -> None:
    found = strip(trace("  ab "))
    assert found == "ab" and spans(found) == [(2, 3), (3, 4)]
    assert strip(trace("   ")) == "" and list(strip(trace("   ")).offsets) == [3]


TOKEN = re.compile(r"\[(?:email|handle|phone|account|number|link[^\]]*)\][.,;:!?)\]}…।]*")


@settings(deadline=None, max_examples=300)
@given(messages)
def test_masking_changes_only_what_it_masks(text: str) -> None:
    clean = fold(text)
    found = mask(trace(clean))
    tokens = {place for match in TOKEN.finditer(found) for place in range(*match.span())}
    for place, character in enumerate(found):
        if place not in tokens:
            start, end = found.span(place, place + 1)
            assert clean[start:end] == character
