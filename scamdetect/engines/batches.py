"""Score the batches that an engine gives to its workers, exactly as the local job does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from scamdetect import ScamDetector
from scamdetect.dumps.batches import BATCH_ROWS, Dump
from scamdetect.dumps.outputs import keep_columns
from scamdetect.dumps.parquet import find_text_in
from scamdetect.dumps.rows import ArrowRows, TextPath
from scamdetect.frames import columns as output

_WHERE = "the dataset"


@dataclass(frozen=True)
class ScoreBatches:
    """Append the ``scamdetect_*`` columns to a table; the first call in a process loads the model.

    Only the settings are sent to the workers. ``model`` is a bundle folder that every worker can
    read, None for the one shipped in the package; ``threads`` are those of one process.
    ``text_column`` can be a dotted path into structs; ``columns`` keeps only these input columns.
    """

    text_column: str = "text"
    model: str | os.PathLike[str] | None = None
    flag: float | None = None
    review: float | None = None
    kind_flags: Mapping[str, float] | None = None
    tier: str = "auto"
    threads: int = 1
    runtime: str = "auto"
    overwrite_columns: bool = False
    columns: tuple[str, ...] | None = None
    preset: str | None = None

    def __post_init__(self) -> None:
        if self.model is not None:  # a worker runs in another folder
            object.__setattr__(self, "model", str(Path(self.model).resolve()))

    def detector(self) -> ScamDetector:
        """Return the detector of this process, loaded at the first call.

        Raises BundleError, InputError as ``load`` and ``with_thresholds`` do.
        """
        folder = None if self.model is None else str(self.model)
        loaded = _loaded(folder, self.runtime, self.threads, self.tier)
        return loaded.with_thresholds(
            preset=self.preset, flag=self.flag, review=self.review, kind_flags=self.kind_flags
        )

    def result_schema(self, schema: pa.Schema, where: str = _WHERE) -> pa.Schema:
        """Return the schema of scored tables for a source of this schema.

        Raises InputError, with ``where``, if the text column or a column to keep is missing, if the
        text column is not text, or if output columns exist and may not be replaced.
        """
        return _result_schema(self._source(schema, where)[1])

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return the table with the kept columns, followed by the output columns.

        Raises BundleError and InputError as ``detector`` and ``result_schema`` do.
        """
        path, source = self._source(table.schema, _WHERE)
        schema, detector = _result_schema(source), self.detector()
        scored = [schema.empty_table()]
        # Engines pass tables of any size, whose predictions together would fill the memory.
        for start in range(0, table.num_rows, BATCH_ROWS):
            rows = ArrowRows(_WHERE, path, source.columns, table.slice(start, BATCH_ROWS))
            new = output.columns(detector.predict(rows.texts()))
            scored.append(
                pa.Table.from_arrays([*rows.table().columns, *new.values()], schema=schema)
            )
        return pa.concat_tables(scored)

    def _source(self, schema: pa.Schema, where: str) -> tuple[TextPath, Dump]:
        path, kept = find_text_in(schema, self.text_column, self.overwrite_columns, where)
        fields = [field for field in schema if field.name in kept]
        source = Dump(kept, pa.schema(fields, metadata=schema.metadata), lambda: iter(()))
        if self.columns is not None:
            source = keep_columns(source, self.columns, Path(where))
        return path, source


def _result_schema(source: Dump) -> pa.Schema:
    return pa.schema([*source.schema, *output.SCHEMA], metadata=source.schema.metadata)


@lru_cache(maxsize=2)
def _loaded(model: str | None, runtime: str, threads: int, tier: str) -> ScamDetector:
    return ScamDetector.load(
        model,
        runtime=runtime,  # type: ignore[arg-type]
        threads=threads,
        tier=tier,  # type: ignore[arg-type]
    )
