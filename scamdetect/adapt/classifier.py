"""A scikit-learn classifier on a bundle's frozen encoder, plus words if they help."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scamdetect.bundle.vectors import SentenceVectors, sentence_vectors
from scamdetect.errors import BundleError, MissingExtraError, TextsError

try:
    from scipy import sparse
    from sklearn.base import BaseEstimator, ClassifierMixin, clone
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler, normalize
    from sklearn.utils import Tags
    from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d
except ImportError as error:
    raise MissingExtraError("scikit-learn", "sklearn") from error

# The length of a text's vector and of its words. The longer a part, the less its weights are
# shrunk: one n-gram of a campaign may decide, one dimension of a vector may not.
VECTOR_LENGTH = 10.0
WORDS_LENGTH = 50.0
FOLDS = 5
FEWEST = 50  # labels; with fewer, words say too little, and folds cannot measure it
# Of AUC: a smaller difference shows nothing about low false-alarm rates, where words help more.
TOLERANCE = 0.002


def joined(vectors: Any, words: Any) -> Any:  # noqa: ANN401
    """Return sparse (n, width + k) from vectors (n, width) and words (n, k) of length 1."""
    scale = VECTOR_LENGTH / np.sqrt(vectors.shape[1])
    return sparse.hstack([vectors * scale, words * WORDS_LENGTH], format="csr")


def words_help(
    model: Any,  # noqa: ANN401 (an unfitted classifier of scikit-learn)
    vectors: Any,  # noqa: ANN401
    words: Any,  # noqa: ANN401
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
) -> bool:
    """Return True if the model ranks held-out rows as well with words as with vectors only.

    By AUC over stratified folds. False with few labels or if a class has a single row.
    """
    labels = column_or_1d(y)
    weights = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight)
    counted = np.flatnonzero(weights)  # a row of weight 0 must count as a missing row
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
    """Return each row's probabilities (n, classes) from the model fitted without its fold."""
    found = np.zeros((len(labels), len(np.unique(labels))))
    for learnt, held in splits:
        fitted = clone(model).fit(features[learnt], labels[learnt], weights[learnt])
        found[held] = fitted.predict_proba(features[held])
    return found


def _ranking(chances: NDArray[np.float64], labels: NDArray[Any]) -> float:
    scores = chances[:, 1] if chances.shape[1] == 2 else chances
    return float(roc_auc_score(labels, scores, multi_class="ovr", average="weighted"))


Floats = NDArray[np.float64]

NGRAMS = (2, 4)
BUCKETS = 2**18
CHARACTERS = 10_000  # of a text: the n-grams of one endless text must not fill the memory


@dataclass(frozen=True)
class Vocabulary:
    """The buckets (k,) of the n-grams in the fitted texts, and the IDF of each (k,)."""

    buckets: NDArray[np.intp]
    idf: Floats


