"""Cues are found in all languages, under disguises, with offsets into the original."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect.explain.cues import LANGUAGES, CueKind, _words, find_cues

_MIXED = st.text(
    st.sampled_from("send me 5转账!\u200b\u202e\ud800é ใ\u0e31भुगтан。.@/:"), max_size=80
)


def found(text: str) -> set[tuple[str, str]]:
    return {(cue.kind.value, text[cue.start : cue.end]) for cue in find_cues(text)}


@pytest.mark.parametrize(
    ("text", "kind", "part"),
    [
        ("Please send 500 to me", "money", "send 500 to"),
        ("erzähl niemandem davon", "secrecy", "erzähl niemandem"),
        ("chuyen tien cho anh", "money", "chuyen tien"),
        ("妈,我手机坏了", "identity", "手机坏了"),
        ("รีบโอนเงินให้หน่อย", "money", "โอนเงินให้"),
        ("пиши в телеграм", "other_app", "пиши в"),
        ("फोन टूट गया", "identity", "फोन टूट"),
        ("ادفع الرسوم", "fee", "ادفع الرسوم"),
        ("Write to wa.me/123", "other_app", "wa.me/123"),
        ("go to bit.ly/abc", "link", "bit.ly/abc"),
        ("go to http://203.0.113.7/login", "link", "http://203.0.113.7/login"),
    ],
)
def test_a_cue_is_found_where_it_stands(text: str, kind: str, part: str) -> None:
    assert (kind, part) in found(text)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("it is u r g e n t now", "u r g e n t"),
        ("it is ur\u200bgent now", "ur\u200bgent"),
        ("it is 𝐮𝐫𝐠𝐞𝐧𝐭 now", "𝐮𝐫𝐠𝐞𝐧𝐭"),
        ("it is urgеnt now", "urgеnt"),
    ],
)
def test_a_disguise_hides_no_cue(text: str, part: str) -> None:
    assert ("urgency", part) in found(text)


@pytest.mark.parametrize(
    "text", ["", "the and of to", "see you at lunch", "insurgently", "😀" * 50]
)
def test_plain_talk_has_no_cues(text: str) -> None:
    assert find_cues(text) == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_phrases_of_every_kind_that_are_found(language: str) -> None:
    words = _words(language)
    assert set(words) == set(CueKind) - {CueKind.LINK}
    for kind, phrases in words.items():
        for phrase in phrases:
            said = phrase.replace("# %", "5 %").replace("#", "5").replace("~", "").replace("* ", "")
            kinds = {cue.kind for cue in find_cues(said, (language,))}
            assert kind in kinds, phrase


@settings(max_examples=200, deadline=None)
@given(_MIXED)
def test_offsets_lie_in_the_text(text: str) -> None:
    for cue in find_cues(text):
        assert 0 <= cue.start < cue.end <= len(text)


def test_a_long_text_takes_no_longer_by_the_character() -> None:
    assert find_cues("😀" * 100_000) == ()
    assert len(find_cues("send money now. " * 5_000)) == 5_000
