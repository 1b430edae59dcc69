"""The Spark session that ``scamdetect score --engine spark`` runs in."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scamdetect.dumps.batches import BATCH_ROWS
from scamdetect.engines.java import java_home
from scamdetect.errors import MissingExtraError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A task whose worker process was killed is tried again.
_TRIES_A_TASK = 4
# Set where Spark is to run elsewhere, or where spark-submit has started this process.
_ELSEWHERE = ("PYSPARK_SUBMIT_ARGS", "PYSPARK_GATEWAY_PORT")
# Spark's own words would drown the summary; what fails is told by its exception.
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
# Times in UTC and to the microsecond, names to the letter, results that pyarrow reads alike.
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
    """Give the active session, or a new one, which ends with the context.

    A new one is local with that many workers, unless PYSPARK_SUBMIT_ARGS names a cluster. ``show``
    draws Spark's progress bar. What a local session writes aside lies in a temporary folder. Raises
    MissingExtraError where pyspark or Java is missing.
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
            # Spark's own handler calls Java in the middle of another call and fails with it.
            signal.signal(signal.SIGINT, on_interrupt)
        logging.getLogger().addFilter(_not_of_the_bridge)
        try:
            _configure(session)
            yield session
        finally:
            session.stop()
            logging.getLogger().removeFilter(_not_of_the_bridge)


def _not_of_the_bridge(record: logging.LogRecord) -> bool:
    """Pass over what py4j logs with a traceback before it raises the same, as on Ctrl-C."""
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
