"""Load-test `scamdetect serve` over the loopback interface against plain Python calls.

    python benchmarks/serving.py [BUNDLE]

Server and clients share this machine, so the clients' work is part of the price. In every round,
in another order, each concurrency and request size is measured twice: that many threads call
``predict`` of one detector in this process, and that many clients with a connection each post to
the server. Both score as many requests at once as --parallel says, with one thread each. Texts are
authored messages, another one each time. Throughputs are medians of the rounds, their ratio the
median of each round's own; latencies are those of all requests together.

Last, whether waiting single messages should be scored together: the processor time of one call with
so many messages over that of a call for each, 1.0 where it is the same.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import queue
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from scamdetect import ScamDetector
from scamdetect.data.authored import load_authored
from scamdetect.evaluation.provenance import commit, machine, today
from scamdetect.pages import table, write_results

ROOT = Path(__file__).resolve().parent.parent
TOGETHER = (2, 8, 32)

Ask = Callable[[Sequence[str]], None]
Asker = Callable[[], Ask]  # a client of its own for each thread


def main() -> None:
    """Measure, write ``serving.json`` and ``serving.md`` and print the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path, nargs="?", help="by default the shipped one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=256, help="texts of a measurement")
    parser.add_argument("--batch", type=int, default=32, help="texts of a batch request")
    parser.add_argument("--concurrency", type=int, nargs="*", default=[1, 2, 8])
    parser.add_argument("--parallel", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    record = measure(asked)
    sys.stdout.write(write_results(asked.out / "serving.json", record, page(record)))


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return all figures of this machine."""
    load_before = os.getloadavg()
    texts = [row.text for row in load_authored(asked.authored)]
    random.Random(7).shuffle(texts)
    cases = [(size, clients) for size in (1, asked.batch) for clients in asked.concurrency]
    found: dict[tuple[int, int, str], list[list[float]]] = {}
    rates: dict[tuple[int, int, str], list[float]] = {}
    with (
        ScamDetector.load(asked.bundle, threads=1) as detector,
        _serving(asked.bundle, asked.parallel) as address,
    ):
        places = threading.Semaphore(asked.parallel)

        def call(batch: Sequence[str]) -> None:
            with places:
                detector.predict(list(batch))

        ways: dict[str, Asker] = {"python": lambda: call, "http": lambda: _poster(address)}
        for ask in ways.values():
            ask()(texts[:8])
        for number in range(asked.rounds):
            turns = [(*case, way) for case in cases for way in ways]
            random.Random(number).shuffle(turns)
            for size, clients, way in turns:
                batches = _batches(texts, size, asked.texts)
                seconds, latencies = _load(ways[way], batches, clients)
                rates.setdefault((size, clients, way), []).append(asked.texts / seconds)
                found.setdefault((size, clients, way), []).append(latencies)
        together = _together(detector, texts, asked.rounds)
        model_id = detector.model_id
    return {
        "date": today(),
        "commit": commit(),
        "machine": machine(),
        "load_average": {"before": load_before, "after": os.getloadavg()},
        "model_id": model_id,
        "rounds": asked.rounds,
        "parallel": asked.parallel,
        "cases": [_case(size, clients, rates, found) for size, clients in cases],
        "together": together,
    }


def page(record: dict[str, Any]) -> list[str]:
    """Return the page as lines of Markdown."""
    before, after = (record["load_average"][name][0] for name in ("before", "after"))
    rows = [
        [
            str(case["texts_a_request"]),
            str(case["clients"]),
            f"{case['http_per_second']:.1f}",
            f"{case['python_per_second']:.1f}",
            f"{case['ratio']:.2f}",
            *(f"{case['http_ms'][q]:.0f} / {case['python_ms'][q]:.0f}" for q in _QUANTILES),
        ]
        for case in record["cases"]
    ]
    header = ["texts a request", "clients", "HTTP texts/s", "Python texts/s", "ratio"]
    together = ", ".join(f"{n}: {found:.2f}" for n, found in record["together"].items())
    return [
        "# Serving over HTTP against plain calls",
        "",
        f"{record['date']}, commit {record['commit']}, {record['model_id']}, {record['machine']}. "
        f"{record['rounds']} rounds; {record['parallel']} requests at once, one thread each. "
        f"Load average {before:.1f} before and {after:.1f} after. Milliseconds are HTTP / Python. "
        "What is measured: `benchmarks/serving.py`.",
        "",
        *(_BUSY if max(before, after) > record["parallel"] + 1 else []),
        *table([*header, *(f"{q} ms" for q in _QUANTILES)], rows),
        "",
        "Processor time of single messages scored together over that of a call each (under 1 "
        f"would help): {together}.",
    ]


_BUSY = [
    "**The machine was busy with other work**, which took most of the cores: nothing follows from "
    "the speeds and latencies below, not even which way is quicker (HTTP can never be quicker than "
    "the call within it). Measure again on a machine that is left alone.",
    "",
]
_QUANTILES = {"p50": 50, "p95": 95, "p99": 99}


def _case(
    size: int,
    clients: int,
    rates: dict[tuple[int, int, str], list[float]],
    found: dict[tuple[int, int, str], list[list[float]]],
) -> dict[str, Any]:
    http_rates, python_rates = (rates[size, clients, way] for way in ("http", "python"))
    figures: dict[str, Any] = {
        "texts_a_request": size,
        "clients": clients,
        "http_per_second": round(statistics.median(http_rates), 2),
        "python_per_second": round(statistics.median(python_rates), 2),
        "ratio": round(float(np.median(np.divide(http_rates, python_rates))), 3),
    }
    for way in ("http", "python"):
        taken = list(itertools.chain.from_iterable(found[size, clients, way]))
        figures[f"{way}_ms"] = {
            name: round(float(np.percentile(taken, q)) * 1000, 2) for name, q in _QUANTILES.items()
        }
    return figures


def _batches(texts: Sequence[str], size: int, most: int) -> list[Sequence[str]]:
    return [texts[start : start + size] for start in range(0, most, size)]


def _load(
    asker: Asker, batches: Sequence[Sequence[str]], clients: int
) -> tuple[float, list[float]]:
    """Return the seconds until that many clients have asked for all, and those of each request."""
    waiting: queue.SimpleQueue[Sequence[str]] = queue.SimpleQueue()
    for batch in batches:
        waiting.put(batch)
    taken: list[float] = []

    def work() -> None:
        ask = asker()
        while True:
            try:
                batch = waiting.get_nowait()
            except queue.Empty:
                return
            began = time.perf_counter()
            ask(batch)
            taken.append(time.perf_counter() - began)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if len(taken) < len(batches):
        sys.exit("serving: a client failed")
    return seconds, taken


def _together(detector: ScamDetector, texts: Sequence[str], rounds: int) -> dict[str, float]:
    """Return, by how many messages share a call, its processor time over that of single calls."""
    chosen = texts[: 2 * max(TOGETHER)]
    ratios: dict[str, list[float]] = {str(n): [] for n in TOGETHER}
    for _ in range(rounds):
        alone = _processor_seconds(detector, chosen, 1)
        for n in TOGETHER:
            ratios[str(n)].append(_processor_seconds(detector, chosen, n) / alone)
    return {n: round(statistics.median(found), 3) for n, found in ratios.items()}


def _processor_seconds(detector: ScamDetector, texts: Sequence[str], size: int) -> float:
    began = time.process_time()
    for batch in _batches(texts, size, len(texts)):
        detector.predict(list(batch))
    return time.process_time() - began


@contextmanager
def _serving(bundle: Path | None, parallel: int) -> Iterator[str]:
    """Give the host and port of a server in a process of its own."""
    model = [] if bundle is None else ["--model", str(bundle)]
    options = ["--port", "0", "--parallel", str(parallel), *model]
    server = subprocess.Popen(
        [sys.executable, "-m", "scamdetect.cli", "serve", *options],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        line = server.stderr.readline()
        if "http://" not in line:
            sys.exit(f"serving: {line}")
        yield urlsplit(line.split()[-1]).netloc
    finally:
        server.terminate()
        server.wait()


def _poster(address: str) -> Ask:
    """Return a client with a connection of its own."""
    connection = http.client.HTTPConnection(address, timeout=120)

    def ask(batch: Sequence[str]) -> None:
        body = json.dumps({"texts": list(batch)})
        connection.request("POST", "/v1/predict", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.status != 200 or len(json.loads(answer.read())["predictions"]) != len(batch):
            raise RuntimeError(f"HTTP status {answer.status}")

    return ask


if __name__ == "__main__":
    main()
