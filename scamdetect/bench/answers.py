"""What a detector is to the benchmark: a callable from texts to answers; what suites consist of."""

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
    """What a detector says of n texts.

    ``scam`` (n,) holds NaN where there is no answer; ``problems`` says why where it is known, in
    one of few words ("malformed", "refused", "unscored"), never with text of a message. ``flagged``
    (n,) is the detector's own decision, ``kinds`` what it names; None where it does not tell.
    ``seconds`` and ``cost`` (n,) are those of each answer, where they can be told.
    """

    scam: Floats
    flagged: Bools | None = None
    kinds: tuple[frozenset[Kind], ...] | None = None
    problems: tuple[str | None, ...] | None = None
    seconds: Floats | None = None
    cost: Floats | None = None


class Score(Protocol):
    """Texts to answers; a plain array (n,) of scam probabilities will do."""

    def __call__(self, texts: Sequence[str], /) -> Any:  # noqa: ANN401
        """Return Answers, or what numpy turns into (n,) probabilities."""
        ...


@dataclass(frozen=True)
class Training:
    """What a detector is known to have learnt from, for ``seen`` suites and contamination."""

    sources: frozenset[str] = frozenset()
    generators: frozenset[str] = frozenset()
    corpus_sha256: str | None = None


@dataclass(frozen=True)
class Detector:
    """A detector ready to score.

    ``identity`` decides whether kept scores are still its own: a model id, a hash, a URL with the
    prompt. ``batch`` texts go into a call, ``parallel`` calls may run at once (threads).
    """

    name: str
    identity: str
    score: Score
    training: Training | None = None  # None: not known
    batch: int = 256
    parallel: int = 1
    note: str = ""  # what a reader of its figures should know


@dataclass(frozen=True)
class Setting:
    """What a loader of detectors may use besides its target.

    ``corpus`` is the file of ``scamdetect data build``, None where there is none; ``folder`` is for
    what the detector keeps between runs (fitted baselines, answers that cost money).
    """

    folder: Path
    log: Log
    corpus: Path | None = None
    label_map: dict[str, str] | None = None
    timeout: float = 60.0
    per_second: float | None = None  # calls, at most
    max_calls: int | None = None
    parallel: int = 4
    price: tuple[float, float] | None = None  # per million tokens in and out


class Rewriter(Protocol):
    """Rewrites messages: what it is asked for, a text and its language give another text."""

    @property
    def name(self) -> str:
        """Return what rewrites: "rules", or the model."""
        ...

    @property
    def changes(self) -> dict[str, str]:
        """Return what can be asked for, and how it is done (a prompt) by name."""
        ...

    def rewrite(self, text: str, lang: str, change: str) -> str | None:
        """Return the text as asked, None where there is no such text (refused, unchanged)."""
        ...


@dataclass(frozen=True)
class Material:
    """Where the rows of suites come from; None for what is not there.

    ``corpus`` is the file of ``scamdetect data build``, ``authored`` the folder of the project's
    own messages, ``rewriter`` what the suite ``rewrite`` is made with.
    """

    corpus: Path | None
    authored: Path | None
    log: Log
    rewriter: Rewriter | None = None
