"""Count what became of the records of a dump."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from scamdetect.labels import Decision
from scamdetect.prediction import ALLOWED, CLEARED, Prediction

Progress = Callable[[int, float], None]  # records read so far, share of the source read
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Tally:
    """How many rows got which decision; kinds and languages are those of flagged rows.

    A message of two kinds counts under both, one without scores has no verdict. ``cleared`` are
    the rows that the first tier passed alone, ``allowed`` those that only an allow-list let pass.
    """

    decisions: Counter[Decision] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    cleared: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    allowed: int = 0

    @property
    def rows(self) -> int:
        """Return the number of readable rows."""
        return self.decisions.total()

    @property
    def records(self) -> int:
        """Return the number of rows and rejected records."""
        return self.rows + self.rejected

    def __add__(self, other: Self) -> Tally:
        return Tally(
            self.decisions + other.decisions,
            self.kinds + other.kinds,
            self.languages + other.languages,
            self.rejected + other.rejected,
            self.cleared + other.cleared,
            self.verdicts + other.verdicts,
            self.allowed + other.allowed,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "decisions": {decision.value: count for decision, count in self.decisions.items()},
            "kinds": dict(self.kinds),
            "languages": dict(self.languages),
            "rejected": self.rejected,
            "cleared": self.cleared,
            "verdicts": dict(self.verdicts),
            "allowed": self.allowed,
        }

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Self:
        """Return what ``to_dict`` was called on; raise KeyError, TypeError, ValueError on else."""
        return cls(
            Counter({Decision(name): int(n) for name, n in value["decisions"].items()}),
            Counter({str(name): int(n) for name, n in value["kinds"].items()}),
            Counter({str(name): int(n) for name, n in value["languages"].items()}),
            int(value["rejected"]),
            int(value["cleared"]),
            Counter({str(name): int(n) for name, n in value["verdicts"].items()}),
            int(value.get("allowed", 0)),  # older jobs had no lists
        )


def count(predictions: Iterable[Prediction], rejected: int) -> Tally:
    """Return the tally of one batch."""
    decisions: Counter[Decision] = Counter()
    kinds: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    cleared = allowed = 0
    for prediction in predictions:
        decisions[prediction.decision] += 1
        if prediction.verdict is not None:
            verdicts[prediction.verdict.value] += 1
        cleared += prediction.reason == CLEARED
        allowed += (prediction.reason or "").startswith(ALLOWED)
        if prediction.decision is Decision.FLAG:
            languages[prediction.language] += 1
            kinds.update(score.kind.value for score in prediction.kinds)
    return Tally(decisions, kinds, languages, rejected, cleared, verdicts, allowed)


@dataclass(frozen=True)
class ThreadCounts:
    """How many threads there are, and how many of them are flagged, to review, too short to tell.

    ``messages`` are those in threads, ``own`` those of the side that is not judged, if one is.
    """

    threads: int
    flagged: int
    review: int
    needs_context: int
    messages: int
    own: int | None = None


@dataclass(frozen=True)
class Standing:
    """How far a job is: ``share`` (0 to 1) of the source is read, ``parts`` are finished.

    ``ended`` says that the last part was finished just now. Once all are, threads are judged:
    ``threads_share`` is the share of their messages that is, and ``ended`` that of a bucket.
    ``resumed`` and ``resumed_share`` are the records, and their share of the source, that earlier
    runs had done; ``seconds`` count from there.
    """

    tally: Tally
    share: float
    parts: int
    ended: bool
    seconds: float
    resumed: int = 0
    resumed_share: float = 0.0
    threads_share: float | None = None

    @property
    def rate(self) -> float:
        """Return the records a second of this run."""
        return (self.tally.records - self.resumed) / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Return the seconds to the end at the pace of this run, None where nothing tells."""
        read = self.share - self.resumed_share
        return self.seconds * (1 - self.share) / read if read > 0 else None


Watch = Callable[[Standing], None]
