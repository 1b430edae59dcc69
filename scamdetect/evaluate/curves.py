"""The data for plots of an evaluation: ROC curves down to low FPR, and score histograms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scamdetect.calibration.statistics import Bools, Floats, as_scores, recall_at_fpr
from scamdetect.labels import Verdict
from scamdetect.train.data.table import has_verdict

LOWEST_FPR = 0.001
HISTOGRAM_BINS = 40
_POINTS = 46
_FEWEST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Curves:
    """The ROC and the score histograms of one set; ``recall`` (m,) at each ``fpr`` (m,).

    The curve starts at the lowest FPR of the honest rows, a single one. A detector with only two
    scores has one point. Histogram bins are equal steps of the scam probability from 0 to 1.
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
    said = np.unique(scam[known & ~np.isnan(scam)])
    if said.size <= 2:
        flagged = values > said[0] if said.size else np.zeros(values.size, dtype=bool)
        fpr, found = [float(flagged[honest].mean())], [float(flagged[truth].mean())]
    else:
        lowest = max(LOWEST_FPR, 1 / int(honest.sum()))
        fpr = np.geomspace(lowest, 1.0, _POINTS).tolist()
        found = [recall_at_fpr(values[known], truth[known], at) for at in fpr]
    return Curves(
        name=name,
        n_scam=int(truth.sum()),
        n_legit=int(honest.sum()),
        fpr=tuple(round(at, 6) for at in fpr),
        recall=tuple(round(value, 5) for value in found),
        scam_counts=_histogram(scam[truth]),
        legit_counts=_histogram(scam[honest]),
    )


def _histogram(values: Floats) -> tuple[int, ...]:
    counts, _ = np.histogram(values[~np.isnan(values)], bins=HISTOGRAM_BINS, range=(0, 1))
    return tuple(counts.tolist())
