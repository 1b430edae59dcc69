"""Count the results of a job, limit its rejects, and describe it for readers of the result."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import scamdetect
from scamdetect.calibration.presets import Preset
from scamdetect.dumps.formats import job_path
from scamdetect.errors import InputError
from scamdetect.labels import Decision
from scamdetect.prediction import ALLOWED, CLEARED, LISTED, Prediction
from scamdetect.system.files import read_text

Counts = Counter[str]  # by names such as ``decision:flag``, and rows, rejected, listed, ...
_LIMIT = re.compile(r"(\d{1,18})|(\d{1,9}(?:\.\d{1,9})?)\s*%")


def count(predictions: Sequence[Prediction]) -> Counts:
    """Return the counts of a batch; kinds and languages are those of flagged rows."""
    counts = Counts(rows=len(predictions))
    for prediction in predictions:
        reason = prediction.reason or ""
        counts[f"decision:{prediction.decision.value}"] += 1
        if prediction.verdict is not None:
            counts[f"verdict:{prediction.verdict.value}"] += 1
        counts["cleared"] += reason == CLEARED
        counts["allowed"] += reason.startswith(ALLOWED)
        counts["held"] += reason.startswith(LISTED)
        if prediction.decision is Decision.FLAG:
            counts[f"language:{prediction.language}"] += 1
            counts.update(f"kind:{score.kind.value}" for score in prediction.kinds)
    return +counts


@dataclass(frozen=True)
class Progress:
    """How far a job is: ``share`` (0 to 1) of the source is read, ``parts`` are finished.

    ``seconds``, ``resumed`` records and ``resumed_share`` separate this run from earlier ones.
    ``part_ended`` is True if a part has just been finished.
    """

    counts: Counts
    share: float
    parts: int
    seconds: float
    resumed: int = 0
    resumed_share: float = 0.0
    part_ended: bool = False

    @property
    def rate(self) -> float:
        """Return the records per second of this run."""
        done = self.counts["rows"] + self.counts["rejected"] - self.resumed
        return done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Return the remaining seconds at the speed of this run, or None if unknown."""
        read = self.share - self.resumed_share
        return self.seconds * (1 - self.share) / read if read > 0 else None


@dataclass(frozen=True)
class Summary:
    """The results of a dump; a message of two kinds counts for both.

    ``damaged`` rows have bytes that could not be decoded, which are among the ``rejects``.
    ``allowed`` rows passed only by the allow-list; ``listed`` ones have a listed indicator, and
    ``held`` ones are in review only for it.
    """

    destination: Path | Any
    rejects: Path | Any
    model_id: str
    rows: int
    written: int
    flagged: int
    review: int
    passed: int
    unscored: int
    rejected: int
    damaged: int
    cleared: int
    allowed: int
    listed: int
    held: int
    verdicts: dict[str, int]
    flagged_by_kind: dict[str, int]
    flagged_by_language: dict[str, int]
    listed_by_feed: dict[str, int]
    seconds: float
    preset: Preset | None = None
    resumed: int = 0
    notes: tuple[str, ...] = ()


def summarise(counts: Counts, *, only_flagged: bool, **known: Any) -> Summary:  # noqa: ANN401
    """Return the summary of the counts; ``known`` are the other fields."""

    def by(group: str) -> dict[str, int]:
        """Return the counts of a group such as ``kind``, the most frequent first."""
        own = {name: n for name, n in counts.items() if name.startswith(f"{group}:")}
        return {name.partition(":")[2]: n for name, n in Counter(own).most_common()}

    plain = ("rows", "rejected", "damaged", "cleared", "allowed", "listed", "held")
    known |= {name: counts[name] for name in plain}
    return Summary(
        written=counts["decision:flag" if only_flagged else "rows"],
        flagged=counts["decision:flag"],
        review=counts["decision:review"],
        passed=counts["decision:pass"],
        unscored=counts["decision:unscored"],
        verdicts=by("verdict"),
        flagged_by_kind=by("kind"),
        flagged_by_language=by("language"),
        listed_by_feed=by("feed"),
        **known,
    )


def exceeds(limit: str | int | None, number: int, total: int, option: str) -> bool:
    """Return True if the number is over a limit of ``N`` or ``P%`` of the total."""
    match = _LIMIT.fullmatch("100%" if limit is None else str(limit).strip())
    if match is None or float(match[2] or 0) > 100:
        raise InputError(f"{option} must be a number or a percentage such as 0.5%")
    return number > (int(match[1]) if match[1] else float(match[2]) * total / 100)


@dataclass(frozen=True)
class JobRecord:
    """``<destination>.job.json``: how a result was made, for its readers.

    ``cleared`` is True if some messages were cleared early, without the encoder.
    """

    model_id: str
    flag: float
    review: float
    preset: str | None
    cleared: bool
    source: str
    source_format: str
    text_column: str
    rows: int
    written: int
    options: dict[str, Any] = field(default_factory=dict)
    scamdetect: str = scamdetect.__version__

    def to_json(self) -> str:
        """Return the content of the file."""
        return f"{json.dumps(asdict(self), indent=1, ensure_ascii=False)}\n"


def read_job_record(scored: Path) -> JobRecord | None:
    """Return the record of a scored file, None if there is none; raise InputError if damaged."""
    path = job_path(scored)
    if not path.exists():
        return None
    try:
        return JobRecord(**json.loads(read_text(path)))
    except (OSError, ValueError, TypeError, RecursionError):
        raise InputError(
            f"{path}: damaged, or of another version; score again with --overwrite"
        ) from None
