"""Write small dumps, and read what a job made of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def write_jsonl(folder: Path, rows: Iterable[object]) -> Path:
    """Write one object a line."""
    path = folder / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def content(path: Path) -> bytes:
    """Return the bytes of a file, of the record of a job without what differs between two runs."""
    if not path.name.endswith(".job.json"):
        return path.read_bytes()
    record = json.loads(path.read_bytes())
    del record["source"], record["asked"]["part_rows"]
    return json.dumps(record).encode()


def read_rows(path: Path | None) -> list[dict[str, Any]]:
    """Return the rows of JSONL, Parquet, CSV or TSV."""
    assert path is not None
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if path.suffix == ".parquet":
        found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return found
    with path.open(encoding="utf-8", newline="") as file:
        csv.field_size_limit(1 << 24)
        return list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
