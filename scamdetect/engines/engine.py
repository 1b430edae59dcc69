"""Score Parquet with Ray or Spark into a folder of parts, without their native output on stderr."""

from __future__ import annotations

import logging
import math
import os
import re
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scamdetect.dumps.identity import Asked, Detected, Identity, Result, job_record, model_of
from scamdetect.dumps.parquet import read_batches
from scamdetect.dumps.sources import find_source
from scamdetect.dumps.tally import Summary, Tally, summarise
from scamdetect.engines.batches import ScoreBatches
from scamdetect.engines.parquet_folder import (
    Source,
    collect,
    local_source,
    open_source,
    publishing,
    read_piece,
    result_folder,
)
from scamdetect.engines.ray import import_ray, score_dataset
from scamdetect.engines.spark import score_frame, spark_session
from scamdetect.errors import EngineError, InputError, ScamDetectError
from scamdetect.frames.columns import COLUMNS
from scamdetect.labels import Decision
from scamdetect.prediction import CLEARED
from scamdetect.system.files import write_text
from scamdetect.system.os_errors import said, shareable
from scamdetect.system.shown import shown

_STDERR = 2


@contextmanager
def leaving_out(words: str) -> Iterator[None]:
    """Capture stderr within the context, then write it without the lines that contain these words.

    It is captured for all threads of the process, so keep the context short.
    """
    if sys.stderr is None:  # a process without a console
        yield
        return
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        real = os.dup(_STDERR)
        os.dup2(held.fileno(), _STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(real, _STDERR)
            os.close(real)
            held.seek(0)
            for line in held:
                if words.encode() not in line:
                    os.write(_STDERR, line)


ENGINES = ("ray", "spark")

# A lost worker costs the time of one block: about seven minutes of one core.
_BLOCK_ROWS = 50_000
# So many blocks per worker balance those that take longer.
_BLOCKS_A_WORKER = 4
_OPTIONS = frozenset(
    "--engine --output --format --text-column --overwrite --columns --overwrite-columns --model "
    "--preset --flag --review --kind-flag --threads --runtime --workers --tier --fail-on-flagged "
    "--quiet --log-json".split()
)
_CURES = {
    "--resume": "lost work is repeated during the job; a job that ended starts again",
    "--part-rows": "the engine splits the work",
    "--max-rejects": "Parquet has no records to reject",
    "--encoding": "Parquet has no text encoding",
    "--only-flagged": "select rows of the result whose scamdetect_decision is 'flag'",
}
# Errors in a worker whose text is about files and settings, never about a message.
_CAUSE = re.compile(
    r"^(?:scamdetect\.errors\.)?((?:Bundle|Input|MissingExtra|FileNotFound|Permission|OS|Memory)"
    r"Error(?:: .*)?)$",
    re.MULTILINE,
)
_COUNTED = [
    f"scamdetect_{name}"
    for name in ("decision", "kinds", "language", "reason", "verdict", "model_id")
]


def check_options(engine: str, given: Collection[str]) -> None:
    """Raise InputError for an option such as ``--resume`` that engines do not support."""
    for option in sorted(set(given) - _OPTIONS):
        cure = _CURES.get(option, "use --engine local for it")
        raise InputError(f"{option} does not work with --engine {engine}: {cure}; remove it")


def score_parquet(
    source: str | Path,
    destination: str | Path | None = None,
    *,
    engine: str,
    scoring: ScoreBatches,
    source_format: str | None = None,
    workers: int = 0,
    overwrite: bool = False,
    show: bool = False,
) -> Summary:
    """Score a Parquet file, or all in a folder, with an engine into a folder of Parquet parts.

    ``engine`` is ``ray`` or ``spark``: the cluster that the process is connected to or that
    RAY_ADDRESS or PYSPARK_SUBMIT_ARGS name, else a local one of ``workers`` processes (0: as many
    as the cores allow for the scoring threads). The default destination is
    ``<stem>.scored.parquet`` next to a file, ``<name>.scored.parquet`` next to a folder. The folder
    appears when all rows are scored; until then ``<destination>.partial`` holds the work. The
    summary is counted from the result.

    Raises InputError for URLs, globs and anything that cannot be read, scored or overwritten,
    EngineError if the job fails, OutputError if writing here fails, MissingExtraError without the
    engine's packages.
    """
    began = time.monotonic()
    if engine not in ENGINES:
        raise InputError(f"unknown engine {engine!r}; known engines: {', '.join(ENGINES)}")
    if source_format not in (None, "parquet"):
        raise InputError(f"--format {source_format}: --engine {engine} reads only Parquet")
    if workers < 0:
        raise InputError(f"workers={workers!r} is invalid; use 0 for as many as fit, or more")
    source = local_source(source)
    identity = find_source(source).identity() | {"format": "parquet"}
    destination = result_folder(source, destination)
    opened = open_source(source, scoring)
    detector = scoring.detector()
    workers = workers or max(1, (os.cpu_count() or 1) // scoring.threads)
    with publishing(source, destination, overwrite=overwrite) as work:
        written = (work / "written").resolve()
        with _failing(engine):
            run = _run_ray if engine == "ray" else _run_spark
            run(opened, written, scoring, workers, show)
        schema = scoring.result_schema(opened.schema)
        parts = collect(written, work / "parts", schema)
        tally, models = _count(parts)
        if tally.rows != opened.rows or models - {detector.model_id}:
            raise EngineError(
                f"{engine} wrote {tally.rows:,} rows of {opened.rows:,}, scored by "
                f"{', '.join(sorted(models))} instead of {detector.model_id}; the result was "
                "removed: give all workers the same files and bundle"
            )
        notes = _changed(engine, schema, pq.read_schema(parts[0]))
        record = job_record(
            Identity(
                Asked(text_column=scoring.text_column, engine=engine),
                identity,
                Detected("utf-8", None, tuple(schema.names[: -len(COLUMNS)])),
                model_of(detector),
            ),
            Result(destination.name, "parquet", None, None),
            tally,
        )
        write_text(work / "job.json", record.decode("ascii"))
    return summarise(
        tally,
        destination=destination,
        model_id=detector.model_id,
        seconds=time.monotonic() - began,
        notes=notes,
        preset=detector.preset,
    )


def _run_ray(
    source: Source, written: Path, scoring: ScoreBatches, workers: int, show: bool
) -> None:
    """Write the parts, named in the order of the rows."""
    ray = import_ray()
    with cluster(ray, workers * scoring.threads):
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = show
        pieces = source.pieces(_block_rows(source, workers))
        # Ray's own reader makes blocks of 128 MiB, an hour or more for one actor.
        dataset = ray.data.from_items(pieces, override_num_blocks=len(pieces)).map_batches(
            read_piece, batch_size=1, batch_format="pyarrow"
        )
        cpus = int(ray.cluster_resources().get("CPU", 1)) - 1
        most = max(1, min(workers, cpus // scoring.threads))
        score_dataset(dataset, scoring, workers=most).write_parquet(
            str(written), compression="zstd"
        )


@contextmanager
def cluster(ray: Any, cpus: int) -> Iterator[None]:  # noqa: ANN401
    """Connect to the existing cluster, or start a local one without a dashboard."""
    if ray.is_initialized():
        yield
        return
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if "RAY_ADDRESS" in os.environ:
        ray.init(logging_level="ERROR")
    else:
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        with leaving_out("Set ray log level"):  # printed at every level, including this one
            ray.init(
                # One more than the actors take: otherwise nothing would read or write.
                num_cpus=cpus + 1,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
                _node_ip_address="127.0.0.1",
            )
    try:
        yield
    finally:
        ray.shutdown()


def _run_spark(
    source: Source, written: Path, scoring: ScoreBatches, workers: int, show: bool
) -> None:
    """Write the parts; rows of one file keep their order.

    Raises InputError for types that Spark cannot read.
    """
    with spark_session(workers, show=show) as session, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tasks = math.ceil(max(1, source.rows) / _block_rows(source, workers))
        session.conf.set("spark.sql.files.minPartitionNum", str(tasks))
        session.conf.set("spark.sql.files.openCostInBytes", "0")
        session.conf.set("spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
        try:
            frame = session.read.parquet(*(str(file.resolve()) for file in source.files))
        except Exception as problem:
            raise InputError(
                f"{source.files[0]}: Spark cannot read the types of its columns, such as "
                "timestamps in nanoseconds; cast them, or use --engine ray or local"
            ) from problem
        score_frame(frame, scoring).write.parquet(str(written))


def _block_rows(source: Source, workers: int) -> int:
    return max(1, min(_BLOCK_ROWS, source.rows // (workers * _BLOCKS_A_WORKER)))


@contextmanager
def _failing(engine: str) -> Iterator[None]:
    """Convert the errors of an engine to EngineError, without the text of any message."""
    try:
        yield
    except ScamDetectError:
        raise
    except Exception as problem:
        causes = _CAUSE.findall(str(problem))
        cause = causes[-1] if causes else type(problem).__name__
        if isinstance(problem, OSError):  # an unreachable cluster, a full disk
            cause = said(problem)
        raise EngineError(
            f"the {engine} job failed: {cause}; the result was removed: fix the cause and start "
            "again"
        ) from shareable(problem)


def _count(parts: Sequence[Path]) -> tuple[Tally, set[str]]:
    """Return the counts of the rows and the models that scored them."""
    tally, models = Tally(), set[str]()
    for part in parts:
        for table in read_batches(part, _COUNTED):
            decision, kinds, language, reason, verdict, model = (
                table.column(name).combine_chunks() for name in _COUNTED
            )
            flagged = pc.equal(decision, Decision.FLAG.value)
            kind = pc.list_flatten(pc.filter(kinds, flagged)).field("kind")
            tally += Tally(
                Counter({Decision(k): n for k, n in _counts(decision).items()}),
                _counts(kind),
                _counts(pc.filter(language, flagged)),
                cleared=_counts(reason)[CLEARED],
                verdicts=_counts(verdict.drop_null()),
            )
            models.update(_counts(model))
    return tally, models


def _counts(values: pa.Array) -> Counter[str]:
    return Counter({item["values"]: item["counts"] for item in values.value_counts().to_pylist()})


def _changed(engine: str, wanted: pa.Schema, found: pa.Schema) -> tuple[str, ...]:
    """Describe which types of the source an engine does not keep."""
    changed = [
        f"{shown(field.name)} ({field.type}) as {found.field(field.name).type}"
        for field in wanted
        if not found.field(field.name).type.equals(field.type)
    ]
    return (f"{engine} writes {', '.join(changed)}",) if changed else ()
