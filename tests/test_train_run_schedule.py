"""The rate of each step, the steps of marks and decays, and plans that are too short."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.errors import RecipeError
from scamdetect.train.recipe import OptimiserTable
from scamdetect.train.run import decay, tokens_spent, whole_plan

pytestmark = pytest.mark.slow

SPENT = np.arange(1, 101) * 10  # 100 steps of 10 tokens
STABLE = OptimiserTable(schedule="stable", warmup=0.1, keep_at=(200, 500))


def _rates(stretch_rate: object, steps: range) -> list[float]:
    assert callable(stretch_rate)
    return [stretch_rate(step) for step in steps]


def test_tokens_add_up_over_the_batches() -> None:
    batches = [np.array([0, 1]), np.array([1]), np.array([2, 2])]
    assert tokens_spent(batches, np.array([3, 5, 7])).tolist() == [8, 13, 27]


def test_a_linear_rate_rises_and_falls_to_0() -> None:
    stretch = whole_plan(SPENT, OptimiserTable(warmup=0.1))
    assert (stretch.first, stretch.last, stretch.keep) == (0, 100, {})
    rates = _rates(stretch.rate, range(101))
    assert rates[:10] == pytest.approx(np.arange(1, 11) / 10)
    assert rates[55] == pytest.approx(0.5)
    assert rates[100] == 0


def test_a_stable_rate_rises_and_stays() -> None:
    rates = _rates(whole_plan(SPENT, STABLE).rate, range(101))
    assert rates[:10] == pytest.approx(np.arange(1, 11) / 10)
    assert set(rates[10:]) == {1.0}


def test_states_are_kept_at_the_first_step_that_reaches_a_mark() -> None:
    assert whole_plan(SPENT, STABLE).keep == {20: 200, 50: 500}
    odd = OptimiserTable(schedule="stable", keep_at=(201,))
    assert whole_plan(SPENT, odd).keep == {21: 201}


def test_a_decay_goes_on_from_its_mark_for_its_share_and_ends_at_0() -> None:
    stretch = decay(SPENT, STABLE, 500)
    assert (stretch.first, stretch.last, stretch.keep) == (50, 55, {})
    rates = _rates(stretch.rate, range(50, 56))
    assert rates == pytest.approx(1 - np.sqrt(np.arange(6) / 5))
    assert stretch.rate(0) <= 1  # an optimiser asks for the first step before it is moved on


@given(
    st.lists(st.integers(1, 50), min_size=2, max_size=200),
    st.floats(0.01, 1),
    st.floats(0.001, 0.999),
)
def test_a_decay_is_at_least_its_share_of_tokens(
    tokens: list[int], share: float, place: float
) -> None:
    spent = np.cumsum(tokens)
    table = OptimiserTable(schedule="stable", decay_share=share)
    mark = max(1, int(place * spent[-1]))
    try:
        stretch = decay(spent, table, mark)
    except RecipeError:
        reached = int(spent[min(np.searchsorted(spent, mark), len(spent) - 1)])
        assert reached * (1 + share) > spent[-1]
        return
    reached = int(spent[stretch.first - 1])
    assert reached >= mark
    assert stretch.first < stretch.last <= len(spent)
    assert spent[stretch.last - 1] >= reached * (1 + share) > spent[stretch.last - 2]


@pytest.mark.parametrize("mark", [950, 1_000, 5_000])
def test_a_plan_that_ends_before_a_mark_and_its_decay_is_refused(mark: int) -> None:
    table = OptimiserTable(schedule="stable", keep_at=(mark,))
    with pytest.raises(RecipeError, match=f"plan has 1,000 tokens, but the mark {mark:,} .* raise"):
        whole_plan(SPENT, table)


def test_marks_in_one_step_are_refused() -> None:
    with pytest.raises(RecipeError, match="share a step"):
        whole_plan(SPENT, OptimiserTable(schedule="stable", keep_at=(201, 202)))
