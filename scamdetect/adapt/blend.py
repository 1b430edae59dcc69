"""Whether words help sentence vectors in a linear model, measured on the labels at hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scamdetect.errors import MissingExtraError

try:
    from scipy import sparse
    from sklearn.base import clone
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold
    from sklearn.utils.validation import column_or_1d
except ImportError as error:
    raise MissingExtraError("scikit-learn", "sklearn") from error

# How long a vector and the words of one text are. The longer a side, the less its weights are
# shrunk: one n-gram of a campaign may decide, one dimension of a vector may not.
VECTOR_LENGTH = 10.0
WORDS_LENGTH = 50.0
FOLDS = 5
FEWEST = 50  # labels; of fewer, words tell too little, and folds cannot tell whether they do
# Of AUC: a smaller gap tells nothing about the few false alarms that a team allows itself, which
# words keep down better.
TOLERANCE = 0.002


def joined(vectors: Any, words: Any) -> Any:  # noqa: ANN401
    """Return sparse (n, width + k) of vectors (n, width) and of words (n, k) of length 1."""
    scale = VECTOR_LENGTH / np.sqrt(vectors.shape[1])
    return sparse.hstack([vectors * scale, words * WORDS_LENGTH], format="csr")


def words_help(
    model: Any,  # noqa: ANN401 (an unfitted classifier of scikit-learn)
    vectors: Any,  # noqa: ANN401
    words: Any,  # noqa: ANN401
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
) -> bool:
    """Return whether the model ranks held-out rows as well with words as by vectors only.

    By AUC over stratified folds. False with few labels or if a class has one row only.
    """
    labels = column_or_1d(y)
    weights = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight)
    counted = np.flatnonzero(weights)  # a row of no weight must count as a row that is not there
    labels, weights, vectors, words = (part[counted] for part in (labels, weights, vectors, words))
    classes, sizes = np.unique(labels, return_counts=True)
    folds = min(FOLDS, sizes.min())
    if len(labels) < FEWEST or folds < 2 or len(classes) < 2:
        return False
    splits = list(StratifiedKFold(folds, shuffle=True, random_state=0).split(labels, labels))
    alone, both = (
        _ranking(_held_out(model, features, labels, weights, splits), labels)
        for features in (vectors, joined(vectors, words))
    )
    return both > alone - TOLERANCE


def _held_out(
    model: Any,  # noqa: ANN401
    features: Any,  # noqa: ANN401
    labels: NDArray[Any],
    weights: NDArray[Any],
    splits: list[tuple[NDArray[np.intp], NDArray[np.intp]]],
) -> NDArray[np.float64]:
    """Return each row's probabilities (n, classes) by the model fitted without its fold."""
    found = np.zeros((len(labels), len(np.unique(labels))))
    for learnt, held in splits:
        fitted = clone(model).fit(features[learnt], labels[learnt], weights[learnt])
        found[held] = fitted.predict_proba(features[held])
    return found


def _ranking(chances: NDArray[np.float64], labels: NDArray[Any]) -> float:
    scores = chances[:, 1] if chances.shape[1] == 2 else chances
    return float(roc_auc_score(labels, scores, multi_class="ovr", average="weighted"))
