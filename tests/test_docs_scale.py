"""The pages on scale and databases: their code runs, their figures come from the results."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from campaign_rows import rows as campaign_dump
from campaign_rows import write_dump

from benchmarks.scale_table import END, PAGE, RESULT, START, sizing
from scamdetect import ScamDetector
from scamdetect.adapt.labels import record, write_records
from scamdetect.adapt.queue import choose_queue
from scamdetect.scored.campaigns import write_campaigns

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TEXTS = ["Hi dear, send $200 and I double it in a week.", "See you at lunch", None]


def example(page: Path, word: str, **paths: Path) -> str:
    """Return the one block of Python in the page that holds the word."""
    blocks = re.findall(r"```python\n(.+?)\n```", page.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = (block for block in blocks if word in block)
    for name, path in paths.items():
        block = block.replace(f"/{name}/", f"{path}/")
    return block


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "dumps").mkdir()
    pq.write_table(pa.table({"body": TEXTS}), tmp_path / "dumps" / "a.parquet")
    return tmp_path


def decisions(folder: Path) -> list[str]:
    parts = sorted(folder.glob("*.parquet"))
    tables = [pq.ParquetFile(part).read(["scamdetect_decision"]) for part in parts]
    return pa.concat_tables(tables)["scamdetect_decision"].to_pylist()


def wanted() -> list[str]:
    return [prediction.decision.value for prediction in ScamDetector.load().predict(TEXTS)]


def test_the_sizing_is_what_the_results_give() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = text[text.index(START) + len(START) : text.index(END)].strip()
    assert shown == "\n".join(sizing(json.loads(RESULT.read_text(encoding="utf-8"))))


@pytest.mark.network_loopback
def test_the_example_for_ray(ray_cluster: ModuleType, data: Path) -> None:
    exec(example(PAGE, "score_dataset", data=data), {})
    assert decisions(data / "scored-by-ray") == wanted()


@pytest.mark.network_loopback
def test_the_example_for_spark(spark: SparkSession, data: Path) -> None:
    before = spark.conf.get("spark.sql.files.maxPartitionBytes")
    exec(example(PAGE, "score_frame", data=data), {})
    spark.conf.set("spark.sql.files.maxPartitionBytes", before)
    assert decisions(data / "scored-by-spark") == wanted()


def test_the_example_for_duckdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    duckdb = pytest.importorskip("duckdb", reason="needs the extra dev")
    monkeypatch.chdir(tmp_path)
    rows = pa.table({"id": [1, 2, 3], "body": TEXTS})
    with duckdb.connect("messages.duckdb") as database:
        database.register("rows", rows)
        database.sql("CREATE TABLE messages AS FROM rows")
    exec(example(PAGE.with_name("databases.md"), "score_table"), {})
    with duckdb.connect("messages.duckdb") as database:
        found = database.sql("SELECT id, scamdetect_decision FROM scored ORDER BY id").fetchall()
    assert found == list(enumerate(wanted(), start=1))


def test_the_examples_on_campaigns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("duckdb", reason="needs the extra dev")
    monkeypatch.chdir(tmp_path)
    rows = [row | {"id": n, "sent_at": "2026-04-29"} for n, row in enumerate(campaign_dump())]
    write_dump(tmp_path / "april.parquet", rows)
    write_campaigns("april.parquet", sender_column="id", time_column="sent_at")
    found: dict[str, Any] = {}
    exec(example(PAGE.with_name("databases.md"), "large ="), found)
    parcel, *_ = found["large"].fetchall()
    assert parcel[1:4] == (40, 0.0, 40) and parcel[5].startswith("Your parcel")
    messages = found["messages"].to_arrow_table().to_pylist()
    own = [row for row in messages if row["campaign"] == parcel[0]]
    assert len(own) == 40 and all("parcel" in row["text"] for row in own)
    answers = [record(row) for row in choose_queue("april.parquet", 20).rows]
    write_records(
        ({**row, "label": "scam"} if row["campaign"] else row for row in answers),
        tmp_path / "queue.csv",
    )
    exec(example(PAGE.with_name("databases.md"), "labelled ="), found)
    assert {label for _, label in found["labelled"].fetchall()} == {"scam"}
    assert len(found["labelled"].fetchall()) == 40
