"""The baseline of an encoder that nothing has fine-tuned: logistic regression on its vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from scamdetect.errors import InputError, MissingExtraError
from scamdetect.evaluation.metrics import Floats, float32_decimals
from scamdetect.evaluation.reference_mix import balanced_sample
from scamdetect.evaluation.table import column
from scamdetect.labels import Verdict

try:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
except ImportError as error:
    raise MissingExtraError("scikit-learn", "train") from error

NAME = "frozen encoder"
TRAIN_ROWS = 20_000
MAX_TOKENS = 128


def encoder_scores(
    train: pa.Table, rows: pa.Table, base: str, log: Callable[[str], None]
) -> Floats:
    """Return the scam probability (rows,) by the frozen ``base``, NaN where a text is empty.

    Mean-pooled vectors of the texts' beginnings, without a prefix, as training starts from them;
    learnt from at most 20,000 train rows taken evenly from the verdict x slice x language cells, by
    their weights. Raises InputError when these lack scam or legit ones, MissingExtraError where
    torch or the offline base is not installed.
    """
    try:
        from scamdetect.training.base import load_base
        from scamdetect.training.probe import pooled_vectors, untrained
    except ModuleNotFoundError as problem:
        raise MissingExtraError(problem.name or "torch", "train") from problem
    learnt = balanced_sample(train, TRAIN_ROWS)
    verdicts = column(learnt, "verdict").astype(str)
    if not {Verdict.SCAM.value, Verdict.LEGIT.value} <= set(verdicts):
        raise InputError(
            f"the {NAME} needs legit and scam rows with the role train; got {learnt.num_rows} rows "
            "without both; rebuild the corpus or choose wider licences"
        )
    loaded = load_base(base)
    model = untrained(loaded)
    log(f"{NAME}: reading {learnt.num_rows:,} train rows with {loaded.name}")
    vectors = pooled_vectors(model, loaded.tokenizer, list(column(learnt, "norm")), MAX_TOKENS)
    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500, tol=1e-3))
    weights = column(learnt, "weight").astype(np.float64)
    fitted.fit(vectors, verdicts, logisticregression__sample_weight=weights)
    log(f"{NAME}: scoring {rows.num_rows:,} rows")
    texts = list(column(rows, "norm"))
    vectors = pooled_vectors(model, loaded.tokenizer, texts, MAX_TOKENS)
    found = fitted.predict_proba(vectors)[:, list(fitted.classes_).index(Verdict.SCAM.value)]
    scores = float32_decimals(found)
    scores[[not text for text in texts]] = np.nan
    return scores
