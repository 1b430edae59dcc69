"""Compare two bundles of the same model on texts in every language: fp32 against what ships."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scamdetect.detector import ScamDetector
from scamdetect.errors import BundleError

MOST_FLIPS = 0.01  # of the texts, at the flag threshold


@dataclass(frozen=True)
class Parity:
    """How far two detectors are apart on the texts of one language, or of all."""

    language: str
    n: int
    verdict_flips: int
    flag_flips: int
    largest_change: float  # of the scam probability
    mean_change: float


def compare_detectors(
    first: ScamDetector, second: ScamDetector, texts: Sequence[str], languages: Sequence[str]
) -> list[Parity]:
    """Return the parity over all texts (language "all"), then language by language."""
    a, b = first.predict_proba(texts).astype(np.float64), second.predict_proba(texts)
    flag = second.thresholds.flag
    change = np.abs(a[:, 2] - b[:, 2])
    verdicts = a.argmax(axis=1) != b.argmax(axis=1)
    flags = (a[:, 2] >= flag) != (b[:, 2] >= flag)
    groups: dict[str, list[int]] = defaultdict(list)
    for place, language in enumerate(languages):
        groups[language].append(place)
    named = [("all", list(range(len(texts)))), *sorted(groups.items())]
    return [
        Parity(
            language,
            len(places),
            int(verdicts[places].sum()),
            int(flags[places].sum()),
            round(float(change[places].max()), 4),
            round(float(change[places].mean()), 5),
        )
        for language, places in named
    ]


def check_parity(parities: Sequence[Parity]) -> None:
    """Raise BundleError where more than MOST_FLIPS of all texts change sides at the threshold."""
    whole = parities[0]
    # One row is no evidence: the honest row that sets the threshold lies a hair under it.
    if whole.flag_flips > max(1.0, MOST_FLIPS * whole.n):
        raise BundleError(
            f"int8 changes the flag of {whole.flag_flips} of {whole.n} texts, more than "
            f"{MOST_FLIPS:.0%}: the quantised graph is not released"
        )
