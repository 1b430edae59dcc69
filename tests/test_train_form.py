"""What form alone tells, and honest rows drawn by it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.metrics import roc_auc_score

from scamdetect.train.form import FEATURES, MOST, form_features, form_probabilities, honest_factors

pytestmark = pytest.mark.slow

N = 400
SCAM = np.arange(N) % 2 == 0
GROUPS = np.arange(N)


def _texts() -> list[str]:
    """Return scams of which four in five shout, and honest texts of which one in five does."""
    generator = np.random.default_rng(0)
    shouts = np.where(SCAM, generator.random(N) < 0.8, generator.random(N) < 0.2)
    return [f"PAY NOW {n}!" if shout else f"see you then {n}" for n, shout in enumerate(shouts)]


def test_features_have_their_names() -> None:
    values = dict(zip(FEATURES, form_features("PAY now! [link short path] XXXX 12."), strict=True))
    assert (values["[link"], values["link: short"], values["link: query"]) == (1, 1, 0)
    assert (values["runs of X"], values["exclamations"]) == (1, 1)
    assert (values["all capitals"], values["full stop at the end"]) == (2, 1)


def test_honest_rows_weighed_by_their_form_have_the_form_of_scams() -> None:
    texts = _texts()
    features = np.array([form_features(text) for text in texts])
    weights = np.ones(N)
    factors = honest_factors(texts, SCAM, ~SCAM, weights, GROUPS, 1.0)
    before, after = (
        roc_auc_score(
            SCAM, form_probabilities(features, SCAM, drawn, GROUPS, seed=1), sample_weight=drawn
        )
        for drawn in (weights, factors)
    )
    assert before > 0.7
    assert after < 0.6
    assert (factors[SCAM] == 1).all()
    assert factors.min() >= 1 / MOST
    assert factors.max() <= MOST


def test_half_the_strength_goes_half_of_the_way() -> None:
    whole, half = (
        honest_factors(_texts(), SCAM, ~SCAM, np.ones(N), GROUPS, strength)
        for strength in (1.0, 0.5)
    )
    within = (whole < MOST) & (whole > 1 / MOST)
    assert half[within] == pytest.approx(np.sqrt(whole[within]))


def test_rows_without_part_in_it_keep_their_weight() -> None:
    texts, spam = _texts(), np.arange(N) % 4 == 1
    honest = ~SCAM & ~spam
    weights = np.where(np.arange(N) < 20, 0.0, 1.0)
    factors = honest_factors(texts, SCAM, honest, weights, GROUPS, 1.0)
    assert (factors[spam | (weights == 0)] == 1).all()
    assert (honest_factors(texts, SCAM, honest, weights, GROUPS, 0.0) == 1).all()
    assert (honest_factors(texts, SCAM, np.zeros(N, bool), weights, GROUPS, 1.0) == 1).all()
