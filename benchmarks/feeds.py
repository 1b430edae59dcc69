"""Measure how long it takes to read feeds of indicators, and to look messages up in them.

    python benchmarks/feeds.py [--dump FILE]

Indicators are invented. Messages are those of ``benchmarks/synthetic_dump.py``, or the column
``text`` of a Parquet file; one in two hundred gets a listed link. Each case is a process of its
own. Writes ``feeds.json`` and ``feeds.md``; nothing of a message is written.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.synthetic_dump import messages
from scamdetect.dumps.batches import BATCH_ROWS
from scamdetect.reports.pages import table, write_results
from scamdetect.share.feeds import read_feeds
from scamdetect.train.data.scores import commit, machine, today

ROOT = Path(__file__).resolve().parent.parent
BY_DEFAULT = ("domain", "link", "wallet")
ALL = (*BY_DEFAULT, "phone", "email", "handle")
CASES = (
    ("csv", 1_000, BY_DEFAULT),
    ("csv", 1_000_000, BY_DEFAULT),
    ("csv", 1_000_000, ALL),
    ("stix", 1_000_000, ("domain", "link")),
)
MESSAGES, EVERY = 50_000, 200
_PATHS = {"domain": "domain-name", "link": "url"}


def main() -> None:
    """Measure each case in a process of its own and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dump", type=Path, help="a Parquet file with the column text")
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of indicators")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.case is not None:
        sys.stdout.write(json.dumps(_measured(asked)))
        return
    found = []
    for number in range(len(CASES)):
        arguments = [sys.executable, __file__, *sys.argv[1:], "--case", str(number)]
        done = subprocess.run(arguments, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout))
        sys.stderr.write(f"{found[-1]}\n")
    record: dict[str, Any] = {
        "date": today(), "commit": commit(), "machine": machine(), "cases": found,
        "messages": asked.messages, "characters": found[0]["characters"],
        "dump": "own messages" if asked.dump is None else "a dump",
    }  # fmt: skip
    sys.stdout.write(write_results(asked.out / "feeds.json", record, _page(record)))


def _measured(asked: argparse.Namespace) -> dict[str, Any]:
    kind, size, types = CASES[int(asked.case)]
    size = max(len(types), int(size * asked.scale))
    texts = list(islice(_texts(asked.dump), asked.messages))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("feed.csv" if kind == "csv" else "feed.json")
        with path.open("w", encoding="utf-8") as file:
            file.writelines(_feed(kind, size, types))
        before, began = _peak(), time.process_time()
        listed, _ = read_feeds([path])
        reading, grown = time.process_time() - began, _peak() - before
        file_bytes = path.stat().st_size
    own = _values(types)
    for place in range(0, len(texts), EVERY):
        texts[place] += f" {next(one for kind_, one in own if kind_ == 'link')}"
    best, hits = float("inf"), 0
    for _ in range(3):
        began, hits = time.process_time(), 0
        for start in range(0, len(texts), BATCH_ROWS):
            hits += sum(one is not None for one in listed.found(texts[start : start + BATCH_ROWS]))
        best = min(best, time.process_time() - began)
    return {
        "format": kind, "types": types, "indicators": len(listed), "file_mb": file_bytes / 2**20,
        "read_seconds": reading, "memory_mb": grown, "microseconds": 1e6 * best / len(texts),
        "found": hits, "characters": sum(map(len, texts)) / len(texts),
    }  # fmt: skip


def _peak() -> float:
    """Return the most memory that the process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def _texts(dump: Path | None) -> Iterator[str]:
    if dump is None:
        yield from messages(ROOT / "data" / "authored")
        return
    column = pq.read_table(dump, columns=["text"])["text"].to_pylist()
    yield from random.Random(1).sample([text for text in column if text], len(column))


def _values(types: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield invented indicators without end, the same ones on every run."""
    chance = random.Random(7)
    while True:
        for kind in types:
            name = f"{chance.getrandbits(44):011x}"
            yield (
                kind,
                {
                    "domain": f"d{name}.example",
                    "link": f"https://l{name}.example/{name}",
                    "wallet": f"0x{chance.getrandbits(160):040x}",
                    "phone": f"+4917{chance.randrange(10**8, 10**9)}",
                    "email": f"a{name}@e{name}.example",
                    "handle": f"telegram:h{name}",
                }[kind],
            )


def _feed(kind: str, size: int, types: tuple[str, ...]) -> Iterator[str]:
    some = islice(_values(types), size)
    if kind == "csv":
        yield "type,value\n"
        yield from (f"{type_},{value}\n" for type_, value in some)
        return
    yield '{"type": "bundle", "id": "bundle--1", "objects": ['
    for number, (type_, value) in enumerate(some):
        one = {
            "type": "indicator", "spec_version": "2.1",
            "id": f"indicator--00000000-0000-4000-8000-{number:012}",
            "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
            "pattern": f"[{_PATHS[type_]}:value = '{value}']", "pattern_type": "stix",
            "valid_from": "2026-01-01T00:00:00Z", "confidence": 70,
        }  # fmt: skip
        yield f"{',' if number else ''}{json.dumps(one)}\n"
    yield "]}"


def _page(record: dict[str, Any]) -> Iterator[str]:
    yield "# Feeds of indicators"
    yield ""
    yield (
        f"{record['date']}, commit {record['commit']}, {record['machine']}. "
        f"{record['messages']:,} messages of {record['characters']:.0f} characters on average "
        f"({record['dump']}), one in {EVERY} with a listed link. Seconds and microseconds are of "
        "one processor; memory is what reading adds to the most that the process has."
    )
    yield ""
    head = (
        "feed",
        "types",
        "indicators",
        "file MB",
        "read, s",
        "memory, MB",
        "µs a message",
    )
    rows = [
        (
            one["format"], ", ".join(one["types"]), f"{one['indicators']:,}",
            f"{one['file_mb']:.1f}", f"{one['read_seconds']:.1f}", f"{one['memory_mb']:.0f}",
            f"{one['microseconds']:.1f}",
        )
        for one in record["cases"]
    ]  # fmt: skip
    yield from table(head, rows)


if __name__ == "__main__":
    main()
