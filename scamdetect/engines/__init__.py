"""Score tables on clusters: Ray datasets (``engines.ray``) or Spark frames (``engines.spark``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa

from scamdetect.detector import ScamDetector

_BATCH_ROWS = 2048


@dataclass
class TableScorer:
    """Append the ``scamdetect_*`` columns to tables; a process loads the model at its first table.

    ``model`` is a bundle folder that every worker can read, None for the shipped bundle;
    ``threads`` are those of one worker. The other options are those of ``with_thresholds``,
    ``load`` and ``score_table``.
    """

    text_column: str = "text"
    model: str | Path | None = None
    preset: str | None = None
    flag: float | None = None
    review: float | None = None
    kind_flags: Mapping[str, float] | None = None
    tier: str = "auto"
    threads: int = 1
    overwrite_columns: bool = False

    def __post_init__(self) -> None:
        if self.model is not None:  # a worker runs in another folder
            self.model = str(Path(self.model).resolve())

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return the scored table; raise BundleError, InputError as ``load``, ``score_table`` do.

        Engines pass tables of any size, whose predictions together would fill the memory.
        """
        detector = _load(self.model, self.threads, self.tier).with_thresholds(
            preset=self.preset, flag=self.flag, review=self.review, kind_flags=self.kind_flags
        )
        return pa.concat_tables(
            detector.score_table(
                table.slice(start, _BATCH_ROWS),
                self.text_column,
                overwrite_columns=self.overwrite_columns,
            )
            for start in range(0, max(1, table.num_rows), _BATCH_ROWS)
        )


@cache
def _load(model: str | None, threads: int, tier: str) -> ScamDetector:
    return ScamDetector.load(model, threads=threads, tier=tier)  # type: ignore[arg-type]
