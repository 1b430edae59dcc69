from __future__ import annotations

import math
from dataclasses import replace

import pytest

from scamdetect.calibration.probabilities import Scaling
from scamdetect.calibration.thresholds import Thresholds
from scamdetect.conversation.rule import (
    DISCOUNT,
    FEW_TURNS,
    LEAST,
    RECENT_TURNS,
    SenderState,
    Weights,
    as_risk,
    log_odds,
    unfitted_rule,
)

WEIGHTS = Weights(bias=-1.0, message=0.5, window=0.25)


def after(*turns: tuple[float, float]) -> SenderState:
    state = SenderState()
    for message, window in turns:
        state.add(message, window)
    return state


def test_a_short_conversation_goes_by_its_highest_turns() -> None:
    state = after((2.0, -1.0), (-3.0, 4.0), (-8.0, -8.0))
    assert state.log_odds(WEIGHTS) == -1.0 + 0.5 * 2.0 + 0.25 * 4.0
    assert SenderState().log_odds(WEIGHTS) == -1.0 + 0.75 * LEAST


def test_a_long_one_goes_by_its_recent_turns_and_asks_for_more() -> None:
    quiet = [(-3.0, -3.0)] * (FEW_TURNS + RECENT_TURNS)
    early = after((4.0, 4.0), *quiet)
    expected = -1.0 - 0.75 * 3.0 - DISCOUNT * math.log(early.turns / FEW_TURNS)
    assert early.log_odds(WEIGHTS) == pytest.approx(expected)
    late = after(*quiet, (4.0, 4.0))
    assert late.log_odds(WEIGHTS) == pytest.approx(expected + 0.75 * 7.0)


def test_a_rule_keeps_its_length() -> None:
    steep = replace(unfitted_rule(Thresholds(0.5, 0.25)), weights=replace(WEIGHTS, length=1.0))
    assert steep.settings()["weights"]["length"] == 1.0
    assert steep.scaled(Scaling(2.0, -1.0)).weights.length == 1.0


def test_probabilities_at_the_ends_stay_finite() -> None:
    assert log_odds(0.0, 1.0) == LEAST
    assert math.isfinite(log_odds(1.0, 0.0))
    assert as_risk(-1000.0) == 0 and as_risk(1000.0) == 1 and as_risk(0.0) == 0.5
