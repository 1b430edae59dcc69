"""Refit the head of the kinds on the vectors of the trained encoder.

A run gives the kinds little weight, so that they do not distract the encoder from the verdict. Its
own head then learns slowly; on the same vectors a logistic regression identifies kinds twice as
well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer

from scamdetect.calibration.statistics import Floats
from scamdetect.labels import KINDS
from scamdetect.train.calibration import kind_truth, known_kinds
from scamdetect.train.data.table import column
from scamdetect.train.model import ScamModel
from scamdetect.train.probe import pooled_vectors

FEWEST = 30  # scams of a kind, and scams of others; a rarer kind keeps its head
MOST = 14_000  # scams that are read
STRENGTH = 0.03  # C of the fits


def refit_kinds(
    model: ScamModel,
    tokenizer: Tokenizer,
    train: pa.Table,
    prefix: str,
    max_tokens: int,
    log: Callable[[str], None],
) -> dict[str, Any]:
    """Fit the head on train scams whose kinds were read or authored (in place); return a record.

    Within a kind the scams of a source are weighted by its size to the power -1/2.
    """
    rows = np.flatnonzero(known_kinds(train))
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST, replace=False))
    table = train.take(rows)
    truth = kind_truth(table)
    fitted = [
        place
        for place in range(len(KINDS))
        if min(truth[:, place].sum(), (~truth[:, place]).sum()) >= FEWEST
    ]
    if not fitted:
        log("the kinds keep their head: too few scams have kinds that were read or authored")
        return {"rows": len(rows), "kinds": 0}
    vectors = pooled_vectors(model, tokenizer, table["norm"].to_pylist(), max_tokens, prefix)
    centre, spread = vectors.mean(axis=0), vectors.std(axis=0) + 1e-6
    scaled, weights = (vectors - centre) / spread, _weights(table)
    for place in fitted:
        fit = LogisticRegression(C=STRENGTH, max_iter=1_000)
        fit.fit(scaled, truth[:, place], sample_weight=weights)
        of_raw = fit.coef_.ravel() / spread
        with torch.no_grad():
            model.kinds.weight[place] = torch.from_numpy(of_raw.astype(np.float32))
            model.kinds.bias[place] = float(fit.intercept_[0] - of_raw @ centre)
    log(f"the head of {len(fitted)} kinds was fitted on {len(rows):,} scams")
    return {"rows": len(rows), "kinds": len(fitted)}


def _weights(table: pa.Table) -> Floats:
    _, of_source, sizes = np.unique(
        column(table, "source").astype(str), return_inverse=True, return_counts=True
    )
    weights = 1 / np.sqrt(sizes[of_source])
    scaled: Floats = weights / weights.mean()
    return scaled
