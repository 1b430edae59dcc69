from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.bench.figures.target import fpr_by_group, recall_by_group
from scamdetect.calibration.statistics import clopper_pearson, wilson


def objects(values: list[str]) -> np.ndarray:
    return np.array(values, dtype=object)


def test_copies_that_all_agree_say_what_one_of_them_says() -> None:
    groups = objects(["one"] * 100 + ["two"] * 100 + ["three"] * 100)
    none, every = np.zeros(300, dtype=bool), np.ones(300, dtype=bool)
    passed, found = fpr_by_group(none, groups), recall_by_group(every, groups)
    assert (passed.value, passed.n, found.value, found.n) == (0.0, 300, 1.0, 300)
    assert passed.high == pytest.approx(clopper_pearson(0, 3)[1])
    assert found.low == pytest.approx(wilson(3, 3)[0])


def test_rows_apart_have_the_intervals_of_their_number() -> None:
    groups = objects([str(n) for n in range(300)])
    passed = fpr_by_group(np.zeros(300, dtype=bool), groups)
    assert (passed.low, passed.high) == pytest.approx(clopper_pearson(0, 300))


def test_without_rows_there_is_no_share() -> None:
    assert fpr_by_group(np.zeros(0, dtype=bool), objects([])) is None


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcde")), min_size=1, max_size=20))
def test_an_interval_holds_its_share(rows: list[tuple[bool, str]]) -> None:
    flagged = np.array([flag for flag, _ in rows])
    for figure in (recall_by_group, fpr_by_group):
        found = figure(flagged, objects([group for _, group in rows]))
        assert 0 <= found.low <= found.value == flagged.mean() <= found.high <= 1
