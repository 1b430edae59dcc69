"""Kill scoring jobs at random moments, resume them, and compare with jobs that ran undisturbed.

    python benchmarks/faults.py [BUNDLE] --rows 20000
    python benchmarks/faults.py --tiny --rows 100000

Runs the real command line over a dump (synthetic_dump.py) as CSV with broken records, as JSONL and
as Parquet. SIGKILL goes to the whole process group --kills times, each at a moment drawn at random
over the time that the undisturbed job took; a job that ends before is started again. What the last
--resume leaves must be the files of the undisturbed job, byte for byte. Writes ``faults.json`` and
``.md``; exits with 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet as pq
from dumps import tiny
from synthetic_dump import write_dump

from scamdetect.bundle.bundle import Bundle, default_bundle_path
from scamdetect.dumps.formats import rejects_path
from scamdetect.errors import ScamDetectError
from scamdetect.train.data.scores import commit, machine, today
from scamdetect.train.pages import table, write_results

ROOT = Path(__file__).resolve().parent.parent
FORMATS = ("csv", "jsonl", "parquet")
SEED = 7
BROKEN_EVERY = 997  # records of the CSV file that lack cells


def main() -> None:
    """Kill and resume jobs over each format, write the results and print the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path, nargs="?", help="by default the shipped one")
    parser.add_argument("--tiny", action="store_true", help="the miniature bundle of the tests")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--part-rows", type=int, default=2048)
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    moments = random.Random(SEED)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        bundle = tiny(folder) if asked.tiny else (asked.bundle or default_bundle_path()).resolve()
        try:
            model_id = Bundle.load(bundle).model_id
            write_dump(folder / "in.parquet", asked.rows, asked.authored)
        except ScamDetectError as problem:
            sys.exit(f"faults: {problem}")
        write_text_formats(folder / "in.parquet")
        options = ["--model", str(bundle), "--part-rows", str(asked.part_rows), "--log-json"]
        jobs = [trial(folder, kind, options, asked.kills, moments) for kind in FORMATS]
    record = {
        "date": today(), "commit": commit(), "machine": machine(), "model_id": model_id,
        "rows": asked.rows, "part_rows": asked.part_rows, "jobs": jobs,
    }  # fmt: skip
    sys.stdout.write(write_results(asked.out / "faults.json", record, page(record)))
    if not all(job["identical"] for job in jobs):
        sys.exit(1)


def write_text_formats(parquet: Path) -> None:
    """Write the dump as CSV, with some records that cannot be read, and as JSONL next to it."""
    rows = pq.read_table(parquet)
    pyarrow.csv.write_csv(rows, parquet.with_suffix(".csv"))
    with parquet.with_suffix(".csv").open("a", encoding="utf-8") as file:
        file.writelines(f"{n}\n" for n in range(rows.num_rows // BROKEN_EVERY + 1))
    with parquet.with_suffix(".jsonl").open("w", encoding="utf-8") as file:
        for row in rows.to_pylist():
            file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")


def trial(
    folder: Path, kind: str, options: list[str], kills: int, moments: random.Random
) -> dict[str, Any]:
    """Return what became of one job that was killed and resumed."""
    source, whole, killed = (folder / f"{name}.{kind}" for name in ("in", "whole", "killed"))
    began = time.monotonic()
    _command(source, whole, options).wait()
    seconds = time.monotonic() - began
    done: list[dict[str, Any]] = []
    while len(done) < kills:
        process = _command(source, killed, [*options, "--resume"])
        after = moments.uniform(0, seconds)
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            done.append({"after_seconds": round(after, 2), **_kept(killed)})
        else:
            killed.unlink()
            rejects_path(killed).unlink(missing_ok=True)
    last = _command(source, killed, [*options, "--resume"]).wait()
    pairs = [(whole, killed), (rejects_path(whole), rejects_path(killed))]
    return {
        "format": kind,
        "undisturbed_seconds": round(seconds, 1),
        "kills": done,
        "exit_code": last,
        "identical": last == 0 and all(_content(one) == _content(other) for one, other in pairs),
        "bytes": len(_content(killed) or b""),
        "rejected": len((_content(rejects_path(killed)) or b"").splitlines()),
        "left_behind": work_folder(killed).exists(),
    }


def _command(source: Path, destination: Path, options: list[str]) -> subprocess.Popen[bytes]:
    arguments = ["score", str(source), "-o", str(destination), *options]
    return subprocess.Popen(
        [sys.executable, "-m", "scamdetect", *arguments],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def work_folder(destination: Path) -> Path:
    """Return the folder of finished parts."""
    return destination.with_name(f"{destination.name}.parts")


def _kept(destination: Path) -> dict[str, int]:
    """Return what a kill left of the work."""
    try:
        counts = [
            json.loads(path.read_bytes())
            for path in work_folder(destination).glob("part-*[0-9].json")
        ]
    except OSError:
        return {"parts_kept": 0, "rows_kept": 0}
    return {"parts_kept": len(counts), "rows_kept": sum(count["rows"] for count in counts)}


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def page(record: dict[str, Any]) -> list[str]:
    """Return the lines of the page."""
    return [
        "# Jobs killed and resumed",
        "",
        f"{record['date']}, commit {record['commit']}, {record['model_id']}, {record['machine']}. "
        f"{record['rows']:,} rows in parts of {record['part_rows']:,}; `kill -9` at random "
        "moments, each followed by `--resume`, against a job that ran undisturbed.",
        "",
        *table(
            ["format", "killed after (s): rows kept", "rejected", "identical to the byte"],
            [
                [
                    job["format"],
                    ", ".join(f"{k['after_seconds']}: {k['rows_kept']:,}" for k in job["kills"]),
                    str(job["rejected"]),
                    "yes" if job["identical"] else "NO",
                ]
                for job in record["jobs"]
            ],
        ),
    ]


if __name__ == "__main__":
    main()
