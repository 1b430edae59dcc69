"""Explanations of messages as one page."""

from __future__ import annotations

from collections.abc import Sequence

from scamdetect.explain.explanation import CAUTION, Explanation
from scamdetect.reports.html import page


def explanation_page(explanations: Sequence[Explanation]) -> str:
    """Return a page of HTML with the explanations in their order, every text escaped."""
    models = sorted({each.prediction.model_id for each in explanations})
    return page("explain.html", explanations=explanations, models=models, caution=CAUTION)
