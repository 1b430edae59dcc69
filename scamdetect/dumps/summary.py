"""What became of a dump as a whole, on whichever engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from scamdetect.calibration.presets import Preset
from scamdetect.dumps.tally import Tally, ThreadCounts
from scamdetect.labels import Decision
from scamdetect.scored.campaigns import Campaign


@dataclass(frozen=True)
class Summary:
    """What became of a dump; a message of two kinds counts under both."""

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
    cleared: int  # of those passed, by the first tier alone
    flagged_by_kind: dict[str, int]  # most frequent first
    flagged_by_language: dict[str, int]
    seconds: float
    notes: tuple[str, ...] = ()  # what was decided about how to read the source
    resumed: int = 0  # of the rows, those that earlier runs had scored
    verdicts: dict[str, int] = field(default_factory=dict)  # of scored rows, most frequent first
    groups: Path | None = None  # where one row a group is, if asked for
    campaigns: tuple[Campaign, ...] = ()  # the largest ones of two messages and more
    allowed: int = 0  # of those passed, what only an allow-list let pass
    threads: Path | None = None  # where one row a thread is, if asked for
    thread_counts: ThreadCounts | None = None
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
    groups: Path | None = None,
    campaigns: tuple[Campaign, ...] = (),
    threads: Path | None = None,
    thread_counts: ThreadCounts | None = None,
    preset: Preset | None = None,
) -> Summary:
    """Return the summary of a job that has counted this; ``only_flagged`` if it wrote no others."""
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
        groups=groups,
        campaigns=campaigns,
        allowed=tally.allowed,
        threads=threads,
        thread_counts=thread_counts,
        preset=preset,
    )
