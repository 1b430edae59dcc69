"""What a loader of detectors is given in tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from scamdetect.bench.answers import Setting


@dataclass
class Logged:
    """A log that is kept."""

    lines: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        self.lines.append(line)


def setting(
    folder: Path,
    log: Logged | None = None,
    corpus: Path | None = None,
    label_map: dict[str, str] | None = None,
) -> Setting:
    """Return a setting that keeps things in the folder."""
    return Setting(folder=folder, log=log or Logged(), corpus=corpus, label_map=label_map)
