"""Explanations of messages as one page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from scamdetect import __version__
from scamdetect.explain.explanation import CAUTION, Explanation
from scamdetect.reports.html import page


def explanation_page(explanations: Sequence[Explanation], made: date | None = None) -> str:
    """Return a page of HTML with the explanations in their order, every text escaped."""
    return page(
        "explain.html",
        explanations=explanations,
        models=sorted({one.prediction.model_id for one in explanations}),
        caution=CAUTION,
        made=made or date.today(),
        version=__version__,
    )
