"""Score tables on clusters: Ray datasets (``engines.ray``) or Spark frames (``engines.spark``)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from scamdetect.detector import ScamDetector


class TableScorer:
    """Append the ``scamdetect_*`` columns to tables; a process loads the model at its first table.

    ``model`` is a bundle folder that every worker can read, None for the shipped bundle, and
    ``threads`` are those of one worker. ``thresholds`` are the options of ``with_thresholds``.
    """

    def __init__(
        self,
        text_column: str = "text",
        model: str | Path | None = None,
        *,
        threads: int = 1,
        tier: str = "auto",
        overwrite_columns: bool = False,
        **thresholds: Any,  # noqa: ANN401
    ) -> None:
        # A worker runs in another folder.
        self.model = None if model is None else str(Path(model).resolve())
        self.threads, self.tier, self.thresholds = threads, tier, thresholds
        self.text_column, self.overwrite_columns = text_column, overwrite_columns

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return the scored table; raise what ``load`` and ``score_table`` raise."""
        detector = _load(self.model, self.threads, self.tier).with_thresholds(**self.thresholds)
        scored: pa.Table = detector.score_table(
            table, self.text_column, overwrite_columns=self.overwrite_columns
        )
        return scored


@cache
def _load(model: str | None, threads: int, tier: str) -> ScamDetector:
    return ScamDetector.load(model, threads=threads, tier=tier)  # type: ignore[arg-type]
