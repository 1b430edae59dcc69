"""Find planted campaigns in a scored dump: recall, merges, memory, disk and time.

    python benchmarks/campaigns.py --rows 200000
    python benchmarks/campaigns.py --rows 10000000 --scratch /a/large/disk     # the target

50 campaigns of 20 to 1,000 messages in five languages are planted under light disguises, ten pairs
of them with the same first half (campaign_dump.py). A fresh process finds them with the real
command. A plant is found where one campaign has at least FOUND of its messages; ``recall`` is the
share of plants that are found, ``recall_of_messages`` that of planted messages in the campaign that
has most of theirs. Two plants are merged where they share that one. Writes ``campaigns.json`` and
``.md``; exits with 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from campaign_dump import write_scored
from throughput_processes import PEAK, run

from scamdetect.scored.top_campaigns import unnoticed
from scamdetect.text.masking import template_key
from scamdetect.text.near_duplicates import jaccard, shingles
from scamdetect.train.data.scores import commit, machine, today
from scamdetect.train.pages import table, write_results

ROOT = Path(__file__).resolve().parent.parent
FOUND = 0.8
RECALL, MEMORY_MB, DISK_BYTES = 0.98, 2_000, 400
_JOB = (
    PEAK
    + """
import time
from scamdetect.cli import main
sys.argv = [
    "scamdetect", "campaigns", sys.argv[1], "-o", sys.argv[2], "--sender-column", "sender",
    "--time-column", "sent_at", "--log-json",
]
start = time.process_time()
try:
    main()
except SystemExit as ended:
    assert not ended.code
print(json.dumps({
    "peak_MB": round(peak() / 1024, 1), "bare_MB": round(before / 1024, 1),
    "cpu_seconds": round(time.process_time() - start, 1),
}))
"""
)


def main() -> None:
    """Make the dump, find campaigns, and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--scratch", type=Path, help="folder for the dump and the work")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.scratch) as scratch:
        found = measure(Path(scratch), asked.rows, asked.authored)
    record = {"date": today(), "commit": commit(), "machine": machine(), **found}
    sys.stdout.write(write_results(asked.out / "campaigns.json", record, page(record)))
    sys.exit(0 if passed(record) else 1)


def measure(folder: Path, rows: int, authored: Path) -> dict[str, Any]:
    """Return the figures of a dump of so many rows."""
    scored, campaigns = folder / "dump.parquet", folder / "work" / "dump.campaigns.parquet"
    campaigns.parent.mkdir()
    sys.stderr.write(f"making {rows:,} rows\n")
    planted, of_row = write_scored(scored, rows, authored)
    sys.stderr.write("finding campaigns\n")
    with Disk(campaigns.parent) as disk:
        start = time.monotonic()
        done: dict[str, Any] = run(_JOB, scored, campaigns)
        seconds = time.monotonic() - start
    members = pq.read_table(campaigns.with_name("dump.campaigns.members.parquet"))
    names, codes = np.unique(members["campaign"].to_numpy(), return_inverse=True)
    label = np.full(rows, -1, np.int64)
    label[members["row"].to_numpy()] = codes
    best, hits = [], []
    for number in range(len(planted)):
        own = label[of_row == number]
        ids, counts = np.unique(own[own >= 0], return_counts=True)
        best.append(int(ids[counts.argmax()]) if len(ids) else -1 - number)
        hits.append(int(counts.max(initial=0)))
    ours = np.flatnonzero(np.isin(label, best))
    pairs = [
        jaccard(*(shingles(template_key(one.text)) for one in planted if one.pair == pair))
        for pair in sorted({one.pair for one in planted if one.pair is not None})
    ]
    total = sum(one.messages for one in planted)
    shares = np.array(hits) / [one.messages for one in planted]
    missed = {names[one] for one, plant in zip(best, planted, strict=True) if not plant.flagged}
    listed = unnoticed(campaigns, rows).first
    size = pq.read_table(campaigns, columns=["campaign", "messages"])
    background = ~np.isin(size["campaign"].to_numpy(), names[[one for one in best if one >= 0]])
    return {
        "rows": rows,
        "campaigns": size.num_rows,
        "in_campaigns": members.num_rows,
        "unnoticed": len(listed),
        "seconds": round(seconds, 1),
        **done,
        "cpu_microseconds_a_row": round(1e6 * done["cpu_seconds"] / rows, 1),
        "disk_bytes_a_row": round((disk.most - disk.result(campaigns)) / rows, 1),
        "disk_with_result_bytes_a_row": round(disk.most / rows, 1),
        "planted": len(planted),
        "planted_messages": total,
        "recall": round(float(np.mean(shares >= FOUND)), 4),
        "recall_of_messages": round(sum(hits) / total, 4),
        "least_share_of_a_plant": round(float(shares.min()), 3),
        "not_flagged": len(missed),
        "not_flagged_in_the_list": sum(one.id in missed for one in listed),
        "not_flagged_in_its_first_50": sum(one.id in missed for one in listed[:50]),
        "merged": len(best) - len(set(best)),
        "strangers": int((of_row[ours] < 0).sum()),
        "pairs_jaccard": [round(one, 2) for one in pairs],
        "background_campaigns": int(background.sum()),
        "background_campaigns_of_20": int((background & (size["messages"].to_numpy() >= 20)).sum()),
    }


class Disk:
    """Watches how many bytes a folder holds while something works in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.most = folder, 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Disk:
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._done.set()
        self._thread.join()

    def result(self, campaigns: Path) -> int:
        """Return the size of the result, which is in the folder too at the end."""
        return sum(path.stat().st_size for path in campaigns.parent.iterdir())

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            size = 0
            for path in self.folder.rglob("*"):
                try:
                    size += path.stat().st_size
                except OSError:
                    continue
            self.most = max(self.most, size)


def passed(record: dict[str, Any]) -> bool:
    """Return True if all targets are met."""
    return bool(
        record["recall"] >= RECALL
        and not record["merged"]
        and record["peak_MB"] <= MEMORY_MB
        and record["disk_with_result_bytes_a_row"] <= DISK_BYTES
    )


def page(record: dict[str, Any]) -> list[str]:
    """Return the lines of the page."""
    return [
        "# Planted campaigns",
        "",
        f"{record['date']}, commit {record['commit']}, {record['machine']}. What the rows are: "
        "`benchmarks/campaign_dump.py`.",
        "",
        *table(
            ["figure", "value"],
            [
                [name.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value)]
                for name, value in record.items()
                if name not in ("date", "commit", "machine")
            ],
        ),
    ]


if __name__ == "__main__":
    main()
