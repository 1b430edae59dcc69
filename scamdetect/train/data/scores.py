"""The scores of each detector for the same rows, and their origin: day, machine, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from scamdetect.calibration.statistics import Bools, Floats
from scamdetect.labels import Decision, Kind
from scamdetect.train.data.table import Objects

if TYPE_CHECKING:
    from scamdetect.detector import ScamDetector

UNDETERMINED = "und"
_LOG_EVERY = 2_000


@dataclass(frozen=True)
class DetectorScores:
    """The scores of one detector for n rows.

    ``scam`` (n,) is NaN if a row is unscored; ``flagged`` (n,) is the decision at the detector's
    own flag threshold. ``kinds`` and ``languages`` (n,) are None if the detector does not report
    them.
    """

    name: str
    scam: Floats
    flagged: Bools
    kinds: tuple[frozenset[Kind], ...] | None = None
    languages: Objects | None = None
    model_id: str | None = None

    def __getitem__(self, rows: slice) -> Self:
        """Return the scores of a range of rows."""
        return replace(
            self,
            scam=self.scam[rows],
            flagged=self.flagged[rows],
            kinds=None if self.kinds is None else self.kinds[rows],
            languages=None if self.languages is None else self.languages[rows],
        )


def score_texts(
    detector: ScamDetector, texts: Sequence[Any], name: str, log: Callable[[str], None]
) -> DetectorScores:
    """Return the detector's scores of the texts through its public API, with its own settings."""
    scam, flagged = np.full(len(texts), np.nan), np.zeros(len(texts), dtype=bool)
    languages = np.full(len(texts), UNDETERMINED, dtype=object)
    kinds: list[frozenset[Kind]] = []
    model_id = None
    for row, prediction in enumerate(detector.stream(texts)):
        if prediction.scam_probability is not None:
            scam[row] = prediction.scam_probability
        flagged[row] = prediction.decision is Decision.FLAG
        languages[row] = prediction.language
        kinds.append(frozenset(score.kind for score in prediction.kinds))
        model_id = prediction.model_id
        if (row + 1) % _LOG_EVERY == 0:
            log(f"{name}: {row + 1:,} of {len(texts):,} rows scored")
    return DetectorScores(name, scam, flagged, tuple(kinds), languages, model_id)


def today() -> str:
    """Return the date in UTC."""
    return datetime.now(UTC).date().isoformat()


def file_stem(model_id: str) -> str:
    """Return the model id in a form for file names."""
    return model_id.replace("@", "-").replace("+", "-")


def machine() -> str:
    """Return the processor, its cores and the system."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"


def commit() -> str | None:
    """Return the commit of the package's checkout and whether it has changed since, or None."""
    git = ["git", "-C", str(Path(__file__).resolve().parent)]
    try:
        head = _output([*git, "rev-parse", "--short=12", "HEAD"])
        changed = _output([*git, "status", "--porcelain", "--untracked-files=no", "--", "../.."])
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{head} with uncommitted changes" if changed else head


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()
