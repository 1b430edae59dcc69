"""Scored dumps with a campaign that is large and not flagged, and their campaigns beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from scored_rows import scored_row, write_scored

from scamdetect.dumps.formats import Format, job_path
from scamdetect.dumps.identity import Asked, Detected, Identity, Model, Result, job_record
from scamdetect.dumps.tally import Tally
from scamdetect.labels import Decision
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
    write_scored(path, rows() if given is None else given)
    decisions = pq.read_table(path)["scamdetect_decision"].to_pylist()
    tally = Tally()
    tally.decisions.update(map(Decision, decisions))
    source = {"source": "invented", "format": Format.PARQUET.value}
    model = Model("tiny@1+abc", 0.9, 0.6, None, False, "encoder", 1)
    identity = Identity(Asked("text"), source, Detected("utf-8", None, ("text",)), model)
    result = Result(path.name, Format.PARQUET.value, None, path.stat().st_size)
    job_path(path).write_bytes(job_record(identity, result, tally))
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
