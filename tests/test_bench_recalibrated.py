from __future__ import annotations

import numpy as np
import pytest
from bench_rows import row, rows, target

from scamdetect.bench.figures.changes import draws, recalibrated

pytestmark = pytest.mark.slow


def by_size(found):
    return {(one.size, one.rate): one for one in found}


def test_a_shifted_target_is_ranked_as_well_and_regains_its_recall() -> None:
    generator = np.random.default_rng(0)
    scores = [*generator.uniform(0.30, 0.40, 600), *generator.uniform(0.0, 0.29, 1400)]
    found = by_size(recalibrated(target(rows(600, 1400), scores)))
    moved = found["1,000", "1%"]
    assert moved.recall.value == 1.0
    assert moved.fpr.value == pytest.approx(0.01, abs=0.006)
    assert moved.n_legit == pytest.approx(700, abs=30)
    assert not moved.too_few


def test_too_few_honest_rows_set_no_threshold() -> None:
    found = by_size(recalibrated(target(rows(100, 300), [0.9] * 100 + [0.1] * 300)))
    assert found["200", "1%"].recall is not None
    assert found["200", "0.1%"].too_few
    assert found["200", "0.1%"].recall is None
    assert found["1,000", "1%"].recall is None  # there are no thousand rows


def test_groups_are_drawn_whole() -> None:
    groups = np.repeat(np.arange(50), 4)
    for mask in draws(groups, 60, seed=1):
        assert mask.sum() == 60
        assert set(np.bincount(groups, mask)) <= {0, 4}


def test_draws_are_the_same_each_time() -> None:
    found = target([row(f"{n}", "scam" if n % 3 else "legit") for n in range(900)], [0.5] * 900)
    assert recalibrated(found) == recalibrated(found)
