"""Probabilities fitted to own messages, and thresholds carried over to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scamdetect.adapt.own_rows import OwnRows
from scamdetect.adapt.refit import carried_threshold, refit
from scamdetect.calibration.probabilities import Scaling
from scamdetect.errors import InputError
from scamdetect.labels import Verdict

pytestmark = pytest.mark.slow


def decimals(values: np.ndarray) -> np.ndarray:
    return np.array([float(str(value)) for value in values.astype(np.float32)])


def drawn(
    n: int, off: Scaling, seed: int = 0, base: float = -2.0, copies: int = 1, spam: float = 0.0
) -> OwnRows:
    """Return rows whose right probabilities are ``off`` of their scores."""
    random = np.random.default_rng(seed)
    scores = decimals(1 / (1 + np.exp(-random.normal(base, 2.5, n))))
    scam = random.random(n) < off(scores)
    verdicts = np.where(random.random(n) < spam, Verdict.SPAM, Verdict.LEGIT).astype(object)
    verdicts[scam] = Verdict.SCAM
    groups = np.arange(n, dtype=np.int64)
    rows = [np.repeat(values, copies) for values in (scores, verdicts, groups)]
    return OwnRows(*rows, 0, 0, 0, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("off", [Scaling(2.0, -1.5), Scaling(0.6, 0.5)])
def test_the_scaling_that_made_the_labels_is_found(off: Scaling) -> None:
    found = refit(drawn(8000, off), 0)
    assert found.scaling.temperature == pytest.approx(off.temperature, rel=0.15)
    assert found.scaling.bias == pytest.approx(off.bias, abs=0.25)
    assert found.kept and found.gain.low > 0
    for before, after in (
        (found.before.log_loss, found.after.log_loss),
        (found.before.brier, found.after.brier),
        (found.before.ece, found.after.ece),
    ):
        assert after.value < before.value and after.low <= after.value <= after.high


def test_probabilities_that_are_right_already_are_kept_as_they_are() -> None:
    kept = [refit(drawn(600, Scaling(), seed), seed).kept for seed in range(8)]
    assert sum(kept) <= 2


def test_copies_are_no_evidence() -> None:
    one, copied = (refit(drawn(500, Scaling(1.5, -1.0), copies=n), 0) for n in (1, 20))
    assert one.scaling == copied.scaling and one.scams == copied.scams
    assert one.gain.low == pytest.approx(copied.gain.low)


def test_a_base_rate_moves_the_bias_alone() -> None:
    rows = drawn(8_000, Scaling(), base=-1.0)
    found, rare = refit(rows, 0), refit(rows, 0, 0.01)
    assert found.base_rate == pytest.approx(rows.of(Verdict.SCAM).mean())
    shift = np.log(0.01 / 0.99) - np.log(found.base_rate / (1 - found.base_rate))
    assert rare.scaling.bias - found.scaling.bias == pytest.approx(shift, abs=0.2)
    assert rare.scaling.temperature == pytest.approx(found.scaling.temperature, rel=0.1)


def test_promotions_are_no_scams() -> None:
    plain, mixed = (refit(drawn(4000, Scaling(1.0, -1.0), spam=s), 0) for s in (0.0, 0.3))
    assert mixed.scams + mixed.others == pytest.approx(2000, abs=2)
    assert mixed.base_rate == plain.base_rate
    assert mixed.scaling.bias == pytest.approx(plain.scaling.bias, abs=0.3)


def test_scores_that_part_the_sides_give_finite_probabilities() -> None:
    scores = decimals(np.repeat([0.001, 0.9], [200, 100]))
    verdicts = np.array([Verdict.LEGIT] * 200 + [Verdict.SCAM] * 100, object)
    found = refit(OwnRows(scores, verdicts, np.arange(300), 0, 0, 0, 0), 0)
    low, high = found.scaling([0.001, 0.9])
    assert 0 < low < 0.001 and 0.95 < high < 1


def test_too_few_messages_are_refused_with_how_many_it_takes() -> None:
    rows = drawn(90, Scaling(), base=-3.0)
    with pytest.raises(InputError, match=r"\d+ distinct scams .*40 of each"):
        refit(rows, 0)


def test_scores_that_tell_nothing_and_impossible_rates_are_refused() -> None:
    rows = drawn(2000, Scaling(), base=0.0)
    turned = OwnRows(decimals(1 - rows.scores), rows.verdicts, rows.groups, 0, 0, 0, 0)
    with pytest.raises(InputError, match="do not separate"):
        refit(turned, 0)
    for rate in (0.0, 1.0, float("nan")):
        with pytest.raises(InputError, match="between 0 and 1"):
            refit(rows, 0, rate)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.floats(2**-20, 1 - 2**-20, width=32), min_size=1, max_size=40),
    st.integers(0, 100),
    st.floats(0.4, 4),
    st.floats(-6, 6),
)
def test_a_carried_threshold_parts_the_scores_as_before(
    values: list[float], place: int, temperature: float, bias: float
) -> None:
    scores, scaling = decimals(np.array(values)), Scaling(temperature, bias)
    threshold = float(np.sort(scores)[place % len(scores)])
    try:
        moved = carried_threshold(threshold, scores, scaling)
    except InputError:
        near = np.sort(scaling(np.unique(scores)))
        assume(np.diff(near).min() > 1e-6)
        raise
    assert 0 < moved <= 1
    assert ((decimals(scaling(scores)) >= moved) == (scores >= threshold)).all()


@given(st.floats(0.2, 5), st.floats(-4, 4), st.floats(0.2, 5), st.floats(-4, 4))
def test_scalings_compose_and_undo(t: float, b: float, u: float, c: float) -> None:
    first, then = Scaling(t, b), Scaling(u, c)
    p = np.array([0.01, 0.3, 0.9])
    assert then.after(first)(p) == pytest.approx(then(first(p)), rel=1e-6)
    assert first.inverse(first(p)) == pytest.approx(p, rel=1e-5)
    assert Scaling()(np.array([0.0, 0.5, 1.0])).tolist() == [0.0, 0.5, 1.0]
