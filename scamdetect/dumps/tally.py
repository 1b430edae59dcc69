"""Count the results for the records of a dump, and stop a job at too many rejects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from scamdetect.calibration.presets import Preset
from scamdetect.dumps.batches import Reject
from scamdetect.errors import InputError
from scamdetect.labels import Decision
from scamdetect.prediction import ALLOWED, CLEARED, LISTED, Prediction

Progress = Callable[[int, float], None]  # records read so far, share of the source read
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Tally:
    """The number of rows by decision; kinds and languages are those of flagged rows.

    A message of two kinds counts for both; one without scores has no verdict. ``cleared`` counts
    the rows cleared early, ``allowed`` those that passed only because of an allow-list, ``listed``
    those with a listed indicator, ``held`` those of them that would have passed. ``feeds`` counts
    the rows with an indicator of each feed, ``feeds_first`` those among the first rows.
    """

    decisions: Counter[Decision] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    cleared: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    allowed: int = 0
    listed: int = 0
    held: int = 0
    feeds: Counter[str] = field(default_factory=Counter)
    feeds_first: Counter[str] = field(default_factory=Counter)

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
            self.listed + other.listed,
            self.held + other.held,
            self.feeds + other.feeds,
            self.feeds_first + other.feeds_first,
        )

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Self:
        """Return the tally of its JSON; raise KeyError, TypeError, ValueError for anything else."""
        return cls(
            Counter({Decision(name): int(n) for name, n in value["decisions"].items()}),
            Counter({str(name): int(n) for name, n in value["kinds"].items()}),
            Counter({str(name): int(n) for name, n in value["languages"].items()}),
            int(value["rejected"]),
            int(value["cleared"]),
            Counter({str(name): int(n) for name, n in value["verdicts"].items()}),
            int(value.get("allowed", 0)),  # older jobs had no lists
            int(value.get("listed", 0)),
            int(value.get("held", 0)),
            Counter({str(name): int(n) for name, n in value.get("feeds", {}).items()}),
            Counter({str(name): int(n) for name, n in value.get("feeds_first", {}).items()}),
        )


def count(predictions: Iterable[Prediction], rejected: int) -> Tally:
    """Return the tally of one batch."""
    decisions: Counter[Decision] = Counter()
    kinds: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    cleared = allowed = held = 0
    for prediction in predictions:
        decisions[prediction.decision] += 1
        if prediction.verdict is not None:
            verdicts[prediction.verdict.value] += 1
        cleared += prediction.reason == CLEARED
        allowed += (prediction.reason or "").startswith(ALLOWED)
        held += (prediction.reason or "").startswith(LISTED)
        if prediction.decision is Decision.FLAG:
            languages[prediction.language] += 1
            kinds.update(score.kind.value for score in prediction.kinds)
    return Tally(decisions, kinds, languages, rejected, cleared, verdicts, allowed, held=held)


@dataclass(frozen=True)
class Standing:
    """The progress of a job: ``share`` (0 to 1) of the source is read, ``parts`` are finished.

    ``ended`` is True if the last part has just finished. ``resumed`` and ``resumed_share`` are the
    records, and their share of the source, of earlier runs; ``seconds`` excludes those runs.
    """

    tally: Tally
    share: float
    parts: int
    ended: bool
    seconds: float
    resumed: int = 0
    resumed_share: float = 0.0

    @property
    def rate(self) -> float:
        """Return the records per second of this run."""
        return (self.tally.records - self.resumed) / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Return the remaining seconds at the speed of this run, or None if unknown."""
        read = self.share - self.resumed_share
        return self.seconds * (1 - self.share) / read if read > 0 else None


Watch = Callable[[Standing], None]


