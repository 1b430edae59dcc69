"""Spark gives the rows of the local engine, also where it loses a Python worker."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import engine_dumps
import pyarrow as pa
import pytest

import scamdetect.engines.spark as integration
from scamdetect import ScamDetector
from scamdetect.engines.engine import score_parquet
from scamdetect.engines.spark import ScoreBatches, score_frame, scorer
from scamdetect.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.network_loopback


def test_rows_and_types_are_those_of_the_local_engine(
    spark: SparkSession, tmp_path: Path, tiny_bundle: Path, detector: ScamDetector
) -> None:
    source = engine_dumps.write(tmp_path / "a.parquet", engine_dumps.table(4_000))
    scoring = ScoreBatches(model=tiny_bundle)
    summary = score_parquet(source, engine="spark", scoring=scoring, workers=2)
    wanted = engine_dumps.local(source, detector)
    found = engine_dumps.read(tmp_path / "a.scored.parquet")
    assert found.schema.equals(wanted.schema)
    assert found.equals(wanted)
    assert summary.unscored == wanted["scamdetect_decision"].to_pylist().count("unscored") > 0
    assert not summary.notes
    assert len(list(summary.destination.iterdir())) > 1


def test_types_that_spark_changes_are_named(
    spark: SparkSession, tmp_path: Path, tiny_bundle: Path, detector: ScamDetector
) -> None:
    source = engine_dumps.write(tmp_path / "a.parquet", engine_dumps.more_types(600))
    scoring = ScoreBatches(model=tiny_bundle)
    (note,) = score_parquet(source, engine="spark", scoring=scoring, workers=2).notes
    assert note.startswith("spark writes channel (dictionary<")
    assert note.endswith(
        "as string, at_ms (timestamp[ms, tz=UTC]) as timestamp[us, tz=UTC], "
        "small (uint8) as int16, large (large_string) as string"
    )
    found = engine_dumps.read(tmp_path / "a.scored.parquet")
    assert found.to_pylist() == engine_dumps.local(source, detector).to_pylist()


def test_types_that_spark_does_not_read_are_told(
    spark: SparkSession, tmp_path: Path, tiny_bundle: Path
) -> None:
    times = pa.array([1, 2, 3], pa.timestamp("ns"))
    content = engine_dumps.table(3).append_column("at_ns", times)
    source = engine_dumps.write(tmp_path / "a.parquet", content)
    scoring = ScoreBatches(model=tiny_bundle)
    with pytest.raises(InputError, match=r"a\.parquet: Spark cannot read the types"):
        score_parquet(source, engine="spark", scoring=scoring)


def test_rows_of_a_file_keep_their_order(
    spark: SparkSession, tmp_path: Path, tiny_bundle: Path, detector: ScamDetector
) -> None:
    sizes = {"a/1.parquet": 1, "a/2.pq": 700, "a/3.parquet": 0, "a/4.parquet": 1900}
    files = [
        engine_dumps.write(tmp_path / name, engine_dumps.table(rows, seed=rows))
        for name, rows in sizes.items()
    ]
    scoring = ScoreBatches(model=tiny_bundle, text_column="message.body")
    score_parquet(tmp_path / "a", tmp_path / "b", engine="spark", scoring=scoring, workers=2)
    found = engine_dumps.read(tmp_path / "b").to_pylist()
    wanted = [engine_dumps.local(file, detector, "message.body").to_pylist() for file in files]
    assert len(found) == sum(sizes.values())
    for rows in wanted:
        mine = [row for row in found if row in rows]
        assert mine == rows


def test_no_rows(spark: SparkSession, tmp_path: Path, tiny_bundle: Path) -> None:
    engine_dumps.check_columns_alone(tmp_path, "spark", tiny_bundle, 0)


def test_a_killed_worker_costs_no_row(
    spark: SparkSession,
    tmp_path: Path,
    tiny_bundle: Path,
    detector: ScamDetector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marker = str(tmp_path / "killed")

    def mortal(scoring: ScoreBatches) -> integration.Score:
        score = scorer(scoring)

        def score_and_die(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for scored in score(batches):
                if 1200 in scored.column("id").to_pylist() and not os.path.exists(marker):
                    with open(marker, "w") as file:
                        file.write(str(os.getpid()))
                    os.kill(os.getpid(), signal.SIGKILL)
                yield scored

        return score_and_die

    monkeypatch.setattr(integration, "scorer", mortal)
    engine_dumps.check_after_a_kill(tmp_path, "spark", tiny_bundle, detector, 2_000)


def test_the_model_is_loaded_once_a_worker(
    spark: SparkSession, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scoring = ScoreBatches(model=tiny_bundle)

    def count(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from scamdetect.engines import batches as module

        for batch in batches:
            scoring(pa.Table.from_batches([batch]))
        loads = module._loaded.cache_info().misses
        yield pa.RecordBatch.from_pydict({"pid": [os.getpid()], "loads": [loads]})

    frame = spark.createDataFrame(engine_dumps.table(60)).repartition(6)
    found = frame.mapInArrow(count, "pid long, loads long").collect()
    assert len(found) == 6
    assert {row.loads for row in found} == {1}


def test_a_frame_without_the_column_is_refused_at_once(spark: SparkSession) -> None:
    frame = spark.createDataFrame(engine_dumps.table(3))
    with pytest.raises(InputError, match="the frame has no column 'body'"):
        score_frame(frame, ScoreBatches(text_column="body"))
    with pytest.raises(InputError, match="holds int64, not text"):
        score_frame(frame, ScoreBatches(text_column="id"))
