"""Which segments of a text carry its scam probability."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scamdetect import ScamDetector
from scamdetect.explain.explanation import CAUTION, NOTHING, strongest_words
from scamdetect.explain.occlusion import Detector, Span, explain, segments

_LURE = "Hello from the meeting. Guaranteed profit with bitcoin for you! Thanks, see you tomorrow."
_TEXTS = st.text(
    st.sampled_from("ab ,.!\n19。，你好ขคเ\u0e31မ\u103aខ\u17d2اب،अ\u094d।🎁"), max_size=300
)


def _strongest(found: tuple[Span, ...]) -> Span:
    return max(found, key=lambda span: span.weight)


def test_the_lure_has_the_greatest_weight(detector: ScamDetector) -> None:
    strongest = _strongest(explain(detector, _LURE))
    assert _LURE[strongest.start : strongest.end] == "Guaranteed profit with bitcoin for you!"


def test_what_makes_a_text_look_honest_weighs_less_than_nothing(detector: ScamDetector) -> None:
    honest, lure = explain(detector, "hello, lunch tomorrow? guaranteed bitcoin profit")
    assert (honest.start, honest.end) == (0, 22)
    assert honest.weight < 0 < lure.weight


def test_a_weight_is_the_difference_of_the_logits(detector: ScamDetector) -> None:
    rest = _LURE.replace("Guaranteed profit with bitcoin for you! ", "")
    with_lure, without = detector.predict_proba([_LURE, rest])[:, 2].astype(float)
    expected = np.log(with_lure / (1 - with_lure)) - np.log(without / (1 - without))
    assert _strongest(explain(detector, _LURE)).weight == pytest.approx(expected, rel=1e-3)


def test_saturation_hides_no_segment(detector: ScamDetector) -> None:
    text = "guaranteed profit bitcoin profit. " * 5 + "One parcel more for you."
    assert detector.predict_proba([text])[0, 2] == 1
    assert all(span.weight > 1 for span in explain(detector, text))


def test_a_text_of_one_segment_carries_its_whole_logit(detector: ScamDetector) -> None:
    (span,) = explain(detector, " bitcoin ")
    scam = float(detector.predict_proba(["bitcoin"])[0, 2])
    assert (span.start, span.end) == (1, 8)
    assert span.weight == pytest.approx(np.log(scam / (1 - scam)), rel=1e-3)


@pytest.mark.parametrize("text", ["", " \n ", "\u200b"])
def test_nothing_is_explained_where_nothing_is_scored(detector: ScamDetector, text: str) -> None:
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
        ("Pay 4,000.50 at once. See pay.example/a.b?c for it", ["Pay 4,000.50 at once.",
         "See pay.example/a.b?c for it"]),
        ("导师带单稳赚不赔，今天进群就送八百八。", ["导师带单稳赚不赔，", "今天进群就送八百八。"]),
        ("ادفع رسوم الشحن اليوم، والا سيرجع الطرد.", ["ادفع رسوم الشحن اليوم،",
         "والا سيرجع الطرد."]),
    ],
)  # fmt: skip
def test_segments_are_clauses(text: str, expected: list[str]) -> None:
    assert [text[start:end].strip() for start, end in segments(text)] == expected


def test_long_clauses_are_cut_between_words() -> None:
    words = "send the money to my uncle who waits at the border " * 4
    found = segments(words)
    assert len(found) > 3
    assert all(words[start - 1].isspace() for start, _ in found[1:])
    assert all(end - start < 100 for start, end in found)


def test_scripts_without_blanks_are_cut_before_no_mark() -> None:
    text = "ลงทุนกับอาจารย์วันนี้รับกำไรทุกวันไม่มีความเสี่ยงเพื่อนทุกคนทำแล้วได้เงินจริงแน่นอนที่สุดรีบสมัครวันนี้"
    found = segments(text)
    assert len(found) > 1
    for start, _ in found:
        assert unicodedata.category(text[start])[0] != "M"


def test_a_long_text_has_a_bounded_number_of_segments() -> None:
    assert len(segments("You won. " * 20_000)) <= 48


@settings(max_examples=60, deadline=None)
@given(_TEXTS)
def test_segments_are_the_text_in_order(text: str) -> None:
    found = segments(text)
    assert "".join(text[start:end] for start, end in found) == text.strip()
    assert all(start < end and text[start:end].strip() for start, end in found)


@settings(max_examples=60, deadline=None)
@given(_TEXTS)
def test_spans_leave_out_nothing_but_blanks(detector: ScamDetector, text: str) -> None:
    spans = explain(detector, text)
    inside = {place for span in spans for place in range(span.start, span.end)}
    assert len(inside) == sum(span.end - span.start for span in spans)
    if spans:
        assert all(char.isspace() for place, char in enumerate(text) if place not in inside)
        assert all(np.isfinite(span.weight) for span in spans)


@pytest.mark.parametrize(
    ("value", "reason"), [(None, "missing"), (b"pay", "not text: bytes"), ("\u200b", "empty")]
)
def test_what_cannot_be_scored_has_a_reason_alone(
    detector: ScamDetector, value: object, reason: str
) -> None:
    found = detector.explain(value)
    assert found.spans == found.cues == ()
    assert reason in str(found.prediction.reason)
    assert reason in found.to_html() and reason in found.to_terminal(colour=True)


@pytest.mark.parametrize(
    "text",
    [
        "\ud800 pay now \udfff",
        "the of and",
        "pay now 转账 срочно โอนเงิน",
        "<b>&\"' urgent",
        "\x1b[2J",
    ],
)
def test_any_text_is_shown_escaped(detector: ScamDetector, text: str) -> None:
    found = detector.explain(text)
    assert json.loads(json.dumps(found.to_dict()))["prediction"] == found.prediction.to_dict()
    assert "<b>" not in found.to_html()
    found.to_html().encode()
    assert CAUTION.split(",")[0] in found.to_html() and CAUTION not in found.to_html(caution=False)
    shown = found.to_terminal(colour=False)
    shown.encode()
    assert "\x1b" not in shown


def test_a_text_of_stop_words_says_that_there_is_nothing(detector: ScamDetector) -> None:
    found = detector.explain("the of and")
    assert NOTHING in found.to_terminal(colour=False) and NOTHING in found.to_html()
    assert NOTHING not in detector.explain(_LURE).to_terminal(colour=False)
    assert NOTHING not in detector.explain(None).to_html()


def test_a_megabyte_is_explained_by_its_beginning(detector: ScamDetector) -> None:
    found = detector.explain("😀 urgent profit " * 60_000)
    assert len(found.spans) <= 48 and found.spans[-1].end <= 4_000
    assert found.cues and found.cues[-1].end <= 100_000


def test_explaining_several_texts_is_refused(detector: ScamDetector) -> None:
    with pytest.raises(TypeError, match="one text"):
        detector.explain(["a", "b"])


def test_the_text_is_not_in_the_repr_and_the_prediction_is_that_of_predict(
    detector: ScamDetector,
) -> None:
    found = detector.explain(_LURE)
    assert "Guaranteed" not in repr(found)
    assert found.prediction == detector.predict(_LURE)
    assert found.spans == explain(detector, _LURE)


def test_colour_marks_the_lure(detector: ScamDetector) -> None:
    assert "\x1b[" in detector.explain(_LURE).to_terminal(colour=True)
    assert "<mark" in detector.explain(_LURE).to_html()


def test_phrases_that_another_one_holds_are_not_listed_twice() -> None:
    shares = {"in": 2.0, "winning prize": 1.9, "prize": 1.0, "card": -0.5, "noise": 0.01}
    assert strongest_words(shares) == (("in", 2.0), ("winning prize", 1.9), ("card", -0.5))