@dataclass(frozen=True)
class Summary:
    """The results for a dump; a message of two kinds counts for both."""

    destination: Path
    rejects: Path | None  # where the rejected records are, if any
    model_id: str
    rows: int
    written: int  # of the rows, those in the destination
    flagged: int
    review: int
    passed: int
    unscored: int
    rejected: int
    cleared: int  # of those passed, early
    flagged_by_kind: dict[str, int]  # most frequent first
    flagged_by_language: dict[str, int]
    seconds: float
    notes: tuple[str, ...] = ()  # how the source was read
    resumed: int = 0  # of the rows, those that earlier runs had scored
    verdicts: dict[str, int] = field(default_factory=dict)  # of scored rows, most frequent first
    allowed: int = 0  # of those passed, only because of an allow-list
    listed: int = 0  # with a listed indicator
    held: int = 0  # of those reviewed, only because of a listed indicator
    listed_by_feed: dict[str, int] = field(default_factory=dict)  # most frequent first
    preset: Preset | None = None  # whose threshold ``flag`` was


def summarise(
    tally: Tally,
    *,
    destination: Path,
    model_id: str,
    seconds: float,
    rejects: Path | None = None,
    only_flagged: bool = False,
    notes: tuple[str, ...] = (),
    resumed: int = 0,
    preset: Preset | None = None,
) -> Summary:
    """Return the summary of a finished job; ``only_flagged`` if it wrote no other rows."""
    flagged = tally.decisions[Decision.FLAG]
    return Summary(
        destination=destination,
        rejects=rejects,
        model_id=model_id,
        rows=tally.rows,
        written=flagged if only_flagged else tally.rows,
        flagged=flagged,
        review=tally.decisions[Decision.REVIEW],
        passed=tally.decisions[Decision.PASS],
        unscored=tally.decisions[Decision.UNSCORED],
        rejected=tally.rejected,
        cleared=tally.cleared,
        flagged_by_kind=dict(tally.kinds.most_common()),
        flagged_by_language=dict(tally.languages.most_common()),
        seconds=seconds,
        notes=notes,
        resumed=resumed,
        verdicts=dict(tally.verdicts.most_common()),
        allowed=tally.allowed,
        listed=tally.listed,
        held=tally.held,
        listed_by_feed=dict(tally.feeds.most_common()),
        preset=preset,
    )


# A percentage of fewer records is unreliable: one bad line of ten is not a tenth of a dump.
MIN_RECORDS = 1000

_GIVEN = re.compile(r"(\d{1,18})|(\d{1,18}(?:\.\d{1,18})?)\s*%")
_MOST_QUOTED = 40


@dataclass(frozen=True)
class RejectLimit:
    """The most records, or the largest percentage of them, that may be rejected."""

    given: str
    count: int | None = None
    percent: Decimal | None = None


def reject_limit(
    given: str | int, option: str = "max_rejects (--max-rejects)", what: str = "records"
) -> RejectLimit:
    """Return the limit for ``N`` or ``P%``; raise InputError, with the option, otherwise."""
    found = _GIVEN.fullmatch(str(given).strip())
    percent = Decimal(found[2]) if found is not None and found[2] else None
    if found is None or (percent is not None and percent > 100):
        raise InputError(
            f"{option} must be a number of {what} or a percentage such as 0.5%; got "
            f"{str(given)[:_MOST_QUOTED]!r}"
        )
    return RejectLimit(str(given), int(found[1]) if found[1] else None, percent)


def check_rejects(
    limit: RejectLimit | None, source: Path | str, tally: Tally, last: Reject | None, *, ended: bool
) -> None:
    """Raise InputError if more records were rejected than the limit allows.

    A percentage applies from 1,000 records on, and to all of them once the source has ``ended``.
    """
    if limit is None or (limit.percent is not None and tally.records < MIN_RECORDS and not ended):
        return
    over = (
        tally.rejected > limit.count
        if limit.count is not None
        else limit.percent is not None and tally.rejected * 100 > limit.percent * tally.records
    )
    if over:
        file = "" if last is None or last.file is None else f" of {last.file}"
        place = "" if last is None else f", the last at line {last.line}{file} ({last.reason})"
        raise InputError(
            f"{source}: {tally.rejected:,} of {tally.records:,} records cannot be read{place}; "
            f"--max-rejects is {limit.given}: correct the source or allow more"
        )
