"""Scored dumps of invented messages with their job records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scored_rows import scored_row, write_record, write_scored

MODEL_ID = "tiny@1+abc"
MISSED = "Your parcel {} waits at the depot, settle the small fee at https://fee{}.example/p today"
_WORDS = "harbour lunch sister bread train garden school rain thanks tomorrow later window".split()


def dump(path: Path, rows: Sequence[dict[str, Any]], model_id: str = MODEL_ID) -> Path:
    """Write a scored Parquet file with its job record."""
    write_scored(path, rows)
    write_record(path, len(rows), model_id=model_id)
    return path


def texts(n: int, seed: int) -> list[str]:
    """Return messages that are unlike each other."""
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(_WORDS, 10)) for _ in range(n)]


def rows(n: int, seed: int, flagged: float = 0.02, **columns: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """Return rows with mostly low scores, and a share of 0.95."""
    random = np.random.default_rng(seed)
    scores = np.where(random.random(n) < flagged, 0.95, random.beta(0.5, 12, n)).tolist()
    columns = {"kinds": ["romance"]} | columns
    return [
        {"id": f"m{seed}-{number}", "text": text} | scored_row(score, **columns)
        for number, (score, text) in enumerate(zip(scores, texts(n, seed), strict=True))
    ]


def missed(n: int = 40) -> list[dict[str, Any]]:
    """Return the messages of a large campaign that is not flagged."""
    return [{"id": f"p{i}", "text": MISSED.format(i, i)} | scored_row(0.2) for i in range(n)]
