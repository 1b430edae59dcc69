"""Shares in two dumps and what their change is worth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.adapt.shifts import Level, Rate, Share, psi

SHARES = st.integers(0, 2000).flatmap(
    lambda of: st.integers(0, of).map(lambda messages: Share(messages, of))
)


def rate(reference: Share, current: Share) -> Rate:
    return Rate("flagged", reference, current, comparable=True)


@given(SHARES, SHARES)
def test_intervals_hold_their_figures(reference: Share, current: Share) -> None:
    one = rate(reference, current)
    low, high = one.difference
    assert -1 <= low <= current.share - reference.share <= high <= 1
    ratio, least, most = one.ratio
    assert 0 < least <= ratio <= most


@given(SHARES)
def test_equal_shares_are_no_shift(share: Share) -> None:
    assert rate(share, share).level is Level.NONE


def test_a_rare_share_that_triples_is_an_alert_that_the_index_does_not_raise() -> None:
    before, after = Share(50, 10_000), Share(150, 10_000)
    assert psi([50, 9950], [150, 9850]).level is Level.NONE
    assert rate(before, after).level is rate(after, before).level is Level.ALERT
    assert rate(before, Share(85, 10_000)).level is Level.WATCH


def test_a_common_share_is_judged_by_the_index_and_a_fall_may_be_none() -> None:
    high, higher = Share(800, 1000), Share(990, 1000)
    assert rate(high, higher).level is Level.ALERT
    falls = Rate("novel", higher, high, comparable=True, may_fall=True)
    assert rate(higher, high).level is Level.ALERT and falls.level is Level.NONE


def test_few_messages_and_other_models_raise_nothing() -> None:
    assert rate(Share(1, 200), Share(3, 200)).level is Level.NONE
    apart = Rate("flagged", Share(50, 10_000), Share(150, 10_000), comparable=False)
    assert apart.level is Level.UNKNOWN


def test_the_difference_is_that_of_newcombe() -> None:
    # Newcombe 1998, table II, 56/70 - 48/80, method 10.
    low, high = rate(Share(48, 80), Share(56, 70)).difference
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
