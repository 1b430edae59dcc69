"""TF-IDF of hashed character n-grams, for texts that a classifier learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scamdetect.errors import MissingExtraError

try:
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.preprocessing import normalize
except ImportError as error:
    raise MissingExtraError("scikit-learn", "sklearn") from error

Floats = NDArray[np.float64]

NGRAMS = (2, 4)
BUCKETS = 2**18
CHARACTERS = 10_000  # of a text: one endless text must not fill the memory with its n-grams


@dataclass(frozen=True)
class Vocabulary:
    """The buckets (k,) of the n-grams in the fitted texts, and the IDF of each (k,)."""

    buckets: NDArray[np.intp]
    idf: Floats


def ngram_counts(texts: Sequence[str]) -> Any:  # noqa: ANN401 (a sparse matrix)
    """Return how often each bucket's n-grams occur in each normalised text, sparse (n, BUCKETS).

    Hashed, so that what is fitted on the counts holds no word of anybody's messages.
    """
    counting = HashingVectorizer(
        analyzer="char_wb",
        ngram_range=NGRAMS,
        n_features=BUCKETS,
        alternate_sign=False,
        norm=None,
    )
    return counting.transform([text[:CHARACTERS] for text in texts])


def vocabulary(counts: Any, sample_weight: ArrayLike | None = None) -> Vocabulary:  # noqa: ANN401
    """Return the buckets in the rows (n,); a row counts as often as its weight (n,), or once."""
    weights = np.ones(counts.shape[0]) if sample_weight is None else np.asarray(sample_weight)
    buckets = np.flatnonzero(counts[weights > 0].getnnz(axis=0))
    rows_with = weights @ (counts[:, buckets] > 0).astype(np.float64)
    return Vocabulary(buckets, np.log((1 + weights.sum()) / (1 + rows_with)) + 1)


def tfidf(counts: Any, known: Vocabulary) -> Any:  # noqa: ANN401
    """Return the rows (n, k) as sublinear TF-IDF, sparse; each has length 1 or is zero."""
    found = counts[:, known.buckets].astype(np.float64)
    if not known.buckets.size:  # which scikit-learn refuses to normalise
        return found
    found.data = (1 + np.log(found.data)) * known.idf[found.indices]
    return normalize(found, copy=False)
