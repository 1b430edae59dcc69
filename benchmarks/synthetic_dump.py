"""A dump of any size, made from authored rows, the same on every run with the same size.

A message is a run of words of one or two rows of a language and verdict, with log-normal length;
three in ten repeat an earlier message, half of these with other digits. Final rows stay closed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.labels import Verdict
from scamdetect.train.data.authored import load_authored

SEED = 6
SCAM_SHARE, COPY_SHARE = 0.02, 0.30
MEDIAN_LETTERS, SIGMA = 90, 0.79
RECENT = 10_000  # copies repeat one of so many messages
SENDERS = 5_000
BATCH = 10_000
START = datetime(2026, 1, 1, tzinfo=UTC)

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("sender", pa.string()),
        ("sent_at", pa.timestamp("s", tz="UTC")),
        ("text", pa.string()),
    ]
)


def write_dump(path: Path, rows: int, authored: Path) -> None:
    """Write a Parquet file of so many rows; raise InputError if the authored rows are invalid."""
    made = messages(authored)
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as file:
        for start in range(0, rows, BATCH):
            count = min(BATCH, rows - start)
            numbers = range(start, start + count)
            columns = [
                list(numbers),
                [f"account-{(number * 7919) % SENDERS}" for number in numbers],
                [START + timedelta(seconds=number) for number in numbers],
                [next(made) for _ in numbers],
            ]
            table = pa.Table.from_arrays(
                [pa.array(c, t) for c, t in zip(columns, SCHEMA.types, strict=True)], schema=SCHEMA
            )
            file.write_table(table)


def messages(authored: Path) -> Iterator[str]:
    """Yield messages without end."""
    random_ = random.Random(SEED)
    texts: dict[tuple[str, bool], list[str]] = {}
    for row in sorted(load_authored(authored), key=lambda row: row.id):
        if row.part != "final":
            texts.setdefault((row.lang, row.verdict is Verdict.SCAM), []).append(row.text)
    keys = {scam: sorted(key for key in texts if key[1] is scam) for scam in (False, True)}
    recent: list[str] = []
    while True:
        if recent and random_.random() < COPY_SHARE:
            yield _copy(random_.choice(recent), random_)
            continue
        rows = texts[random_.choice(keys[random_.random() < SCAM_SHARE])]
        text = _piece(f"{random_.choice(rows)} {random_.choice(rows)}", random_)
        if len(recent) < RECENT:
            recent.append(text)
        else:
            recent[random_.randrange(RECENT)] = text
        yield text


def _piece(text: str, random_: random.Random) -> str:
    letters = round(random_.lognormvariate(0, SIGMA) * MEDIAN_LETTERS)
    start = text.find(" ", random_.randrange(max(1, len(text) - letters))) + 1
    return text[start : start + letters].strip() or text


def _copy(text: str, random_: random.Random) -> str:
    if random_.random() < 0.5:
        return text
    return "".join(str(random_.randrange(10)) if sign in "0123456789" else sign for sign in text)
