"""The sentences of a report are true of the bundle; samples are masked and marked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import Bundle
from scamdetect.calibration.operating_points import CalibrationRows
from scamdetect.reports.dump_notes import measured_note, sample
from scamdetect.text.masking import mask

_LURE = (
    "Hello from all of us. Guaranteed bitcoin profit, write to anna.smith@mail.example or "
    "+1 202 555 0143 now. See you."
)


class _Words:
    """A detector for which only the words of a list look like a scam."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def predict_proba(self, texts: Iterable[object], /) -> NDArray[np.float32]:
        scam = [0.05 + 0.9 * any(word in str(text) for word in self.words) for text in texts]
        return np.array([[1 - p, 0, p] for p in scam], np.float32)


def _shown(text: str, *words: str) -> str:
    return "".join(
        f"<{piece.strength}{piece.text}>" if piece.strength else piece.text
        for piece in sample(text, _Words(*words))
    )


def test_a_sample_without_a_detector_is_the_masked_message() -> None:
    (piece,) = sample(_LURE, None)
    assert (piece.text, piece.strength) == (mask(_LURE), 0)
    assert "anna" not in piece.text and "[email]" in piece.text and "[phone]" in piece.text


def test_the_strongest_segment_is_marked(detector: ScamDetector) -> None:
    pieces = sample(_LURE, detector)
    assert "".join(piece.text for piece in pieces) == mask(_LURE)
    marked = [piece.text for piece in pieces if piece.strength == 2]
    assert marked == ["Guaranteed bitcoin profit,"]


def test_tags_are_marked_as_a_whole() -> None:
    found = _shown("Hello from all of us here. Write to anna.smith@mail.example today", "anna")
    assert found == "Hello from all of us here. <2Write to [email] today>"


def test_nothing_is_marked_where_no_segment_matters() -> None:
    assert "<" not in _shown(_LURE, "absent")


def test_a_long_message_is_cut_and_says_so() -> None:
    text = "We wait for you. " * 50 + "See https://long.example/" + "x" * 3000
    found = _shown(text, "absent")
    assert len(found) <= 601 and found.endswith("…") and "xxx" not in found
    cut = _shown("Write to " + " ".join(f"a{n}b@mail.example" for n in range(90)), "absent")
    assert cut == "Write to " + "[email] " * (cut.count("[email]") - 1) + "[email]…"


def test_a_sample_holds_no_character_that_hides() -> None:
    (piece,) = sample("Pay \u202egold\u202c to\u200b me\u2066 now\ufeff", None)
    assert piece.text == "Pay gold to me now"


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("ab@.+1 23/:x!?。你\u200b\u202eé\u0301🎁ข\n_-"), max_size=120))
def test_marks_change_no_character(text: str) -> None:
    marked = "".join(piece.text for piece in sample(text, _Words("a", "你", "1")))
    assert marked == "".join(piece.text for piece in sample(text, None))


def test_rates_are_of_the_messages_that_measured_them(tiny_bundle: Path) -> None:
    bundle = Bundle.load(tiny_bundle)
    own = {"own_thresholds": {}}
    recalibrated = replace(bundle, training=own, calibration_rows=CalibrationRows())
    with_a_budget = replace(
        bundle, training=own, calibration_rows=CalibrationRows(languages={"en": (9, 9)})
    )
    assert "come from the same sources" in measured_note([], bundle)
    assert "scamdetect calibrate" in measured_note([], recalibrated)
    assert "come from the same sources" in measured_note([], with_a_budget)
    assert "--model" in measured_note(["other@1+ab"], None)
