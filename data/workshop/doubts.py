"""How little a cross-validated model believes each label: where a reading pays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from scamdetect.calibration.statistics import Floats
from scamdetect.errors import MissingExtraError
from scamdetect.evaluate.baselines import train_baseline
from scamdetect.labels import Verdict
from scamdetect.train.data.table import column, has_verdict, select

try:
    from sklearn.model_selection import GroupKFold
except ImportError as error:
    raise MissingExtraError("scikit-learn", "train") from error


def label_doubts(train: pa.Table, folds: int, log: Callable[[str], None]) -> Floats:
    """Return the doubt (n,) in each row's label by models that saw none of its group.

    Over 1 the model calls the other class with more than the mean confidence of that class, the
    off-diagonal of the confident joint (Northcutt et al. 2021); half of it is a model in two minds.
    """
    scam = out_of_fold(train, folds, log)
    truth = has_verdict(train, Verdict.SCAM)
    usual_scam = float(np.nanmean(scam[truth]))
    usual_other = float(np.nanmean(1 - scam[~truth]))
    return np.where(truth, (1 - scam) / usual_other, scam / usual_scam)


def out_of_fold(train: pa.Table, folds: int, log: Callable[[str], None]) -> Floats:
    """Return the scam probability (n,) of each row by a baseline fitted on the other folds."""
    groups = column(train, "group").astype(np.int64)
    scores = np.full(train.num_rows, np.nan)
    for others, fold in GroupKFold(folds).split(scores, groups=groups):
        kept = np.isin(np.arange(train.num_rows), others)
        baseline = train_baseline(select(train, kept), log)
        scores[fold] = baseline.scam_probabilities(list(column(select(train, ~kept), "norm")))
    return scores
