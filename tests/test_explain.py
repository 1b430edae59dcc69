"""Explanations: cues in all languages, segments with their weights, and how both are shown."""

from __future__ import annotations

import json
import tomllib
import unicodedata
from collections.abc import Iterable
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scamdetect import ScamDetector
from scamdetect.explain.cues import LANGUAGES, CueKind, find_cues
from scamdetect.explain.explanation import CAUTION, NOTHING, cut, strongest_words
from scamdetect.explain.occlusion import Detector, Span, explain, segments

_LURE = "Hello from the meeting. Guaranteed profit with bitcoin for you! Thanks, see you tomorrow."
_TEXTS = st.text(
    st.sampled_from("ab ,.!\n19。，你好ขคเ\u0e31မ\u103aខ\u17d2اب،अ\u094d।🎁转账\u200b\u202e\ud800"),
    max_size=300,
)


@pytest.mark.parametrize(
    ("text", "kind", "part"),
    [
        ("Please send 500 to me", "money", "send 500 to"),
        ("erzähl niemandem davon", "secrecy", "erzähl niemandem"),
        ("chuyen tien cho anh", "money", "chuyen tien"),
        ("妈,我手机坏了", "identity", "手机坏了"),
        ("รีบโอนเงินให้หน่อย", "money", "โอนเงินให้"),
        ("пиши в телеграм", "other_app", "пиши в"),
        ("ادفع الرسوم", "fee", "ادفع الرسوم"),
        ("Write to wa.me/123", "other_app", "wa.me/123"),
        ("go to bit.ly/abc", "link", "bit.ly/abc"),
        ("go to http://203.0.113.7/login", "link", "http://203.0.113.7/login"),
        ("it is u r g e n t now", "urgency", "u r g e n t"),
        ("it is ur\u200bgent now", "urgency", "ur\u200bgent"),
        ("it is 𝐮𝐫𝐠𝐞𝐧𝐭 now", "urgency", "𝐮𝐫𝐠𝐞𝐧𝐭"),
        ("it is urgеnt now", "urgency", "urgеnt"),
    ],
)
def test_a_cue_is_located_under_disguises(text: str, kind: str, part: str) -> None:
    assert (kind, part) in {(cue.kind.value, text[cue.start : cue.end]) for cue in find_cues(text)}


@pytest.mark.parametrize("text", ["", "the and of to", "see you at lunch", "insurgently", "😀" * 9])
def test_plain_words_have_no_cues(text: str) -> None:
    assert find_cues(text) == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_phrases_of_every_kind_are_found_in_every_language(language: str) -> None:
    path = files("scamdetect.explain").joinpath("cue_words", f"{language}.toml")
    words = tomllib.loads(path.read_text(encoding="utf-8"))
    assert set(words) == set(CueKind) - {CueKind.LINK}
    for kind, phrases in words.items():
        for phrase in phrases:
            text = phrase.replace("# %", "5 %").replace("#", "5").replace("~", "").replace("* ", "")
            assert kind in {cue.kind for cue in find_cues(text, (language,))}, phrase


def test_the_time_for_cues_is_linear_in_the_text() -> None:
    assert find_cues("😀" * 100_000) == ()
    assert len(find_cues("send money now. " * 5_000)) == 5_000


def test_a_weight_is_the_difference_of_the_logits(detector: ScamDetector) -> None:
    strongest = max(explain(detector, _LURE), key=lambda span: span.weight)
    part = _LURE[strongest.start : strongest.end]
    assert part == "Guaranteed profit with bitcoin for you!"
    texts = [_LURE, _LURE.replace(f"{part} ", "")]
    with_lure, without = detector.predict_proba(texts)[:, 2].astype(float)
    expected = np.log(with_lure / (1 - with_lure)) - np.log(without / (1 - without))
    assert strongest.weight == pytest.approx(expected, rel=1e-3)


def test_an_honest_segment_has_a_negative_weight(detector: ScamDetector) -> None:
    honest, lure = explain(detector, "hello, lunch tomorrow? guaranteed bitcoin profit")
    assert (honest.start, honest.end) == (0, 22) and honest.weight < 0 < lure.weight


@pytest.mark.parametrize("text", ["", " \n ", "\u200b"])
def test_a_text_without_a_score_has_no_segments(detector: ScamDetector, text: str) -> None:
    assert explain(detector, text) == ()