def ngram_counts(texts: Sequence[str]) -> Any:  # noqa: ANN401 (a sparse matrix)
    """Return how often each bucket's n-grams occur in each normalised text, sparse (n, BUCKETS).

    The n-grams are hashed, so a fitted model contains no words of the messages.
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
    """Return the buckets in the rows (n,); a row counts by its weight (n,), or once."""
    weights = np.ones(counts.shape[0]) if sample_weight is None else np.asarray(sample_weight)
    buckets = np.flatnonzero(counts[weights > 0].getnnz(axis=0))
    rows_with = weights @ (counts[:, buckets] > 0).astype(np.float64)
    return Vocabulary(buckets, np.log((1 + weights.sum()) / (1 + rows_with)) + 1)


def tfidf(counts: Any, known: Vocabulary) -> Any:  # noqa: ANN401
    """Return the rows (n, k) as sublinear TF-IDF, sparse; each has length 1 or is zero."""
    found = counts[:, known.buckets].astype(np.float64)
    if not known.buckets.size:  # which scikit-learn cannot normalise
        return found
    found.data = (1 + np.log(found.data)) * known.idf[found.indices]
    return normalize(found, copy=False)


ClassWeight = Mapping[Any, float] | str | None

_CHUNK = 1024  # rows whose features are in memory at a time, about 10 kB each


class ScamClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # no types there
    """Classify texts by a team's own labels: logistic regression on sentence vectors and words.

    The vectors are those that the bundle's verdict head reads, standardised. ``bundle`` is a bundle
    folder (None: the shipped one), ``C`` and ``class_weight`` are passed to ``LogisticRegression``,
    ``threads`` limits the encoder (None: all cores). ``words`` adds TF-IDF of character n-grams if
    cross-validation on the labels shows that they help; then ``words_`` is not None. With False
    only the vectors are used.

    A pickle contains the head, the folder and the model id, but no encoder and no words of the
    texts. If the bundle in the folder is missing or another one, ``predict`` raises BundleError;
    ``set_params(bundle=...)`` sets the right folder.
    """

    def __init__(
        self,
        bundle: str | os.PathLike[str] | None = None,
        *,
        C: float = 0.1,
        class_weight: ClassWeight = None,
        threads: int | None = None,
        words: bool = True,
    ) -> None:
        self.bundle = bundle
        self.C = C
        self.class_weight = class_weight
        self.threads = threads
        self.words = words

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:  # noqa: ANN401
        """Fit the head on texts (n,) and labels (n,) of at least two classes.

        ``X`` is a list, array or column of strings, (n,) or (n, 1). A text that is empty after
        normalisation counts as an average one. Raises TextsError (also a ValueError) for a value
        that is not text, with its row; BundleError if the bundle fails its checks.
        """
        texts = _texts(X)
        check_consistent_length(texts, y, sample_weight)
        encoder = sentence_vectors(self.bundle, self.threads)
        vectors = encoder.of(texts)
        self.scaler_ = make_pipeline(
            StandardScaler(),
            SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True),
        ).fit(vectors, standardscaler__sample_weight=sample_weight)
        head = LogisticRegression(C=self.C, class_weight=self.class_weight, max_iter=1000)
        features: Any = self.scaler_.transform(vectors)
        self.words_ = None
        if self.words:
            counts = ngram_counts(encoder.normalised(texts))
            seen = vocabulary(counts, sample_weight)
            words = tfidf(counts, seen)
            if words_help(head, features, words, y, sample_weight):
                self.words_ = seen
                features = joined(features, words)
        self.head_ = head.fit(features, y, sample_weight)
        self.classes_ = self.head_.classes_
        self.model_id_ = encoder.model_id
        return self

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: ANN401
        """Return the most probable class of each text (n,). Raises as ``fit`` does."""
        check_is_fitted(self)
        found: NDArray[Any] = self._in_parts(X, self.head_.predict)
        return found

    def predict_proba(self, X: Any) -> Floats:  # noqa: ANN401
        """Return the probabilities (n, classes), columns ``classes_``. Raises as ``fit`` does."""
        check_is_fitted(self)
        found: Floats = self._in_parts(X, self.head_.predict_proba)
        return found

    def decision_function(self, X: Any) -> Floats:  # noqa: ANN401
        """Return the logits, (n,) for two classes, else (n, classes). Raises as ``fit`` does."""
        check_is_fitted(self)
        found: Floats = self._in_parts(X, self.head_.decision_function)
        return found

    def _in_parts(self, X: Any, of: Callable[[Any], Any]) -> Any:  # noqa: ANN401
        texts = _texts(X)
        encoder = self._encoder()
        parts = [
            of(self._features(encoder, texts[first : first + _CHUNK]))
            for first in range(0, len(texts), _CHUNK)
        ]
        return np.concatenate(parts)

    def _features(self, encoder: SentenceVectors, texts: list[str]) -> Any:  # noqa: ANN401
        vectors = self.scaler_.transform(encoder.of(texts))
        if self.words_ is None:
            return vectors
        return joined(vectors, tfidf(ngram_counts(encoder.normalised(texts)), self.words_))

    def _encoder(self) -> SentenceVectors:
        try:
            encoder = sentence_vectors(self.bundle, self.threads)
        except BundleError as problem:
            raise BundleError(
                f"this classifier was fitted on {self.model_id_}, which cannot be opened: "
                f"{problem}; set its folder with set_params(bundle=...)"
            ) from problem
        if encoder.model_id != self.model_id_:
            raise BundleError(
                f"this classifier was fitted on {self.model_id_}, but the bundle is "
                f"{encoder.model_id}; set the right folder with set_params(bundle=...), or fit "
                "again"
            )
        return encoder

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags


def _texts(X: Any) -> list[str]:  # noqa: ANN401
    """Return the texts; raise TextsError if there are none or one is not a string."""
    if isinstance(X, str | bytes | Mapping) or not hasattr(X, "__len__") or hasattr(X, "tocsr"):
        raise TextsError(f"expected texts, got one {type(X).__name__}; pass a list of strings")
    values = np.asarray(X, dtype=object)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise TextsError(
            f"expected texts of shape (n,) or (n, 1), got {values.shape}; choose the column of the "
            "texts"
        )
    if not values.size:
        raise TextsError("expected texts, got an empty list; at least 1 is needed")
    for row, value in enumerate(values):
        if not isinstance(value, str):
            seen = "missing (None or NaN)" if _is_missing(value) else f"a {type(value).__name__}"
            raise TextsError(
                f"row {row} of the texts is {seen}; drop the row, or replace the value by ''"
            )
    return values.tolist()  # type: ignore[no-any-return]


def _is_missing(value: object) -> bool:
    # pandas' missing values are checked by name, because pandas may not be installed; NA has no
    # truth value.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))
