"""The reference mix and the threshold chosen on it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_corpus import row, table

from scamdetect.train.data.mix import (
    BLOCKS,
    balanced_sample,
    block_weights,
    calibrate_sample,
    capped,
    merged_cells,
    reference_weights,
    row_blocks,
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


def mass_by_block(rows: list[dict[str, object]]) -> dict[str, float]:
    corpus = table(rows)
    weights, blocks = block_weights(corpus), row_blocks(corpus)
    legit = np.array([one["verdict"] == "legit" for one in rows])
    return {
        name: float(weights[legit & (blocks == name)].sum() / weights[legit].sum())
        for name in BLOCKS
    }


def test_honest_blocks_weigh_as_in_traffic_and_their_groups_alike() -> None:
    rows = [row(i, "legit", slices=["transactional"]) for i in range(600)]
    rows += [row(i, "legit", slices=["everyday"], group=600 + i // 2) for i in range(600, 2000)]
    rows += [row(i, "legit", slices=["finance"], lang="vi", group=i) for i in range(2000, 2400)]
    rows += [row(i, "scam", kinds=["romance"]) for i in range(3000, 3020)]
    assert mass_by_block(rows) == pytest.approx(BLOCKS)
    weights = block_weights(table(rows))
    assert weights[:2400].mean() == pytest.approx(1)
    assert np.ptp(weights[:600]) == np.ptp(weights[600:2000]) == 0
    assert weights[600] * 2 * 700 / 2400 == pytest.approx(0.3)
    assert weights[2400:] == pytest.approx(reference_weights(table(rows))[2400:])


def test_no_group_has_over_a_thousandth_where_there_are_enough() -> None:
    rows = [row(i, "legit", slices=["transactional"]) for i in range(100)]
    rows += [row(i, "legit") for i in range(100, 2100)]
    assert mass_by_block(rows) == pytest.approx({"notices": 0.1, "talk": 0.9, "money": 0.0})


def test_a_group_of_several_slices_counts_once() -> None:
    rows = [row(i, "legit", slices=["transactional"]) for i in range(1000)]
    rows += [row(5000, "legit", slices=["everyday"], group=0)]
    weights = block_weights(table(rows))
    assert weights[0] + weights[1000] == pytest.approx(weights[1])


def test_a_group_counts_for_the_block_that_its_rows_stand_in_first() -> None:
    rows = [row(i, "legit", slices=["everyday"]) for i in range(1000)]
    rows += [row(i, "legit", slices=["finance"]) for i in range(2000, 3000)]
    rows += [row(5000 + i, "legit", slices=["finance"], group=i) for i in range(500)]
    weights = block_weights(table(rows))
    assert weights[0] == pytest.approx(weights[2000])  # both of groups, this one halved
    assert weights[0] + weights[2000] == pytest.approx(weights[1000])


def test_rows_without_slices_are_one_block_of_all() -> None:
    assert block_weights(table([row(i, "legit", slices=[]) for i in range(9)])) == pytest.approx(1)
    few = [row(i, "legit", slices=["finance"]) for i in range(3)] + [row(9, "scam")]
    assert block_weights(table(few)) == pytest.approx(1)
    assert block_weights(table([row(1, "scam")])) == pytest.approx(1)


def test_a_row_of_several_slices_is_in_one_block() -> None:
    slices = [
        ["everyday", "finance"],
        ["finance", "transactional"],
        ["affection"],
        [],
        ["awareness"],
    ]
    found = row_blocks(table([row(i, "legit", slices=one) for i, one in enumerate(slices)]))
    assert found.tolist() == ["money", "notices", "talk", "talk", "talk"]


@given(
    st.lists(st.floats(0.01, 9), min_size=1, max_size=60), st.floats(0.1, 1), st.floats(0.005, 0.5)
)
def test_capped_weights_keep_their_sum_and_the_cap(
    weights: list[float], share: float, most: float
) -> None:
    masses = capped(np.array(weights), share, most)
    assert masses.sum() == pytest.approx(share)
    assert share > most * len(weights) or masses.max() <= most * (1 + 1e-6)


def test_a_calibrate_sample_keeps_all_rows_of_scarce_blocks() -> None:
    rows = [row(i, "legit") for i in range(100)]
    rows += [row(i, "legit", slices=["transactional"]) for i in range(100, 160)]
    rows += [row(i, "scam") for i in range(200, 300)]
    sample = calibrate_sample(table(rows), 60)
    assert sample.num_rows == 20 + 60 + 20
    assert set(balanced_sample(table(rows), 60)["group"].to_pylist()) < set(
        sample["group"].to_pylist()
    )
    assert sample["group"].to_pylist() == sorted(sample["group"].to_pylist())
