"""A classifier of scikit-learn's kind over the frozen encoder of a bundle."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scamdetect.adapt.blend import joined, words_help
from scamdetect.adapt.word_features import ngram_counts, tfidf, vocabulary
from scamdetect.bundle.vectors import SentenceVectors, sentence_vectors
from scamdetect.errors import BundleError, MissingExtraError, TextsError

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils import Tags
    from sklearn.utils.validation import check_consistent_length, check_is_fitted
except ImportError as error:
    raise MissingExtraError("scikit-learn", "sklearn") from error

Floats = NDArray[np.float64]
ClassWeight = Mapping[Any, float] | str | None

_CHUNK = 1024  # rows whose features are in memory at a time, about 10 kB each


class ScamClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # no types there
    """Learn a team's own labels: logistic regression on sentence vectors and words of the texts.

    The vectors are those that the bundle's verdict head reads, standardised. ``bundle`` is the
    folder of one (None: the shipped one), ``C`` and ``class_weight`` are those of
    ``LogisticRegression``, ``threads`` bounds the encoder (None: all cores). ``words`` adds TF-IDF
    of character n-grams if cross-validation on the labels finds that they help; then ``words_``
    is not None. False reads the vectors only.

    A pickle holds the head, the folder and the model id, but no encoder and no word of a text. If
    the bundle in the folder is missing or is another one, ``predict`` raises BundleError;
    ``set_params(bundle=...)`` points to the right folder.
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
        """Fit the head on texts (n,) and labels (n,) of two classes or more.

        ``X`` is any list, array or column of strings, (n,) or (n, 1). A text that is empty after
        normalisation counts as an average one. Raises TextsError (a ValueError too) on anything
        that is no text, naming the row; BundleError on a bundle that fails its checks.
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
        """Return the likeliest class of each text (n,). Raises like ``fit``."""
        check_is_fitted(self)
        found: NDArray[Any] = self._in_parts(X, self.head_.predict)
        return found

    def predict_proba(self, X: Any) -> Floats:  # noqa: ANN401
        """Return the probabilities (n, classes), columns ``classes_``. Raises like ``fit``."""
        check_is_fitted(self)
        found: Floats = self._in_parts(X, self.head_.predict_proba)
        return found

    def decision_function(self, X: Any) -> Floats:  # noqa: ANN401
        """Return the logits, (n,) of two classes and else (n, classes). Raises like ``fit``."""
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
                f"this classifier was fitted on {self.model_id_}, which cannot be opened: {problem}"
                "; set_params(bundle=...) says where it lies"
            ) from problem
        if encoder.model_id != self.model_id_:
            raise BundleError(
                f"this classifier was fitted on {self.model_id_}, and the bundle at hand is "
                f"{encoder.model_id}; say where the former lies by set_params(bundle=...), or fit "
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
    """Return the texts; raise TextsError where there are none or one is no string."""
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
        raise TextsError("expected texts, got 0 of them; at least 1 is needed")
    for row, value in enumerate(values):
        if not isinstance(value, str):
            seen = "missing (None or NaN)" if _is_missing(value) else f"a {type(value).__name__}"
            raise TextsError(
                f"row {row} of the texts is {seen}; leave the row out, or put '' in its place"
            )
    return values.tolist()  # type: ignore[no-any-return]


def _is_missing(value: object) -> bool:
    # pandas' own marks are named, for it need not be there; NA has no truth value to compare by.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))