def test_all_texts_are_scored_in_one_call() -> None:
    calls: list[list[object]] = []

    class Counting:
        def predict_proba(self, texts: Iterable[object], /) -> NDArray[np.float32]:
            calls.append(list(texts))
            return np.full((len(calls[-1]), 3), 1 / 3, np.float32)

    counting: Detector = Counting()
    assert {span.weight for span in explain(counting, _LURE)} == {0.0}
    assert len(calls) == 1 and calls[0][0] == _LURE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Pay 4,000.50 at once. See pay.example/a.b?c for it",
            ["Pay 4,000.50 at once.", "See pay.example/a.b?c for it"],
        ),
        ("导师带单稳赚不赔，今天进群就送八百八。", ["导师带单稳赚不赔，", "今天进群就送八百八。"]),
    ],
)
def test_segments_are_clauses(text: str, expected: list[str]) -> None:
    assert [text[start:end].strip() for start, end in segments(text)] == expected


@given(_TEXTS)
def test_segments_and_cues_stay_in_the_text(text: str) -> None:
    parts = segments(text)
    assert "".join(text[start:end] for start, end in parts) == text.strip()
    assert all(unicodedata.category(text[start])[0] != "M" for start, _ in parts[1:])
    assert all(0 <= cue.start < cue.end <= len(text) for cue in find_cues(text))


def test_pieces_have_the_marks_and_cues_of_their_characters() -> None:
    text = "pay the fee now"
    spans = [Span(0, 3, 0.1), Span(4, 11, 5.0)]
    pieces = list(cut(text, spans, find_cues(text)))
    assert "".join(piece.text for piece in pieces) == text
    assert {piece.strength for piece in pieces if "fee" in piece.text} == {2}
    assert any("fee" in piece.cues for piece in pieces)
    masked = list(cut("[x]", [Span(2, 4, 1.0)], offsets=[0, 2, 4, 5]))
    assert [(piece.text, piece.strength) for piece in masked] == [("[", 0), ("x", 2), ("]", 0)]


@pytest.mark.parametrize(
    ("value", "reason"), [(None, "missing"), (b"pay", "not text: bytes"), ("\u200b", "empty")]
)
def test_an_unscored_value_has_only_a_reason(
    detector: ScamDetector, value: object, reason: str
) -> None:
    explanation = detector.explain(value)
    assert explanation.spans == explanation.cues == ()
    assert reason in str(explanation.prediction.reason)
    assert reason in explanation.to_html() and reason in explanation.to_terminal(colour=True)


@pytest.mark.parametrize(
    "text",
    ["\ud800 pay now \udfff", "the of and", "转账 срочно โอนเงิน", "<b>&\"' urgent", "\x1b[2J"],
)
def test_any_text_is_shown_escaped(detector: ScamDetector, text: str) -> None:
    explanation = detector.explain(text)
    record = json.loads(json.dumps(explanation.to_dict()))
    assert record["prediction"] == detector.predict(text).to_dict()
    assert "<b>" not in explanation.to_html() and "\x1b" not in explanation.to_terminal(False)
    (explanation.to_html() + explanation.to_terminal(True)).encode()
    assert CAUTION not in explanation.to_html(caution=False)
    assert (NOTHING in explanation.to_html()) == (NOTHING in explanation.to_terminal(False))


def test_marks_are_shown(detector: ScamDetector) -> None:
    explanation = detector.explain(_LURE)
    assert '<mark class="s2"' in explanation.to_html() and "Guaranteed" not in repr(explanation)
    assert "\x1b[1;7;4mGuaranteed profit" in explanation.to_terminal(colour=True)
    assert NOTHING in detector.explain("the of and").to_terminal(colour=False)


def test_a_megabyte_is_explained_by_its_beginning(detector: ScamDetector) -> None:
    explanation = detector.explain("😀 urgent profit " * 60_000)
    assert len(explanation.spans) <= 48 and explanation.spans[-1].end <= 4_000
    assert explanation.cues and explanation.cues[-1].end <= 100_000


def test_a_phrase_that_another_contains_is_not_listed_twice() -> None:
    shares = {"in": 2.0, "winning prize": 1.9, "prize": 1.0, "card": -0.5, "noise": 0.01}
    assert strongest_words(shares) == (("in", 2.0), ("winning prize", 1.9), ("card", -0.5))
