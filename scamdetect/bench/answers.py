"""The interface of detectors in the benchmark, from texts to answers, and the parts of suites."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scamdetect.labels import Kind

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Log = Callable[[str], None]


@dataclass(frozen=True)
class Answers:
    """A detector's answers for n texts.

    ``scam`` (n,) is NaN without an answer; ``problems`` gives the reason, if known, in one of few
    words ("malformed", "refused", "unscored"), never with text of a message. ``flagged`` (n,) is
    the detector's own decision, ``kinds`` the kinds it lists; None if it does not report them.
    ``seconds`` and ``cost`` (n,) are those of each answer, if known.
    """

    scam: Floats
    flagged: Bools | None = None
    kinds: tuple[frozenset[Kind], ...] | None = None
    problems: tuple[str | None, ...] | None = None
    seconds: Floats | None = None
    cost: Floats | None = None


class Score(Protocol):
    """From texts to answers; a plain array (n,) of scam probabilities is accepted."""

    def __call__(self, texts: Sequence[str], /) -> Any:  # noqa: ANN401
        """Return Answers, or anything that numpy converts to (n,) probabilities."""
        ...


@dataclass(frozen=True)
class Training:
    """What a detector was trained on, as far as known, for ``seen`` suites and contamination."""

    sources: frozenset[str] = frozenset()
    generators: frozenset[str] = frozenset()
    corpus_sha256: str | None = None


@dataclass(frozen=True)
class Detector:
    """A detector ready to score.

    ``identity`` decides whether cached scores are still valid: a model id, a hash, a URL with the
    prompt. ``batch`` is the number of texts per call, ``parallel`` that of simultaneous calls
    (threads).
    """

    name: str
    identity: str
    score: Score
    training: Training | None = None  # None: unknown
    batch: int = 256
    parallel: int = 1
    note: str = ""  # a note for readers of its figures


@dataclass(frozen=True)
class Setting:
    """Settings for a loader of detectors, in addition to its target.

    ``corpus`` is the file of ``scamdetect data build``, or None; ``folder`` stores what the
    detector keeps between runs (fitted baselines, paid answers).
    """

    folder: Path
    log: Log
    corpus: Path | None = None
    label_map: dict[str, str] | None = None
    timeout: float = 60.0
    parallel: int = 4
    price: tuple[float, float] | None = None  # per million tokens in and out


@dataclass(frozen=True)
class Material:
    """The source of the suites' rows; None for missing ones.

    ``corpus`` is the file of ``scamdetect data build``, ``authored`` the folder of the project's
    own messages.
    """

    corpus: Path | None
    authored: Path | None
    log: Log
