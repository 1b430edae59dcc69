"""Language accuracy."""

from __future__ import annotations

import numpy as np

from scamdetect.evaluate.slices import language_accuracy


def _codes(*codes: str) -> np.ndarray:
    return np.array(codes, dtype=object)


def test_undetermined_answers_stand_apart_and_unknown_rows_are_left_out() -> None:
    truth = _codes(*["vi"] * 10, "pt", "tl", "und")
    told = _codes(*["vi"] * 7, "en", "und", "und", "pt-BR", "fil", "en")
    found = language_accuracy("detector", truth, told)
    assert (found.n, found.undetermined) == (12, 2)
    assert found.accuracy is not None
    assert (found.accuracy.n, found.accuracy.value) == (10, 0.9)
    assert list(found.by_language) == ["vi"]
    assert found.by_language["vi"].undetermined == 2


def test_a_detector_that_never_answers_has_no_accuracy() -> None:
    assert language_accuracy("detector", _codes("vi"), _codes("und")).accuracy is None
