"""Read back what people decided to publish of the indicators that were proposed."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from scamdetect.text.indicators import IndicatorType


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One indicator that a person decided to publish.

    ``share_flagged`` is of the ``messages`` that have it; ``senders`` is None without a sender
    column, the days are None without a time column. ``languages`` and ``kinds`` come most frequent
    first. ``confidence`` goes from 0 to 100. ``tlp`` is a label of TLP 2.0 in capitals, such as
    ``TLP:AMBER``. ``predictive`` says that only a model judged it: no person labelled a campaign
    that has it.
    """

    type: IndicatorType
    value: str
    share_flagged: float
    messages: int
    senders: int | None
    first_day: datetime.date | None
    last_day: datetime.date | None
    languages: tuple[str, ...]
    kinds: tuple[str, ...]
    confidence: int
    tlp: str
    predictive: bool
    verified: bool
    model_id: str | None
    reviewer: str
    date: datetime.date
