"""What plots of an evaluation show: ROC curves down to low FPR, and how scores are spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scamdetect.evaluation.metrics import Bools, Floats, as_scores, recall_at_fpr
from scamdetect.evaluation.table import has_verdict
from scamdetect.labels import Verdict

LOWEST_FPR = 0.001
HISTOGRAM_BINS = 40
_GRID = np.geomspace(LOWEST_FPR, 1.0, 46)
_FEWEST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Curves:
    """The ROC and the score histograms of one set; ``recall`` (m,) stands at each ``fpr`` (m,).

    Histogram bins are equal steps of the scam probability from 0 to 1.
    """

    name: str
    n_scam: int
    n_legit: int
    fpr: tuple[float, ...]
    recall: tuple[float, ...]
    scam_counts: tuple[int, ...]
    legit_counts: tuple[int, ...]


def curves(name: str, table: pa.Table, rows: Bools, scam: Floats) -> Curves | None:
    """Return the curves of the rows (n,) in the mask; None with under 20 scam or legit ones."""
    truth = rows & has_verdict(table, Verdict.SCAM)
    honest = rows & has_verdict(table, Verdict.LEGIT)
    if min(truth.sum(), honest.sum()) < _FEWEST_ROWS:
        return None
    values, known = as_scores(scam), truth | honest
    found = [recall_at_fpr(values[known], truth[known], float(fpr)) for fpr in _GRID]
    return Curves(
        name=name,
        n_scam=int(truth.sum()),
        n_legit=int(honest.sum()),
        fpr=tuple(round(float(fpr), 6) for fpr in _GRID),
        recall=tuple(round(value, 5) for value in found),
        scam_counts=_histogram(scam[truth]),
        legit_counts=_histogram(scam[honest]),
    )


def _histogram(values: Floats) -> tuple[int, ...]:
    counts, _ = np.histogram(values[~np.isnan(values)], bins=HISTOGRAM_BINS, range=(0, 1))
    return tuple(counts.tolist())
