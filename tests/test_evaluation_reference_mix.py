"""The reference mix and the threshold chosen on it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_corpus import row, table

from scamdetect.evaluation.reference_mix import (
    balanced_sample,
    effective_size,
    merged_cells,
    reference_weights,
    weighted_threshold_at_fpr,
)

names = st.lists(
    st.tuples(st.lists(st.sampled_from("abc"), max_size=2, unique=True), st.sampled_from("xyz")),
    min_size=1,
    max_size=120,
)


def test_every_slice_and_language_weighs_the_same() -> None:
    rows = [row(i, "legit", slices=["everyday"], lang="en") for i in range(80)]
    rows += [row(i, "legit", slices=["finance"], lang="en") for i in range(20)]
    rows += [row(i, "legit", slices=["finance"], lang="vi") for i in range(10)]
    weights = reference_weights(table(rows))
    cells = weights[:80].sum(), weights[80:100].sum(), weights[100:].sum()
    assert cells == pytest.approx([110 / 3] * 3)


def test_scams_weigh_by_kind_and_language_apart_from_the_legit() -> None:
    rows = [row(i, "scam", kinds=["romance"]) for i in range(10)]
    rows += [row(i, "scam", kinds=["romance", "investment"]) for i in range(30)]
    rows += [row(i, "legit") for i in range(7)]
    rows += [row(i, "spam", not_legit=True) for i in range(5)]
    weights = reference_weights(table(rows))
    assert weights[:40].sum() == pytest.approx(40)
    assert weights[40:47].sum() == pytest.approx(7)
    assert not weights[47:].any()
    # Two cells of mass 1: romance over 40 rows, investment over 30 of them.
    assert weights[10] / weights[0] == pytest.approx((1 / 40 + 1 / 30) / (1 / 40))


def test_small_cells_join_their_language() -> None:
    of_rows = [["a"]] * 12 + [["b"]] * 3 + [["a"]] * 2
    langs = ["x"] * 15 + ["y"] * 2
    cells = merged_cells(of_rows, langs)
    # b of x is too small for itself and for a pool, so is all of y: one cell is left.
    assert [cell.tolist() for cell in cells] == [list(range(17))]
    pooled = merged_cells([["a"]] * 10 + [["b"]] * 6 + [["c"]] * 5, ["x"] * 21)
    assert sorted(cell.size for cell in pooled) == [10, 11]


@given(names)
def test_cells_hold_every_row_and_enough_of_them(rows: list[tuple[list[str], str]]) -> None:
    of_rows, langs = zip(*rows, strict=True)
    cells = merged_cells(of_rows, langs)
    assert set(np.concatenate(cells).tolist()) == set(range(len(rows)))
    assert all(cell.size >= min(10, len(rows)) for cell in cells)


@given(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.floats(0.1, 9)), min_size=1, max_size=80),
    st.sampled_from([0.0, 0.001, 0.01, 0.2, 1.0]),
)
def test_weighted_false_positive_rate_is_kept(rows: list[tuple[float, float]], fpr: float) -> None:
    scores, weights = (np.array(values) for values in zip(*rows, strict=True))
    flagged = scores >= weighted_threshold_at_fpr(scores, weights, fpr)
    assert weights[flagged].sum() / weights.sum() <= fpr + 1e-6


def test_unscored_and_weightless_rows_do_not_move_the_threshold() -> None:
    scores, weights = [0.2, 0.4, float("nan"), 0.99], [1, 1, 2, 0]
    threshold = weighted_threshold_at_fpr(scores, weights, 0.25)
    assert 0.2 < threshold <= 0.4


def test_effective_size() -> None:
    assert effective_size([2.0] * 7) == pytest.approx(7)
    assert effective_size([1.0, 0.0]) == pytest.approx(1)


def test_balanced_sample_keeps_small_cells_whole() -> None:
    rows = [row(i, "legit", lang="en") for i in range(100)]
    rows += [row(i, "legit", lang="vi") for i in range(8)]
    rows += [row(i, "spam", not_legit=True) for i in range(5)]
    sample = balanced_sample(table(rows), 30)
    assert sample["lang"].to_pylist().count("vi") == 8
    assert sample["lang"].to_pylist().count("en") == 22
    assert sample.equals(balanced_sample(table(rows), 30))
    backward = balanced_sample(table(rows[::-1]), 30)
    assert set(backward["row_hash"].to_pylist()) == set(sample["row_hash"].to_pylist())
