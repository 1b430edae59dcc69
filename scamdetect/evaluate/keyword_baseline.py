"""The baseline of guessing by keywords: 1 where the rule finds words of two lists, else 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scamdetect.calibration.statistics import Floats
from scamdetect.evaluate.keyword_rule import guess

NAME = "keyword rules"
NOTE = (
    f"The {NAME} say 0 or 1, so only their own point (flag recall, flag FPR) is a fair figure: "
    "ties limit R@x, T@x and AUC, and 0 or 1 is no probability to calibrate. Readers were measured "
    "against the same rule."
)


def keyword_scores(texts: Sequence[str]) -> Floats:
    """Return 1.0 or 0.0 for each normalised text (n,), NaN where it is empty."""
    return np.array([float(guess(text)) if text else np.nan for text in texts], dtype=np.float64)
