"""Deletion and insertion curves on scores that can be worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from scamdetect.evaluate.faithfulness import Deletion, Explained, delete, summarise
from scamdetect.explain.occlusion import Span, explain

_TEXT = "Lunch was good with you today. Send gold to uncle now. The weather was rather fine."


class Gold:
    """Says 0.9 where gold is named, else 0.1; nothing of what has no letter."""

    def __init__(self) -> None:
        self.calls = 0

    def predict_proba(self, texts: Iterable[object], /) -> NDArray[np.float32]:
        self.calls += 1
        rows = [_row(str(text)) for text in texts]
        return np.array(rows, dtype=np.float32)


def _row(text: str) -> list[float]:
    if not text.strip():
        return [np.nan] * 3
    return [0.1, 0.0, 0.9] if "gold" in text else [0.9, 0.0, 0.1]


def _explained(text: str = _TEXT) -> Explained:
    return Explained(text, explain(Gold(), text), "a")


def _deleted(explained: Explained) -> Deletion:
    (found,) = delete(Gold(), [explained])
    return found


def test_the_curves_begin_with_the_text_and_end_with_nothing() -> None:
    found = _deleted(_explained())
    for curve in found.curves.values():
        assert curve[0] == pytest.approx(0.9) and curve[-1] == 0
    assert found.whole == pytest.approx(0.9)


def test_the_span_that_carries_the_score_goes_first() -> None:
    found = _deleted(_explained())
    assert found.strongest == pytest.approx(0.1)
    assert found.without == pytest.approx(0.1) and found.only == pytest.approx(0.9)
    assert 0.2 < found.marked < 0.4
    areas = {order: curve.mean() for order, curve in found.curves.items()}
    assert areas["weight"] < areas["random"] < areas["reverse"]


def test_other_parts_lie_mostly_outside_the_strongest_span() -> None:
    found = _deleted(_explained())
    assert 0 < found.windows.size <= 5
    assert (found.windows >= found.strongest).all() and found.windows.max() > 0.8


def test_weights_that_tell_nothing_gain_nothing() -> None:
    explained = _explained()
    wrong = tuple(Span(span.start, span.end, -span.weight) for span in explained.spans)
    texts = [Explained(_TEXT, wrong, str(row)) for row in range(20)]
    found = summarise(texts, delete(Gold(), texts), 0.5)
    assert found.deletion_gain is not None and found.deletion_gain.high < 0
    assert found.insertion_gain is not None and found.insertion_gain.high < 0
    assert found.windows_beaten is not None and found.windows_beaten.value <= 0.5
    assert found.still_flagged["without_strongest"] == 1


def test_the_summary_says_what_the_spans_are_worth() -> None:
    texts = [_explained()] * 4
    found = summarise(texts, delete(Gold(), texts), 0.5)
    assert found.n == 4 and found.spans == len(texts[0].spans)
    assert [len(curve) for curve in found.curves.values()] == [11, 11, 11]
    assert found.strongest_drop is not None
    assert found.strongest_drop.value == pytest.approx(0.8)
    assert found.still_flagged["without_strongest"] == 0
    assert found.still_flagged["only_marked"] == 1
    assert found.sufficiency is not None and found.sufficiency.value == pytest.approx(0)


def test_all_texts_are_scored_in_one_call_and_the_same_seed_draws_the_same() -> None:
    detector = Gold()
    first = delete(detector, [_explained(), _explained()])
    assert detector.calls == 1
    again = delete(detector, [_explained(), _explained()])
    assert (first[0].curves["random"] == again[0].curves["random"]).all()
    assert first[0].windows.tolist() == again[0].windows.tolist()


def test_without_a_part_of_like_length_nothing_is_compared() -> None:
    text = "gold " + "a" * 80 + ". Nothing more."
    explained = Explained(text, (Span(0, len(text) - 14, 2.0), Span(len(text) - 13, len(text), 0)),
                          "a")  # fmt: skip
    found = summarise([explained], delete(Gold(), [explained]), 0.5)
    assert found.windows_beaten is None and found.window_drop is None
    assert found.still_flagged["without_window"] is None
