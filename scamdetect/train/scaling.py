"""Calibrate scam against the rest: one curve for all texts, shrunk adjustments by language.

The curve is piecewise linear on the logit and fitted like isotonic regression, by likelihood under
a rising order, but strictly rising, so that distinct scores remain distinct. A language gets its
own scaling only if that lowers its loss on held-out rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from scamdetect.calibration.probabilities import Curve, Scaling, sigmoid
from scamdetect.calibration.statistics import Bools, Floats, at_base_rate, effective_size

FEWEST_SCAM, FEWEST_LEGIT = 30, 100  # rows of a language below which only the curve is used
STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
FOLDS = 5

_KNOTS = 8
_SMOOTHNESS = 1.0  # weight of changes of slope, against a likelihood counted in effective groups
_SLOPES = (0.1, 10.0)
_TEMPERATURES, _BIASES = (0.25, 8.0), (-5.0, 5.0)


@dataclass(frozen=True, slots=True)
class Scalings:
    """The curve of all texts, and the scalings of the languages that benefit from one.

    ``strength`` is the weight of the penalty with the lowest cross-validated loss. ``nll_curve`` is
    that loss with only the curve and ``nll_language`` with the scalings that were kept, each a mean
    over the languages with enough rows. All three are None without such languages.
    """

    curve: Curve
    by_language: Mapping[str, Scaling] = field(default_factory=dict)
    strength: float | None = None
    nll_curve: float | None = None
    nll_language: float | None = None

    def language_pairs(self, languages: NDArray[np.object_]) -> Floats:
        """Return temperature and bias, (n, 2), of rows in these languages (n,)."""
        chosen = [self.by_language.get(name, Scaling()) for name in languages.tolist()]
        return np.array([(one.temperature, one.bias) for one in chosen]).reshape(-1, 2)


@dataclass(frozen=True)
class ScalingRows:
    """Legit and scam rows to fit on: the logit of scam against the rest (n,), and properties.

    ``language`` is the one that the bundle itself identifies, because it selects the scaling; rows
    of one ``group`` stay in one fold.
    """

    logits: Floats
    scam: Bools
    weights: Floats
    language: NDArray[np.object_]
    group: NDArray[np.int64]

    def __getitem__(self, rows: Bools) -> ScalingRows:
        """Return the rows where the mask (n,) holds."""
        return ScalingRows(
            self.logits[rows],
            self.scam[rows],
            self.weights[rows],
            self.language[rows],
            self.group[rows],
        )


def fit_curve(rows: ScalingRows) -> Curve:
    """Return the curve with the lowest weighted negative log-likelihood at the base rate.

    Knots are at quantiles of the logits, with equal weight for both classes; changes of the slope's
    logarithm are penalised. If all logits are equal there are no knots.
    """
    mass = at_base_rate(rows.weights, rows.scam)
    even = at_base_rate(rows.weights, rows.scam, 0.5)
    order = np.argsort(rows.logits, kind="stable")
    places = np.searchsorted(np.cumsum(even[order]), np.linspace(0.02, 0.98, _KNOTS))
    x = np.unique(np.round(rows.logits[order[places.clip(0, order.size - 1)]], 4))
    if x.size < 2:
        return Curve()
    effective = effective_size(mass, rows.group)
    beyond = rows.logits - np.clip(rows.logits, x[0], x[-1])
    basis = np.stack([np.interp(rows.logits, x, hat) for hat in np.eye(x.size)], axis=1)

    def heights(point: Floats) -> Floats:
        rises = np.exp(point[1:]) * np.diff(x)
        y: Floats = point[0] + np.concatenate([[0.0], np.cumsum(rises)])
        return y

    def loss(point: Floats) -> tuple[float, Floats]:
        logits = basis @ heights(point) + beyond
        changes = np.diff(point[1:])
        value = (mass * _nll(logits, rows.scam)).sum()
        value += _SMOOTHNESS * np.square(changes).sum() / effective
        of_y = basis.T @ (mass * (sigmoid(logits) - rows.scam))
        above = np.cumsum(of_y[::-1])[::-1]  # a rise lifts all knots after it
        pull = 2 * _SMOOTHNESS / effective * (np.pad(changes, (1, 0)) - np.pad(changes, (0, 1)))
        return float(value), np.append(above[0], above[1:] * np.exp(point[1:]) * np.diff(x) + pull)

    start = np.array([x[0], *np.zeros(x.size - 1)])
    slopes = tuple(np.log(_SLOPES))
    bounds = [(x[0] + _BIASES[0], x[0] + _BIASES[1]), *([slopes] * (x.size - 1))]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    y = np.round(heights(found), 6)
    return Curve(tuple(zip(x.tolist(), y.tolist(), strict=True)))


def fit_scaling(rows: ScalingRows, strength: float) -> Scaling:
    """Return the scaling of a language's rows whose logits have passed the curve.

    The likelihood at the base rate, counted in effective groups, is penalised by ``strength`` times
    the squared log-temperature and bias: a Gaussian prior at no change (MAP). Rows of a single
    class change nothing.
    """
    if rows.scam.all() or not rows.scam.any():
        return Scaling()
    mass = at_base_rate(rows.weights, rows.scam)
    effective = effective_size(mass, rows.group)

    def loss(point: Floats) -> float:
        logits = rows.logits / np.exp(point[0]) + point[1]
        likelihood = float((mass * _nll(logits, rows.scam)).sum())
        return likelihood + strength * float(np.square(point).sum()) / effective

    bounds = [tuple(np.log(_TEMPERATURES)), _BIASES]
    found = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=bounds).x
    return Scaling(round(float(np.exp(found[0])), 4), round(float(found[1]), 4))


def fit_scalings(rows: ScalingRows) -> Scalings:
    """Return the curve of all rows, and scalings of the languages that benefit.

    The strength of the penalty is the one of STRENGTHS with the lowest cross-validated loss, a mean
    over the languages; a language whose own cross-validated loss is not lower uses only the curve.
    """
    curve = fit_curve(rows)
    languages = own_languages(rows)
    if not languages:
        return Scalings(curve)
    losses = _cross_validate(rows, languages)
    chosen = 1 + int(losses[:, 1:].mean(axis=0).argmin())
    alone, own = losses[:, 0], losses[:, chosen]
    strength = STRENGTHS[chosen - 1]
    calibrated = replace(rows, logits=curve(rows.logits))
    by_language = {
        name: fit_scaling(calibrated[rows.language == name], strength)
        for name, helped in zip(languages, own < alone, strict=True)
        if helped
    }
    kept = np.minimum(alone, own)
    return Scalings(curve, by_language, strength, float(alone.mean()), float(kept.mean()))


def own_languages(rows: ScalingRows) -> list[str]:
    """Return the languages with enough rows, in FOLDS groups per class, for their own scaling."""

    def enough(side: Bools, fewest: int) -> bool:
        return bool(side.sum() >= fewest and np.unique(rows.group[side]).size >= FOLDS)

    return [
        name
        for name in sorted(set(rows.language.tolist()) - {"und"})
        if enough(rows.scam & (rows.language == name), FEWEST_SCAM)
        and enough(~rows.scam & (rows.language == name), FEWEST_LEGIT)
    ]


def _cross_validate(rows: ScalingRows, languages: list[str]) -> Floats:
    """Return held-out losses, (languages, 1 + strengths): only the curve, then each strength."""
    _, groups = np.unique(rows.group, return_inverse=True)
    fold = np.random.default_rng(0).permutation(int(groups.max()) + 1)[groups] % FOLDS
    losses = np.zeros((rows.scam.size, 1 + len(STRENGTHS)))
    for number in range(FOLDS):
        held = fold == number
        curve = fit_curve(rows[~held])
        calibrated = replace(rows, logits=curve(rows.logits))
        for name in languages:
            own = rows.language == name
            train, test = calibrated[~held & own], calibrated[held & own]
            scalings = [Scaling(), *(fit_scaling(train, strength) for strength in STRENGTHS)]
            for place, one in enumerate(scalings):
                logits = test.logits / one.temperature + one.bias
                losses[held & own, place] = _nll(logits, test.scam)

    def of_language(name: str) -> Floats:
        own = rows.language == name
        mass = at_base_rate(rows.weights[own], rows.scam[own])
        total: Floats = (mass[:, None] * losses[own]).sum(axis=0)
        return total

    return np.array([of_language(name) for name in languages])


def _nll(logits: Floats, scam: Bools) -> Floats:
    loss: Floats = np.logaddexp(0.0, np.where(scam, -logits, logits))
    return loss
