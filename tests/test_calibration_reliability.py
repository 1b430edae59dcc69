"""Calibration error against known answers, and what must hold for any scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect.calibration.reliability import Reliability, reliability

rows = st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=2, max_size=60)


def _of(
    probabilities: list[float],
    scam: list[bool],
    weights: list[float] | None = None,
    base_rate: float | None = None,
) -> Reliability | None:
    truth = np.array(scam, dtype=bool)
    mass = np.ones(truth.size) if weights is None else np.array(weights)
    return reliability("set", probabilities, truth, mass, np.arange(truth.size), base_rate)


def test_known_answers() -> None:
    exact = _of([0.25] * 4 + [0.75] * 4, [True, False, False, False, True, True, True, False])
    assert exact is not None
    assert exact.ece.value == pytest.approx(0.0) and exact.brier == pytest.approx(3 / 16)
    sure = _of([1.0] * 4, [True, False, False, False])
    assert sure is not None and sure.ece.value == pytest.approx(0.75)
    assert [(p.probability, p.scams, p.mass) for p in sure.points] == [(1.0, 0.25, 1.0)]


def test_bins_have_equal_mass_where_scores_differ() -> None:
    scores = np.linspace(0, 1, 150) ** 4
    found = _of(list(scores), [score > 0.5 for score in scores])
    assert found is not None and len(found.points) == 15
    assert [point.mass for point in found.points] == pytest.approx([1 / 15] * 15)


def test_the_noise_floor_is_the_error_of_right_probabilities() -> None:
    generator = np.random.default_rng(3)
    floors = []
    for size in (100, 2_500):
        scores = generator.random(size)
        found = _of(scores.tolist(), (generator.random(size) < scores).tolist())
        assert found is not None
        assert found.ece.value == pytest.approx(found.noise_floor, rel=0.5)
        floors.append(found.noise_floor)
    assert floors[0] / floors[1] == pytest.approx(5, rel=0.2)  # falls with the root of n
    sure = _of([0.0, 1.0, 1.0], [False, True, False])
    assert sure is not None and sure.noise_floor == 0.0 and sure.ece.value > 0.3


def test_unscored_rows_are_left_out_and_one_side_gives_no_figure() -> None:
    found = _of([0.5, 0.5, float("nan")], [True, False, True])
    assert found is not None and (found.n_scam, found.n_legit) == (1, 1)
    assert _of([0.5, 0.6], [True, True]) is None
    assert _of([0.5, float("nan")], [True, False]) is None


@settings(max_examples=30, deadline=None)
@given(rows)
def test_errors_are_shares_and_no_order_changes_them(
    drawn: list[tuple[float, bool]],
) -> None:
    scores, scam = (list(values) for values in zip(*drawn, strict=True))
    found, turned = _of(scores, scam), _of(scores[::-1], scam[::-1])
    if found is None or turned is None:
        return
    assert 0 <= found.ece.low <= found.ece.high <= 1 + 1e-9
    assert found.ece.value == pytest.approx(turned.ece.value, abs=1e-9)
    assert sum(point.mass for point in found.points) == pytest.approx(1)
