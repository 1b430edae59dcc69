"""Combine the scores of a sender's words so far into one risk, which never falls."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from msgspec import Meta

from scamdetect.calibration import probabilities
from scamdetect.calibration.operating_points import Count
from scamdetect.calibration.probabilities import Scaling, Share
from scamdetect.calibration.thresholds import Thresholds
from scamdetect.errors import InputError

LEAST = -8.0  # the log odds without any evidence
FEW_TURNS, RECENT_TURNS = 50, 20
DISCOUNT = 0.25  # in log odds, in bundles that do not set it

_Number = Annotated[int, Meta(ge=1)]


@dataclass(frozen=True, slots=True)
class Weights:
    """The weight of each feature of a sender in the log odds of a risk.

    The features are log odds of scam: the highest of a message, and the highest of a window of the
    sender's last words. ``length`` is subtracted for each e-fold of turns beyond ``FEW_TURNS``.
    Raises InputError for a negative weight: the risk would fall while the words get worse.
    """

    bias: float
    message: float
    window: float
    length: float = DISCOUNT

    def __post_init__(self) -> None:
        weights = (self.message, self.window, self.length)
        if not all(map(math.isfinite, (self.bias, *weights))) or min(weights) < 0:
            raise InputError(
                f"the weights of a conversation must be finite numbers of at least 0; got {self}"
            )


@dataclass(frozen=True, slots=True)
class ConversationRule:
    """How a bundle judges conversations, fitted on threads that it was not trained on.

    ``window_characters`` of a sender's last words are read together. ``thresholds`` are risks at
    the false-positive rates ``thresholds_fpr`` of whole conversations. Within ``enough_turns`` of
    the suspect most detected scams were detected; before that, a low risk means little.
    ``fitted_on`` counts conversations by verdict, and is empty if nothing was fitted.
    """

    weights: Weights
    window_characters: _Number
    thresholds: Thresholds
    thresholds_fpr: Mapping[str, Share]
    enough_turns: _Number
    fitted_on: Mapping[str, Count]

    def settings(self) -> dict[str, Any]:
        """Return the rule as stored in ``scamdetect.json``."""
        flag, review = self.thresholds.flag, self.thresholds.review
        return asdict(self) | {"thresholds": {"flag": flag, "review": review}}

    def scaled(self, scaling: Scaling) -> ConversationRule:
        """Return the rule that gives scaled message probabilities the same risks as before."""
        undo, weights = scaling.inverse, self.weights
        bias = weights.bias + (weights.message + weights.window) * undo.bias
        message, window = (w / undo.temperature for w in (weights.message, weights.window))
        return replace(self, weights=Weights(bias, message, window, weights.length))


def unfitted_rule(thresholds: Thresholds) -> ConversationRule:
    """Return the rule of a bundle without one: the highest message decides, by its probability."""
    weights, own = Weights(0.0, message=1.0, window=0.0), (thresholds.flag, thresholds.review)
    return ConversationRule(weights, 500, Thresholds(*own), {}, enough_turns=6, fitted_on={})


class SenderState:
    """The features of a sender: a few numbers for any length of conversation.

    They are the highest so far and, beyond ``FEW_TURNS``, where some honest turn is likely to score
    high, the highest of the last ``RECENT_TURNS``: fewer false alarms, but fewer late scams.
    """

    def __init__(self) -> None:
        self.turns = 0
        self._message = self._window = LEAST
        self._recent: deque[tuple[float, float]] = deque(maxlen=RECENT_TURNS)

    def add(self, message: float, window: float, *, new: bool = True) -> None:
        """Add a turn: the log odds of the message and of the window that ends with it.

        Without anything ``new`` it is part of the turn before, else a sender could pad with turns.
        """
        if not new and self._recent:
            before = self._recent.pop()
            message, window = max(message, before[0]), max(window, before[1])
        else:
            self.turns += 1
        self._message = max(self._message, message)
        self._window = max(self._window, window)
        self._recent.append((message, window))

    def log_odds(self, weights: Weights) -> float:
        """Return the log odds of the risk at this turn; LEAST before the first one."""
        message, window, discount = self._message, self._window, 0.0
        if self.turns > FEW_TURNS:
            message, window = (max(column) for column in zip(*self._recent, strict=True))
            discount = weights.length * math.log(self.turns / FEW_TURNS)
        return weights.bias + weights.message * message + weights.window * window - discount


def log_odds(scam: float, rest: float) -> float:
    """Return the log odds of a scam probability and that of all else, at least ``LEAST``."""
    return max(float(probabilities.log_odds(scam, rest)), LEAST)


def as_risk(log_odds: float) -> float:
    """Return the risk in [0, 1] for log odds, rounded to six decimals."""
    return round(0.5 + 0.5 * math.tanh(log_odds / 2), 6)
