"""Whether words help, as the labels tell."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra sklearn")

from scipy import sparse
from sklearn.linear_model import LogisticRegression

from scamdetect.adapt.classifier import joined, words_help

LABELS = np.tile([0, 1], 50)
NOISE = np.random.default_rng(0).normal(size=(100, 30))
TELLS = NOISE + np.where(LABELS, 1.0, -1.0)[:, None]


def _unit_rows(values: np.ndarray) -> sparse.csr_array:
    return sparse.csr_array(values / np.linalg.norm(values, axis=1, keepdims=True))


def test_words_help_if_they_tell_more_than_the_vectors() -> None:
    model = LogisticRegression()
    assert words_help(model, NOISE, _unit_rows(TELLS), LABELS)
    assert words_help(model, TELLS, _unit_rows(TELLS), LABELS)


def test_words_that_tell_nothing_are_left_out() -> None:
    weak = NOISE + np.where(LABELS, 0.2, -0.2)[:, None]
    other = np.random.default_rng(1).normal(size=(100, 300))
    assert not words_help(LogisticRegression(), weak, _unit_rows(other), LABELS)


@pytest.mark.parametrize("labels", [LABELS[:40], np.r_[np.zeros(99), 1]])
def test_too_few_labels_are_left_to_the_vectors(labels: np.ndarray) -> None:
    rows = len(labels)
    assert not words_help(LogisticRegression(), NOISE[:rows], _unit_rows(TELLS[:rows]), labels)


def test_rows_of_no_weight_count_as_absent() -> None:
    weights = np.r_[np.ones(60), np.zeros(40)]
    assert words_help(LogisticRegression(), NOISE, _unit_rows(TELLS), LABELS, weights)
    assert not words_help(LogisticRegression(), NOISE, _unit_rows(TELLS), LABELS, 1 - weights)


def test_joined_rows_have_both_lengths() -> None:
    found = joined(np.ones((3, 4)), _unit_rows(np.ones((3, 2))))
    assert found.shape == (3, 6)
    assert sparse.linalg.norm(found, axis=1) == pytest.approx(np.hypot(10, 50))
