"""Score a Spark frame with a function for ``mapInArrow``; a Python worker loads the model once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from scamdetect.engines.batches import ScoreBatches
from scamdetect.errors import MissingExtraError
from scamdetect.frames import columns as output

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import DataType, StructType

__all__ = ["ScoreBatches", "output_schema", "score_frame", "scorer"]

Score = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def scorer(scoring: ScoreBatches) -> Score:
    """Return a function for ``DataFrame.mapInArrow``; its output has ``output_schema``.

    The model is loaded in the Python worker by its first batch and kept for the partitions after.
    """

    def score(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from scoring(pa.Table.from_batches([batch])).combine_chunks().to_batches()

    return score


def output_schema(frame: DataFrame, scoring: ScoreBatches) -> StructType:
    """Return the schema of the scored frame: kept columns, then those of ``output.SCHEMA``.

    Raises InputError like ``ScoreBatches.result_schema``, MissingExtraError without pyspark.
    """
    types = _import_types()
    source = frame.limit(0).toArrow().schema
    kept = scoring.result_schema(source, "the frame").names[: -len(output.SCHEMA)]
    new = [types.StructField(f.name, _spark_type(f.type, types)) for f in output.SCHEMA]
    return types.StructType([*(frame.schema[name] for name in kept), *new])


def score_frame(frame: DataFrame, scoring: ScoreBatches | None = None) -> DataFrame:
    """Return the frame with the ``scamdetect_*`` columns appended, computed when it is used.

    Set ``spark.task.cpus`` to the scoring's threads where those are more than one. Raises
    InputError where the text column or a column to keep is missing, is not text, or output columns
    exist; MissingExtraError without pyspark. A bundle that cannot be loaded fails the task.
    """
    scoring = scoring or ScoreBatches()
    return frame.mapInArrow(scorer(scoring), output_schema(frame, scoring))


def _import_types() -> Any:  # noqa: ANN401 - the package is no dependency of the core
    try:
        from pyspark.sql import types
    except ImportError as problem:
        raise MissingExtraError("pyspark", "spark") from problem
    return types


def _spark_type(kind: pa.DataType, types: Any) -> DataType:  # noqa: ANN401
    """Return the type in which Spark hands on one of the types of ``output.SCHEMA``."""
    if pa.types.is_list(kind):
        return types.ArrayType(_spark_type(kind.value_type, types))
    if pa.types.is_struct(kind):
        fields = [kind.field(place) for place in range(kind.num_fields)]
        return types.StructType(
            [types.StructField(field.name, _spark_type(field.type, types)) for field in fields]
        )
    simple = {
        pa.string(): types.StringType, pa.float32(): types.FloatType, pa.int32(): types.IntegerType,
    }  # fmt: skip
    return simple[kind]()
