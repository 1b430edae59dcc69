"""Scored dumps with a campaign that is large and not flagged, and their campaigns beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from scored_rows import scored_row, write_record, write_scored

from scamdetect.scored.campaigns import write_campaigns

MISSED = "Your parcel {} waits at the depot, settle the small fee at https://fee{}.example/p today"


def rows() -> list[dict[str, Any]]:
    """Return parcels that are not flagged, lures that are, greetings, and messages like nothing."""
    found = [{"text": MISSED.format(n, n)} | scored_row(0.2) for n in range(40)]
    found += [{"text": f"guaranteed profit {n}, dear friend"} | scored_row(0.95) for n in range(9)]
    found += [{"text": "thanks"} | scored_row(0.001) for _ in range(60)]
    words = "harbour lunch sister bread train garden school rain later window".split()
    return found + [
        {"text": f"{word} {word[::-1]} {word * 2} at noon {chr(0x4E00 + n) * 6}"}
        | scored_row(n / 20)
        for n, word in enumerate(words)
    ]


def write_dump(path: Path, given: list[dict[str, Any]] | None = None) -> Path:
    """Write a scored Parquet file with its record, of ``rows`` if none are given."""
    given = rows() if given is None else given
    write_scored(path, given)
    write_record(path, len(given))
    return path


def write_dump_with_campaigns(path: Path, **options: Any) -> Path:  # noqa: ANN401
    """Write a scored file and its campaigns beside it."""
    write_campaigns(write_dump(path), **options)
    return path


def campaign_id(path: Path, start: str) -> str:
    """Return the id of the campaign whose template starts so, of the campaigns beside a dump."""
    table = pq.read_table(path.with_name(f"{path.stem}.campaigns.parquet")).to_pylist()
    return next(row["campaign"] for row in table if row["template"].startswith(start))


def make_stale(path: Path) -> None:
    """Score the dump again, in another order."""
    write_dump(path, rows()[::-1])
