"""The messages on which a detector is most wrong as shipped."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from scamdetect.calibration.statistics import as_scores
from scamdetect.evaluate.protocol import WorstRow, worst_rows
from scamdetect.labels import Verdict
from scamdetect.train.data.scores import DetectorScores
from scamdetect.train.data.table import column, has_verdict

ERRORS = 50


def worst_errors(table: pa.Table, scores: DetectorScores) -> tuple[WorstRow, ...]:
    """Return the lowest missed scams, then the highest false alarms, of the dev rows.

    25 each, more where the other side has fewer. Missed and false are meant at the detector's own
    flag threshold; unscored scams come first.
    """
    dev, values = column(table, "role") == "dev", as_scores(scores.scam)
    missed = np.flatnonzero(dev & has_verdict(table, Verdict.SCAM) & ~scores.flagged)
    alarms = np.flatnonzero(dev & has_verdict(table, Verdict.LEGIT) & scores.flagged)
    half = ERRORS // 2
    chosen = [
        *missed[np.argsort(values[missed], kind="stable")][: ERRORS - min(alarms.size, half)],
        *alarms[np.argsort(-values[alarms], kind="stable")][: ERRORS - min(missed.size, half)],
    ]
    return tuple(worst_rows(table, chosen, scores.scam))
