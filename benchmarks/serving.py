"""Load-test `scamdetect serve` over the loopback interface against plain Python calls.

    python benchmarks/serving.py [BUNDLE]

Server and clients share this machine, so the clients' work is part of the price. In every round,
in another order, each concurrency and request size is measured both ways, one right after the
other: that many threads call ``predict`` of one detector in this process, and that many clients
with a connection each post to the server. Both score as many requests at once as --parallel says,
with one thread each. Texts are authored messages, the same for both ways of a round and others in
the next. What else the machine does falls on both ways of a round, so a ratio is that of a round;
given are the median of the rounds' ratios, their lowest and their highest. The ratio of processor
time, client and server together, feels other work least. Latencies are those of all requests
together; one that is told to come again (503) does so and goes on waiting. No round begins after
--seconds.

Last, whether waiting single messages should be scored together: the processor time of one call with
so many messages over that of a call for each, 1.0 where it is the same.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import queue
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from scamdetect import ScamDetector
from scamdetect.train.data.authored import load_authored
from scamdetect.train.data.scores import commit, machine, today
from scamdetect.train.pages import table, write_results

ROOT = Path(__file__).resolve().parent.parent
WAYS = ("http", "python")
TOGETHER = (2, 8, 32)

Ask = Callable[[Sequence[str]], None]
Asker = Callable[[], Ask]  # a client of its own for each thread


def main() -> None:
    """Measure, write ``serving.json`` and ``serving.md`` and print the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path, nargs="?", help="by default the shipped one")
    parser.add_argument("--rounds", type=int, default=9, help="at most")
    parser.add_argument("--seconds", type=float, default=150, help="for rounds to begin in")
    parser.add_argument("--texts", type=int, default=128, help="texts of a measurement")
    parser.add_argument("--batch", type=int, default=16, help="texts of a batch request")
    parser.add_argument("--concurrency", type=int, nargs="*", default=[1, 2, 8])
    parser.add_argument("--parallel", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    record = measure(asked)
    sys.stdout.write(write_results(asked.out / "serving.json", record, page(record)))


@dataclass
class Found:
    """What the rounds of one case gave, by way.

    ``rates`` are texts a second, ``worked`` the processor seconds of each round, ``taken`` the
    seconds of each request.
    """

    rates: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    worked: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    taken: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return all figures of this machine."""
    load_before = os.getloadavg()
    texts = [row.text for row in load_authored(asked.authored)]
    random.Random(7).shuffle(texts)
    cases = [(size, clients) for size in (1, asked.batch) for clients in asked.concurrency]
    found = {case: Found() for case in cases}
    began = time.monotonic()
    with (
        # The rounds ask for the same texts: what is measured is scoring them.
        ScamDetector.load(asked.bundle, threads=1, cache_size=0) as detector,
        _serving(asked.bundle, asked.parallel) as (address, server),
    ):
        places = threading.Semaphore(asked.parallel)

        def call(batch: Sequence[str]) -> None:
            with places:
                detector.predict(list(batch))

        askers: dict[str, Asker] = {"python": lambda: call, "http": lambda: _poster(address)}
        for ask in askers.values():
            for batch in _batches(texts, asked.batch, asked.texts):
                ask()(batch)
        rounds = 0
        while not rounds or (rounds < asked.rounds and time.monotonic() - began < asked.seconds):
            some = [texts[(rounds * asked.texts + n) % len(texts)] for n in range(asked.texts)]
            for place, (size, clients) in enumerate(
                random.Random(rounds).sample(cases, len(cases))
            ):
                # Which way comes first takes turns, for what the first does to the second.
                for way in WAYS[:: 1 if (rounds + place) % 2 else -1]:
                    batches = _batches(some, size, asked.texts)
                    worked = _worked(server)
                    seconds, taken = _load(askers[way], batches, clients)
                    found[size, clients].worked[way].append(_worked(server) - worked)
                    found[size, clients].rates[way].append(asked.texts / seconds)
                    found[size, clients].taken[way] += taken
            rounds += 1
        together = _together(detector, texts, min(rounds, 5))
        model_id = detector.model_id
    return {
        "date": today(),
        "commit": commit(),
        "machine": machine(),
        "load_average": {"before": load_before, "after": os.getloadavg()},
        "model_id": model_id,
        "rounds": rounds,
        "parallel": asked.parallel,
        "cases": [_case(*case, found[case]) for case in cases],
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
            _spread(case["ratio"]),
            _spread(case["processor_ratio"]),
            *(f"{case['http_ms'][q]:.0f} / {case['python_ms'][q]:.0f}" for q in _QUANTILES),
        ]
        for case in record["cases"]
    ]
    header = ["texts a request", "clients", "HTTP texts/s", "Python texts/s", "HTTP / Python"]
    header.append("processor time, HTTP / Python")
    together = ", ".join(f"{n}: {_spread(ratio)}" for n, ratio in record["together"].items())
    return [
        "# Serving over HTTP against plain calls",
        "",
        f"{record['date']}, commit {record['commit']}, {record['model_id']}, {record['machine']}. "
        f"{record['rounds']} rounds; {record['parallel']} requests at once, one thread each. "
        f"Load average {before:.1f} before and {after:.1f} after. Milliseconds are HTTP / Python. "
        "Ratios are medians of those of each round, in brackets the lowest and the highest round. "
        "What is measured: `benchmarks/serving.py`.",
        "",
        *table([*header, *(f"{q} ms" for q in _QUANTILES)], rows),
        "",
        *(f"- {line}" for line in _lines(record)),
        "",
        "Processor time of single messages scored together over that of a call each (under 1 "
        f"would help): {together}.",
    ]


_FEWEST = 5  # rounds that all lie on one side by chance in one of 32 runs
_QUANTILES = {"p50": 50, "p95": 95, "p99": 99}


def _lines(record: dict[str, Any]) -> Iterator[str]:
    """Say what follows from the rounds, and what does not."""
    if record["rounds"] < _FEWEST:
        yield f"{record['rounds']} rounds are too few to say anything; a quiet machine has more."
        return
    for case in record["cases"]:
        size = case["texts_a_request"]
        name = f"{size} text{'s' * (size > 1)} a request, {case['clients']} at once"
        rate, work = _side(case["ratio"]), _side(case["processor_ratio"])
        quicker = {
            -1: f"over HTTP {case['ratio']['median']:.0%} of the texts a second, "
            "fewer in every round",
            0: "the rounds do not tell the texts a second over HTTP from those of plain calls",
            1: "more texts a second over HTTP in every round, which cannot be for the calls in it: "
            "something else slowed this process",
        }
        dearer = f"{case['processor_ratio']['median']:.2f} times the processor time"
        yield f"{name}: {quicker[rate]}; {dearer}{', more in every round' if work == 1 else ''}."


def _side(ratio: dict[str, float]) -> int:
    """Return on which side of 1 all rounds lie, 0 for both."""
    return int(ratio["lowest"] > 1) - int(ratio["highest"] < 1)


def _spread(ratio: dict[str, float]) -> str:
    return f"{ratio['median']:.2f} [{ratio['lowest']:.2f}, {ratio['highest']:.2f}]"


def _ratio(values: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return _summed(
        [http / python for http, python in zip(*(values[way] for way in WAYS), strict=True)]
    )


def _summed(ratios: Sequence[float]) -> dict[str, float]:
    found = {"median": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}
    return {name: round(value, 3) for name, value in found.items()}


def _worked(server: int) -> float:
    """Return the processor seconds so far of this process and the server, 1/100 s at best."""
    after_name = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
    ticks = sum(map(int, after_name[11:13]))
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _case(size: int, clients: int, found: Found) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "texts_a_request": size,
        "clients": clients,
        "ratio": _ratio(found.rates),
        "processor_ratio": _ratio(found.worked),
    }
    for way in WAYS:
        figures[f"{way}_per_second"] = round(statistics.median(found.rates[way]), 2)
        figures[f"{way}_ms"] = {
            name: round(float(np.percentile(found.taken[way], q)) * 1000, 2)
            for name, q in _QUANTILES.items()
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


def _together(detector: ScamDetector, texts: Sequence[str], rounds: int) -> dict[str, Any]:
    """Return, by how many messages share a call, its processor time over that of single calls."""
    chosen = texts[: 2 * max(TOGETHER)]
    ratios: dict[str, list[float]] = {str(n): [] for n in TOGETHER}
    for _ in range(rounds):
        alone = _processor_seconds(detector, chosen, 1)
        for n in TOGETHER:
            ratios[str(n)].append(_processor_seconds(detector, chosen, n) / alone)
    return {n: _summed(found) for n, found in ratios.items()}


def _processor_seconds(detector: ScamDetector, texts: Sequence[str], size: int) -> float:
    began = time.process_time()
    for batch in _batches(texts, size, len(texts)):
        detector.predict(list(batch))
    return time.process_time() - began


@contextmanager
def _serving(bundle: Path | None, parallel: int) -> Iterator[tuple[str, int]]:
    """Give the host and port of a server in a process of its own, and its process id."""
    model = [] if bundle is None else ["--model", str(bundle)]
    options = ["--port", "0", "--parallel", str(parallel), "--cache-size", "0", *model]
    server = subprocess.Popen(
        [sys.executable, "-m", "scamdetect", "serve", *options],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        line = server.stderr.readline()
        if "http://" not in line:
            sys.exit(f"serving: {line}")
        yield urlsplit(line.split()[-1]).netloc, server.pid
    finally:
        server.terminate()
        server.wait()


def _poster(address: str) -> Ask:
    """Return a client with a connection of its own."""
    connection = http.client.HTTPConnection(address, timeout=120)

    def ask(batch: Sequence[str]) -> None:
        body = json.dumps({"texts": list(batch)})
        while True:
            connection.request("POST", "/v1/predict", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 503:
                break
            time.sleep(int(answer.headers["Retry-After"]))
        if answer.status != 200 or len(json.loads(content)["predictions"]) != len(batch):
            raise RuntimeError(f"HTTP status {answer.status}")

    return ask


if __name__ == "__main__":
    main()
