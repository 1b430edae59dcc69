"""Scored dumps with rows of a test's own choosing, as ``scamdetect score`` would write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from scamdetect.dumps.formats import destination_format, job_path
from scamdetect.dumps.summary import JobRecord
from scamdetect.dumps.write import write_tables
from scamdetect.frames import columns as output

FLAG, REVIEW = 0.9, 0.6


def scored_row(probability: float | None, **columns: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a row with this scam probability; keywords name ``language``, ``kinds``, ``text``."""
    decision = (
        "unscored"
        if probability is None
        else "flag"
        if probability >= FLAG
        else "review"
        if probability >= REVIEW
        else "pass"
    )
    row: dict[str, Any] = dict.fromkeys(output.COLUMNS) | {
        "scamdetect_decision": decision,
        "scamdetect_scam_probability": probability,
        "scamdetect_kinds": [
            {"kind": kind, "probability": 0.8} for kind in columns.pop("kinds", ())
        ],
        "scamdetect_language": columns.pop("language", "en"),
        "scamdetect_model_id": columns.pop("model", "tiny@1+abc"),
        "scamdetect_schema_version": 1,
    }
    return columns | row


def write_scored(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write the rows in the format of the path."""
    own = [name for name in rows[0] if name not in output.COLUMNS] if rows else ["text"]
    columns = {name: pa.array([row[name] for row in rows]) for name in own}
    columns |= {
        field.name: pa.array([row[field.name] for row in rows], field.type)
        for field in output.SCHEMA
    }
    write_tables(path, destination_format(path), iter([pa.table(columns)]))
    return path


def write_record(path: Path, rows: int, **changes: Any) -> None:  # noqa: ANN401
    """Write the record of a scored file's job next to it."""
    values = {
        "model_id": "tiny@1+abc", "flag": FLAG, "review": REVIEW, "preset": None, "cleared": False,
        "source": "invented", "source_format": "parquet", "text_column": "text", "rows": rows,
        "written": rows, "options": {"kind_flags": {}, "sender_column": None},
    }  # fmt: skip
    record = json.dumps(asdict(JobRecord(**values | changes)))
    job_path(path).write_text(record, encoding="utf-8")
