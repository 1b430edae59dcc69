"""A limit of draws: nobody gets more, and what is taken away goes to the others."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.train.plan import limit_draws, share_out


@given(
    st.lists(st.tuples(st.floats(1e-3, 1e3), st.floats(0.1, 50)), min_size=1, max_size=40),
    st.floats(0.1, 5_000),
)
def test_a_total_is_shared_out_by_weight_up_to_what_each_takes(
    parts: list[tuple[float, float]], total: float
) -> None:
    weights, most = np.array(parts).T
    shared = share_out(weights, total, most)
    assert (shared <= most + 1e-9).all()
    assert math.isclose(shared.sum(), min(total, most.sum()), rel_tol=1e-6)
    free = shared < most - 1e-9
    if free.any():
        scale = shared[free] / weights[free]
        assert scale == pytest.approx(scale[0], rel=1e-6)


def test_the_tokens_are_spent_also_if_the_limit_moves_draws_to_longer_rows() -> None:
    wanted = np.array([40.0, 2.0, 2.0, 2.0, 2.0])
    lengths = np.array([5, 50, 50, 50, 50])
    drawn = limit_draws(wanted, np.zeros(5, dtype=np.int64), lengths, 600.0, 10)
    assert drawn[0] == 10
    assert drawn @ lengths == pytest.approx(600, rel=0.002)
    all_rows = limit_draws(wanted, np.zeros(5, dtype=np.int64), lengths, 6_000.0, 10)
    assert all_rows.tolist() == [10.0] * 5
