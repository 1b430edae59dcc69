"""Score tables on clusters: Ray datasets (``engines.ray``) or Spark frames (``engines.spark``)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from scamdetect.detector import ScamDetector


def score_table(
    table: pa.Table,
    *,
    text_column: str = "text",
    model: str | Path | None = None,
    threads: int = 1,
    tier: str = "auto",
    overwrite_columns: bool = False,
    **thresholds: Any,  # noqa: ANN401
) -> pa.Table:
    """Score one table in a worker process, which loads the model for its first table.

    ``model`` is a bundle folder that every worker can read, None for the shipped bundle;
    ``thresholds`` are the options of ``with_thresholds``. Raises what ``load``, ``with_thresholds``
    and ``score_table`` of a detector raise.
    """
    detector = _load(model, threads, tier).with_thresholds(**thresholds)
    scored: pa.Table = detector.score_table(table, text_column, overwrite_columns=overwrite_columns)
    return scored


@cache
def _load(model: str | Path | None, threads: int, tier: str) -> ScamDetector:
    return ScamDetector.load(model, threads=threads, tier=tier)  # type: ignore[arg-type]
