"""What throughput.py measures in fresh processes: cold start and peak memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scamdetect.bundle.bundle import TOKENIZER

ROOT = Path(__file__).resolve().parent.parent
_COLD = """
import json, sys, time
start = time.perf_counter()
from scamdetect import ScamDetector
imported = time.perf_counter()
detector = ScamDetector.load(sys.argv[1])
loaded = time.perf_counter()
assert detector.predict(sys.argv[2]).scam_probability is not None
done = time.perf_counter()
print(json.dumps([imported - start, loaded - imported, done - loaded, done - start]))
"""
_TOKENIZER = """
import json, sys, time
from tokenizers import Tokenizer
start = time.perf_counter()
Tokenizer.from_file(sys.argv[1])
print(json.dumps([time.perf_counter() - start]))
"""
_STAGES = ("import", "load", "first prediction", "total", "tokenizer.json (within load)")
# ru_maxrss of a child begins at what its parent held when it forked, VmHWM at nothing.
PEAK = """
import json, resource, sys

def peak():
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most // 1024 if sys.platform == "darwin" else most

before = peak()
"""
_MEMORY = (
    PEAK
    + """
from scamdetect import ScamDetector
detector = ScamDetector.load(sys.argv[1])
with open(sys.argv[2], encoding="utf-8") as file:
    texts = json.load(file)
rows = int(sys.argv[3])
messages = (f"{texts[n % len(texts)]} {n}" for n in range(rows))
scored = sum(p.scam_probability is not None for p in detector.stream(messages))
print(json.dumps([(peak() - before) / 1024, scored]))
"""
)


def cold_start(bundle: Path, text: str, rounds: int) -> dict[str, dict[str, float]]:
    """Return the seconds of each stage in fresh processes, after one to warm the disk cache.

    The last is the part of "load" that reads the tokenizer, in separate processes.
    """
    taken = [
        [*run(_COLD, bundle, text), *run(_TOKENIZER, bundle / TOKENIZER)] for _ in range(rounds + 1)
    ][1:]
    return {
        stage: {
            "median": round(statistics.median(found), 4),
            "lowest": round(min(found), 4),
            "highest": round(max(found), 4),
        }
        for stage, found in zip(_STAGES, zip(*taken, strict=True), strict=True)
    }


def peak_memory(bundle: Path, texts: Sequence[str], sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Return the peak MB above the bare interpreter of streaming so many rows, no two alike."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.json"
        path.write_text(json.dumps(list(texts)), encoding="utf-8")
        for rows in sizes:
            megabytes, scored = run(_MEMORY, bundle, path, rows)
            found.append({"rows": rows, "scored": int(scored), "MB": round(megabytes, 1)})
    return found


def bundle_megabytes(bundle: Path) -> float:
    """Return the size of the bundle's files in MB (10^6 bytes)."""
    return round(sum(path.stat().st_size for path in bundle.iterdir()) / 1e6, 2)


def run(program: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return what a program prints as JSON in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        cwd=ROOT,
    )
    return json.loads(done.stdout)
