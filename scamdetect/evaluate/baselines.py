"""The first baseline that the encoder must beat: character TF-IDF with logistic regression."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from scamdetect.calibration.statistics import Floats, float32_decimals
from scamdetect.errors import InputError, MissingExtraError
from scamdetect.labels import Verdict
from scamdetect.train.data.table import column, select

try:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
except ImportError as error:
    raise MissingExtraError("scikit-learn", "train") from error

NAME = "TF-IDF baseline"
NGRAMS = (2, 5)
MAX_FEATURES = 300_000
# Counting every n-gram of a large many-script corpus takes many GB, so the vocabulary is
# chosen on evenly spaced rows; the weights are learnt on all of them.
VOCABULARY_ROWS = 40_000
VOCABULARY_CHARACTERS = 2_000


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline; ``vectoriser`` and ``model`` are scikit-learn's."""

    vectoriser: TfidfVectorizer
    model: LogisticRegression

    def scam_probabilities(self, texts: Sequence[str]) -> Floats:
        """Return the scam probability of each normalised text (n,), NaN where it is empty."""
        return scam_probabilities(self.model, self.vectoriser.transform, texts)

    def to_parts(self) -> dict[str, Any]:
        """Return what ``from_parts`` makes the same baseline of: few arrays and the model.

        The vectoriser itself holds each n-gram as an object of its own, slow to keep and to load.
        """
        return {
            "ngrams": self.vectoriser.get_feature_names_out().astype(str),
            "idf": self.vectoriser.idf_,
            "model": self.model,
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Return the baseline that ``to_parts`` took apart."""
        vectoriser = _weighing(parts["ngrams"].tolist())
        vectoriser.idf_ = parts["idf"]
        return cls(vectoriser, parts["model"])


def scam_probabilities(
    classifier: Any,  # noqa: ANN401 (an estimator of scikit-learn)
    features: Callable[[list[str]], Any],
    texts: Sequence[str],
) -> Floats:
    """Return the classifier's scam probability of each text's features (n,), NaN where empty."""
    scores = np.full(len(texts), np.nan)
    full = [place for place, text in enumerate(texts) if text]
    if full:
        found = classifier.predict_proba(features([texts[place] for place in full]))
        scam = list(classifier.classes_).index(Verdict.SCAM.value)
        scores[full] = float32_decimals(found[:, scam])
    return scores


def train_baseline(train: pa.Table, log: Callable[[str], None]) -> Baseline:
    """Return the baseline fitted on the normalised train rows, by their weights; deterministic.

    Classes are the verdicts; rows known only as "not legit" are left out. Raises InputError when
    the rows hold no scam or nothing but scams.
    """
    known = select(train, ~column(train, "not_legit").astype(bool))
    texts, verdicts = list(column(known, "norm")), column(known, "verdict")
    if Verdict.SCAM.value not in verdicts or Verdict.LEGIT.value not in verdicts:
        raise InputError(
            f"the baseline needs legit and scam rows with the role train; got {known.num_rows} "
            "rows without both; rebuild the corpus or choose wider licences"
        )
    log(f"baseline: counting n-grams for {len(texts):,} train rows")
    step = -(-len(texts) // VOCABULARY_ROWS)
    counted = TfidfVectorizer(
        analyzer="char_wb", ngram_range=NGRAMS, max_features=MAX_FEATURES, use_idf=False
    ).fit(text[:VOCABULARY_CHARACTERS] for text in texts[::step])
    vectoriser = _weighing(counted.vocabulary_)
    features = vectoriser.fit_transform(texts)
    log(f"baseline: fitting on {features.shape[0]:,} rows x {features.shape[1]:,} n-grams")
    model = LogisticRegression(C=10.0, tol=1e-3, max_iter=200)
    model.fit(features, verdicts.astype(str), column(known, "weight").astype(np.float64))
    return Baseline(vectoriser, model)


def _weighing(vocabulary: Mapping[str, int] | Sequence[str]) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=NGRAMS,
        vocabulary=vocabulary,
        sublinear_tf=True,
        dtype=np.float32,
    )
