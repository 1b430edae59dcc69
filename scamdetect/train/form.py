"""Measure what only the form reveals of a text, and draw honest rows so that it reveals little.

Reported scams have links, digits and lengths that honest talk lacks, so a model may learn the form
instead of the fraud. So honest rows of similar form are drawn more often: they are weighted by
their odds of being a scam by form only (the weights that make a control group resemble a treated
one; Hirano, Imbens and Ridder 2003).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold

Floats = npt.NDArray[np.float64]

FOLDS = 3
MOST = 10.0  # times more or less often than other honest rows
_MASKS = ("[link", "[phone]", "[number]", "[email]", "[handle]", "[account]")
_SHAPES = ("short", "host", "address", "path", "query", "digits")
FEATURES = (
    *_MASKS, "capitals", "all capitals", "punctuation", "full stop at the end", "exclamations",
    "runs of X", "digits", *(f"link: {shape}" for shape in _SHAPES), "characters", "words", "lines",
)  # fmt: skip


def form_features(text: str) -> list[float]:
    """Return the features of a normalised text that need no reading, in the order of FEATURES."""
    letters = [c for c in text if c.isalpha()] or ["-"]
    upper = sum(c.isupper() for c in letters) / len(letters)
    words = text.split()
    shapes = " ".join(re.findall(r"\[link ([^\]]*)\]", text))
    return [
        *(float(text.count(mask)) for mask in _MASKS),
        upper,
        float(sum(word.isupper() and len(word) > 2 for word in words)),
        sum(c in ".,;:!?'\"()-" for c in text) / max(len(text), 1),
        float(text.rstrip().endswith((".", "!", "?", "。"))),
        float(text.count("!")),
        float(len(re.findall(r"X{2,}", text))),
        sum(c.isdigit() for c in text) / max(len(text), 1),
        *(float(shape in shapes) for shape in _SHAPES),
        float(len(text)),
        float(len(words)),
        float(text.count("\n")),
    ]


def form_probabilities(
    features: Floats, scam: npt.NDArray[np.bool_], weights: Floats, groups: npt.NDArray[np.int64],
    seed: int = 0,
) -> Floats:  # fmt: skip
    """Return each row's scam probability (n,) by a classifier that was not trained on its group.

    ``features`` is (n, FEATURES); scam and honest rows have equal mass in the fit.
    """
    balanced = weights / np.where(scam, weights[scam].sum(), weights[~scam].sum())
    scores = np.zeros(len(scam))
    folds = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    for fit, rest in folds.split(features, groups=groups):
        model = HistGradientBoostingClassifier(
            max_iter=150, learning_rate=0.1, early_stopping=False, random_state=seed
        )
        model.fit(features[fit], scam[fit], sample_weight=balanced[fit] * len(scam))
        scores[rest] = model.predict_proba(features[rest])[:, 1]
    return scores


def honest_factors(
    texts: Sequence[str], scam: npt.NDArray[np.bool_], honest: npt.NDArray[np.bool_],
    weights: Floats, groups: npt.NDArray[np.int64], strength: float,
) -> Floats:  # fmt: skip
    """Return the factor (n,) by which to draw each row more often; 1 for rows that are not honest.

    An honest row gets the odds of a scam by its form, to the power ``strength``, at most MOST and
    at least 1 / MOST. ``weights`` (n,) is how often a row is drawn without that.
    """
    factors = np.ones(len(texts))
    known = np.flatnonzero((scam | honest) & (weights > 0))
    if strength <= 0 or not scam[known].any() or not honest[known].any():
        return factors
    features = np.array([form_features(texts[row]) for row in known.tolist()])
    chance = form_probabilities(features, scam[known], weights[known], groups[known])
    chance = np.clip(chance, 1e-6, 1 - 1e-6)
    odds = np.clip((chance / (1 - chance)) ** strength, 1 / MOST, MOST)
    factors[known] = np.where(honest[known], odds, 1.0)
    return factors
