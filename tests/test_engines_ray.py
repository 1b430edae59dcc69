"""Ray gives the rows of the local engine, also where it loses an actor."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import ModuleType

import engine_dumps
import pyarrow as pa
import pytest

import scamdetect.engines.ray as integration
from scamdetect import ScamDetector
from scamdetect.engines.engine import score_parquet
from scamdetect.engines.ray import ScoreBatches, score_dataset

pytestmark = pytest.mark.network_loopback


def test_rows_types_and_order_are_those_of_the_local_engine(
    ray_cluster: ModuleType, tmp_path: Path, tiny_bundle: Path, detector: ScamDetector
) -> None:
    source = engine_dumps.write(tmp_path / "a.parquet", engine_dumps.more_types(10_000))
    scoring = ScoreBatches(model=tiny_bundle)
    summary = score_parquet(source, engine="ray", scoring=scoring, workers=2)
    wanted = engine_dumps.local(source, detector)
    found = engine_dumps.read(tmp_path / "a.scored.parquet")
    assert found.schema.equals(wanted.schema, check_metadata=True)
    assert found.equals(wanted)
    assert summary.rows == summary.written == 10_000
    assert summary.unscored == wanted["scamdetect_decision"].to_pylist().count("unscored") > 0
    assert not summary.notes
    assert len(list(summary.destination.iterdir())) > 1


def test_files_of_a_folder_keep_their_order(
    ray_cluster: ModuleType, tmp_path: Path, tiny_bundle: Path, detector: ScamDetector
) -> None:
    sizes = {"a/1.parquet": 700, "a/2.pq": 1, "a/3.parquet": 0, "a/4.parquet": 900}
    files = [
        engine_dumps.write(tmp_path / name, engine_dumps.table(rows, seed=rows))
        for name, rows in sizes.items()
    ]
    scoring = ScoreBatches(model=tiny_bundle, text_column="message.body")
    score_parquet(tmp_path / "a", tmp_path / "b", engine="ray", scoring=scoring, workers=2)
    wanted = [engine_dumps.local(file, detector, "message.body") for file in files]
    assert engine_dumps.read(tmp_path / "b").equals(pa.concat_tables(wanted))


@pytest.mark.parametrize("rows", [0, 1])
def test_hardly_any_rows(
    ray_cluster: ModuleType, tmp_path: Path, tiny_bundle: Path, rows: int
) -> None:
    engine_dumps.check_columns_alone(tmp_path, "ray", tiny_bundle, rows)


def test_a_killed_actor_costs_no_row(
    ray_cluster: ModuleType,
    tmp_path: Path,
    tiny_bundle: Path,
    detector: ScamDetector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marker = str(tmp_path / "killed")

    class Mortal(ScoreBatches):  # within the test, so that Ray sends its code along
        def __call__(self, table: pa.Table) -> pa.Table:
            if 3_000 in table.column("id").to_pylist() and not os.path.exists(marker):
                with open(marker, "w") as file:
                    file.write(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
            return ScoreBatches.__call__(self, table)

    monkeypatch.setattr(integration, "ScoreBatches", Mortal)
    engine_dumps.check_after_a_kill(tmp_path, "ray", tiny_bundle, detector, 10_000)


def test_a_dataset_is_scored_by_one_call(
    ray_cluster: ModuleType, tiny_bundle: Path, detector: ScamDetector
) -> None:
    content = engine_dumps.table(50)
    dataset = ray_cluster.data.from_arrow(content)
    scored = score_dataset(dataset, ScoreBatches(model=tiny_bundle, flag=0.5), workers=1)
    assert pa.concat_tables(ray_cluster.get(scored.to_arrow_refs())).equals(
        detector.with_thresholds(flag=0.5).score_table(content)
    )


def test_the_class_goes_with_map_batches(ray_cluster: ModuleType, tiny_bundle: Path) -> None:
    dataset = ray_cluster.data.from_arrow(engine_dumps.table(20)).map_batches(
        ScoreBatches,
        fn_constructor_kwargs={"model": tiny_bundle, "text_column": "message.body"},
        batch_format="pyarrow",
        compute=ray_cluster.data.ActorPoolStrategy(size=1),
    )
    assert "scamdetect_decision" in dataset.take(1)[0]


def test_nothing_is_told_to_rays_makers(ray_cluster: ModuleType) -> None:
    from ray._common.usage import usage_lib

    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert not usage_lib.usage_stats_enabled()
