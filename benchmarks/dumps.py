"""Score dumps of growing size as a file-to-file job: rows a second, and memory that stays flat.

    python benchmarks/dumps.py [BUNDLE] --rows 10000 100000
    python benchmarks/dumps.py --tiny --rows 100000 1000000

Each size is a Parquet file (synthetic_dump.py) that a fresh process scores into another; its peak
memory is counted above that of a bare interpreter. With --tiny the bundle is the miniature of the
tests, which scores in no time: what is left is the cost of the job itself. Writes
``dumps-MODEL.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from synthetic_dump import write_dump
from throughput_processes import PEAK, run

from scamdetect.bundle.bundle import Bundle, default_bundle_path
from scamdetect.errors import ScamDetectError
from scamdetect.train.data.scores import commit, file_stem, machine, today
from scamdetect.train.pages import table, write_results

ROOT = Path(__file__).resolve().parent.parent
_JOB = (
    PEAK
    + """
from scamdetect import ScamDetector
summary = ScamDetector.load(sys.argv[1]).score_file(sys.argv[2], sys.argv[3])
print(json.dumps({
    "rows": summary.rows,
    "seconds": round(summary.seconds, 1),
    "rows_per_second": round(summary.rows / summary.seconds, 1),
    "peak_MB": round((peak() - before) / 1024, 1),
    "flagged": summary.flagged,
    "rejected": summary.rejected,
}))
"""
)


def main() -> None:
    """Measure every size, write the results and print the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path, nargs="?", help="by default the shipped one")
    parser.add_argument("--tiny", action="store_true", help="the miniature bundle of the tests")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        path = tiny(folder) if asked.tiny else (asked.bundle or default_bundle_path()).resolve()
        try:
            model_id = Bundle.load(path).model_id
            runs = [measure(path, rows, asked.authored, folder) for rows in asked.rows]
        except ScamDetectError as problem:
            sys.exit(f"dumps: {problem}")
    record = {
        "date": today(), "commit": commit(), "machine": machine(), "model_id": model_id,
        "runs": runs,
    }  # fmt: skip
    name = f"dumps-{'tiny' if asked.tiny else file_stem(model_id)}"
    sys.stdout.write(write_results(asked.out / f"{name}.json", record, page(record)))


def tiny(folder: Path) -> Path:
    """Write the miniature bundle of the tests and return where it is."""
    sys.path.insert(0, str(ROOT / "tests"))
    from tiny_bundle import write_tiny_bundle

    return write_tiny_bundle(folder / "tiny")


def measure(bundle: Path, rows: int, authored: Path, folder: Path) -> dict[str, Any]:
    """Return what a job over so many rows took; raise InputError if the rows are invalid."""
    source, destination = folder / f"{rows}.parquet", folder / f"{rows}.scored.parquet"
    sys.stderr.write(f"{rows:,} rows\n")
    write_dump(source, rows, authored)
    found: dict[str, Any] = run(_JOB, bundle, source, destination)
    sizes = {"source_MB": source, "destination_MB": destination}
    found |= {name: round(path.stat().st_size / 1e6, 1) for name, path in sizes.items()}
    source.unlink()
    destination.unlink()
    return found


def page(record: dict[str, Any]) -> list[str]:
    """Return the lines of the page."""
    names = (
        "rows", "seconds", "rows_per_second", "peak_MB", "source_MB", "destination_MB", "flagged"
    )  # fmt: skip
    return [
        "# Dumps of growing size",
        "",
        f"{record['date']}, commit {record['commit']}, {record['model_id']}, {record['machine']}. "
        "Parquet to Parquet, one fresh process each; memory above a bare interpreter, the model "
        "included. What the rows are: `benchmarks/synthetic_dump.py`.",
        "",
        *table(
            [name.replace("_", " ") for name in names],
            [[f"{run[name]:,}" for name in names] for run in record["runs"]],
        ),
    ]


if __name__ == "__main__":
    main()
