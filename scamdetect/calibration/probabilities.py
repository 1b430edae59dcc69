"""Convert logits to calibrated probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from scamdetect.errors import InputError
from scamdetect.labels import VERDICTS, Verdict

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]

_SCAM = VERDICTS.index(Verdict.SCAM)
_TINY = 1e-30  # keeps the logarithm of an underflowing probability finite


@dataclass(frozen=True, slots=True)
class Curve:
    """A calibration curve: maps a logit to a calibrated one, linear between its knots.

    Beyond the outermost knots its slope is 1; without knots it is the identity. Raises InputError
    unless both columns increase strictly, so that calibration never changes an order.
    """

    knots: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        table = np.array(self.knots, dtype=np.float64).reshape(-1, 2)
        if not (np.isfinite(table).all() and (np.diff(table, axis=0) > 0).all()):
            raise InputError("the knots of a curve must be finite and increase in both columns")

    def __call__(self, logits: ArrayLike) -> Doubles:
        """Return the calibrated logits, of the same shape."""
        values: Doubles = np.asarray(logits, dtype=np.float64)
        if not self.knots:
            return values
        x, y = np.array(self.knots).T
        calibrated: Doubles = np.interp(values, x, y) + (values - np.clip(values, x[0], x[-1]))
        return calibrated


class Scaling(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The divisor of logits, and the bias added afterwards (Platt scaling); 1 and 0 change nothing.

    Raises InputError unless the temperature is above 0 and both are finite, so that the order is
    kept.
    """

    temperature: float = 1.0
    bias: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.temperature < np.inf and np.isfinite(self.bias)):
            raise InputError(
                f"a scaling needs a finite temperature above 0 and a finite bias; got {self!r}"
            )

    def __call__(self, probabilities: ArrayLike) -> Doubles:
        """Return the scaled probabilities, of the same shape."""
        values = np.asarray(probabilities, dtype=np.float64)
        with np.errstate(divide="ignore"):
            logits = self.logits(np.log(values) - np.log1p(-values))
        scaled: Doubles = np.exp(-np.logaddexp(0.0, -logits))
        return scaled

    def logits(self, logits: Doubles) -> Doubles:
        """Return the scaled logits."""
        return logits / self.temperature + self.bias

    def after(self, first: Scaling) -> Scaling:
        """Return the scaling that applies ``first`` and then this one."""
        return Scaling(
            first.temperature * self.temperature, first.bias / self.temperature + self.bias
        )

    @property
    def inverse(self) -> Scaling:
        """Return the inverse of this scaling."""
        return Scaling(1 / self.temperature, -self.bias * self.temperature)


def log_odds(probability: ArrayLike, rest: ArrayLike) -> Doubles:
    """Return the finite log odds of probabilities; ``rest`` is that of all else."""
    scam, other = (np.asarray(values, dtype=np.float64) for values in (probability, rest))
    odds: Doubles = np.log(scam + _TINY) - np.log(other + _TINY)
    return odds


def softmax(logits: ArrayLike, temperature: float = 1.0) -> Floats:
    """Return float32 probabilities (n, classes) from logits (n, classes), rows summing to 1."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: Floats = (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)
    return probabilities


def sigmoid(logits: ArrayLike, temperature: float = 1.0) -> Floats:
    """Return float32 probabilities of the shape of the logits, each independent."""
    halves = np.asarray(logits, dtype=np.float64) / (2.0 * temperature)
    return (0.5 + 0.5 * np.tanh(halves)).astype(np.float32)


def scam_logits(logits: ArrayLike) -> Doubles:
    """Return the logit of scam against the rest (n,) from the logits of the verdicts (n, 3)."""
    values = np.asarray(logits, dtype=np.float64)
    rest = np.logaddexp.reduce(np.delete(values, _SCAM, axis=-1), axis=-1)
    against: Doubles = values[..., _SCAM] - rest
    return against


def verdict_probabilities(
    logits: ArrayLike,
    temperature: float,
    curve: Curve,
    scalings: ArrayLike = ((1.0, 0.0),),
) -> Floats:
    """Return calibrated float32 (n, verdicts) from logits (n, verdicts).

    Divides by the temperature, then maps the logit of scam against the rest through the curve and
    the temperature and bias of the row's language, (n, 2) or one pair for all. The ratio of the
    other two is unchanged.
    """
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    before = scam_logits(scaled)
    temperatures, biases = np.asarray(scalings, dtype=np.float64).T
    scaled[:, _SCAM] += curve(before) / temperatures + biases - before
    return softmax(scaled)
