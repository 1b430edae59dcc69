"""The baseline of an encoder that nothing has fine-tuned: logistic regression on its vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.calibration.statistics import Floats
from scamdetect.errors import InputError, MissingExtraError
from scamdetect.evaluate.baselines import scam_probabilities
from scamdetect.labels import Verdict
from scamdetect.train.data.mix import balanced_sample
from scamdetect.train.data.table import column

try:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import StandardScaler
except ImportError as error:
    raise MissingExtraError("scikit-learn", "train") from error

if TYPE_CHECKING:
    from scamdetect.train.base import Base
    from scamdetect.train.model import ScamModel

NAME = "frozen encoder"
TRAIN_ROWS = 20_000
MAX_TOKENS = 128


@dataclass(frozen=True)
class EncoderBaseline:
    """A frozen base encoder and what was fitted on its vectors, a pipeline of scikit-learn's."""

    base: Base
    model: ScamModel
    classifier: Pipeline

    def scam_probabilities(self, texts: Sequence[str]) -> Floats:
        """Return the scam probability of each normalised text (n,), NaN where it is empty."""
        return scam_probabilities(
            self.classifier, lambda full: _vectors(self.base, self.model, full), texts
        )


def train_encoder_baseline(
    train: pa.Table, base: str, log: Callable[[str], None]
) -> EncoderBaseline:
    """Return logistic regression on vectors of the frozen ``base``, fitted on normalised rows.

    Mean-pooled vectors of the texts' beginnings, without a prefix, as training starts from them;
    learnt from at most 20,000 train rows taken evenly from the verdict x slice x language cells, by
    their weights. Raises InputError when these lack scam or legit ones, MissingExtraError where
    torch or the offline base is not installed.
    """
    learnt = balanced_sample(train, TRAIN_ROWS)
    verdicts = column(learnt, "verdict").astype(str)
    if not {Verdict.SCAM.value, Verdict.LEGIT.value} <= set(verdicts):
        raise InputError(
            f"the {NAME} needs legit and scam rows with the role train; got {learnt.num_rows} rows "
            "without both; rebuild the corpus or choose wider licences"
        )
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500, tol=1e-3))
    fitted = load_encoder_baseline(base, classifier)
    log(f"{NAME}: reading {learnt.num_rows:,} train rows with {fitted.base.name}")
    vectors = _vectors(fitted.base, fitted.model, list(column(learnt, "norm")))
    weights = column(learnt, "weight").astype(np.float64)
    classifier.fit(vectors, verdicts, logisticregression__sample_weight=weights)
    return fitted


def load_encoder_baseline(base: str, classifier: Pipeline) -> EncoderBaseline:
    """Return the frozen ``base`` under a classifier that was fitted before.

    Raises MissingExtraError where torch or the offline base is not installed.
    """
    try:
        from scamdetect.train.base import load_base
        from scamdetect.train.probe import untrained
    except ModuleNotFoundError as problem:
        raise MissingExtraError(problem.name or "torch", "train") from problem
    loaded = load_base(base)
    return EncoderBaseline(loaded, untrained(loaded), classifier)


def _vectors(base: Base, model: ScamModel, texts: Sequence[str]) -> NDArray[np.float32]:
    from scamdetect.train.probe import pooled_vectors

    return pooled_vectors(model, base.tokenizer, texts, MAX_TOKENS)
