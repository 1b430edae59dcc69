"""Parquet dumps of many types for the engines, and what the local engine makes of them."""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect import ScamDetector
from scamdetect.dumps import score_file
from scamdetect.engines.engine import ScoreBatches, score_parquet

_WORDS = ("guaranteed", "profit", "bitcoin", "lunch", "meeting", "darling", "sale", "обед", "利润")
_SENDER = pa.struct([("name", pa.string()), ("tags", pa.list_(pa.string()))])
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("text", pa.string()),
        ("message", pa.struct([("body", pa.string()), ("sender", _SENDER)])),
        ("at", pa.timestamp("us")),
        ("at_utc", pa.timestamp("us", tz="UTC")),
        ("day", pa.date32()),
        ("price", pa.decimal128(12, 2)),
        ("share", pa.float64()),
        ("raw", pa.binary()),
        ("ok", pa.bool_()),
    ]
)
# What Ray keeps as it is and Spark does not.
MORE_SCHEMA = pa.schema(
    [
        ("channel", pa.dictionary(pa.int32(), pa.string())),
        ("at_ms", pa.timestamp("ms", tz="UTC")),
        ("small", pa.uint8()),
        ("large", pa.large_string()),
    ]
)


def table(rows: int, seed: int = 0) -> pa.Table:
    """Return rows with all types that both engines keep; some have no text; each has its own id."""
    random = Random(seed)
    start = datetime(2024, 1, 1)
    texts = [
        random.choice([None, "", " ".join(random.choices(_WORDS, k=random.randint(1, 8)))])
        if place % 10 == 0
        else " ".join(random.choices(_WORDS, k=random.randint(1, 8)))
        for place in range(rows)
    ]
    made = {
        "id": [10_000 * seed + place for place in range(rows)],
        "text": texts,
        "message": [
            {"body": text, "sender": {"name": "Ann", "tags": ["a"] * (place % 3)}}
            for place, text in enumerate(texts)
        ],
        "at": [start + timedelta(microseconds=place) for place in range(rows)],
        "at_utc": [start - timedelta(days=60_000, seconds=place) for place in range(rows)],
        "day": [date(1850 + place % 300, 1, 1) for place in range(rows)],
        "price": [Decimal(place) / 100 for place in range(rows)],
        "share": [place / 7 if place % 5 else float("inf") for place in range(rows)],
        "raw": [b"\xff" * (place % 3) for place in range(rows)],
        "ok": [None if place % 3 else True for place in range(rows)],
    }
    return pa.table(made, schema=SCHEMA)


def more_types(rows: int) -> pa.Table:
    """Return a table with types that Spark changes too."""
    made = table(rows)
    new = {
        "channel": pa.array(["sms", "mail"] * (rows // 2)).dictionary_encode(),
        "at_ms": pa.array(list(range(rows)), pa.int64()).cast(pa.timestamp("ms", tz="UTC")),
        "small": pa.array([place % 100 for place in range(rows)], pa.uint8()),
        "large": pa.array(["x"] * rows, pa.large_string()),
    }
    for field in MORE_SCHEMA:
        made = made.append_column(field, new[field.name])
    return made.replace_schema_metadata({"origin": "a test"})


def write(path: Path, content: pa.Table, row_group: int = 500) -> Path:
    """Write a Parquet file and return its path."""
    path.parent.mkdir(exist_ok=True)
    pq.write_table(content, path, row_group_size=row_group)
    return path


def local(path: Path, detector: ScamDetector, text_column: str = "text") -> pa.Table:
    """Return what the local engine makes of a Parquet file."""
    target = path.with_suffix(".local.parquet")
    score_file(path, target, detector=detector, text_column=text_column, overwrite=True)
    with pq.ParquetFile(target) as file:
        found = file.read()
    target.unlink()
    target.with_name(f"{target.name}.job.json").unlink()
    return found


def read(folder: Path) -> pa.Table:
    """Return the parts of a folder in the order of their names."""
    parts = sorted(folder.iterdir())
    assert [part.name for part in parts] == [f"part-{n:05}.parquet" for n in range(len(parts))]
    return pa.concat_tables([pq.ParquetFile(part).read() for part in parts])


def check_columns_alone(folder: Path, engine: str, model: Path, rows: int) -> None:
    """Score so many rows into the column ``id`` and ours, and check their number and types."""
    source = write(folder / "a.parquet", table(rows))
    scoring = ScoreBatches(model=model, columns=("id",))
    assert score_parquet(source, engine=engine, scoring=scoring, workers=2).rows == rows
    found = read(folder / "a.scored.parquet")
    assert found.schema.equals(scoring.result_schema(SCHEMA))


def check_after_a_kill(
    folder: Path, engine: str, model: Path, detector: ScamDetector, rows: int
) -> None:
    """Score while a worker kills itself and notes it in ``killed``; check that no row is lost."""
    source = write(folder / "a.parquet", table(rows))
    score_parquet(source, engine=engine, scoring=ScoreBatches(model=model), workers=2)
    assert int((folder / "killed").read_text()) != os.getpid()
    assert read(folder / "a.scored.parquet").equals(local(source, detector))
