"""Compare two bundles of the same model on texts in every language: fp32 and the shipped int8."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scamdetect.calibration.statistics import clopper_pearson
from scamdetect.detector import ScamDetector
from scamdetect.errors import BundleError
from scamdetect.labels import VERDICTS, Verdict
from scamdetect.train.data.mix import balanced_sample
from scamdetect.train.data.table import column, select

LANGUAGE_ROWS = 400  # over 10,000 texts of the corpus in total
MOST_FLIPS = 0.01  # of the texts, at the flag threshold: above this nothing is released

_SCAM = VERDICTS.index(Verdict.SCAM)


@dataclass(frozen=True)
class Parity:
    """The differences between two detectors on the texts of one language, or of all."""

    language: str
    n: int
    verdict_flips: int
    flag_flips: int
    flip_share: tuple[float, float]  # 95 % interval of the share of flag flips (Clopper-Pearson)
    largest_change: float  # of the scam probability
    mean_change: float


def sample_languages(table: pa.Table, limit: int = LANGUAGE_ROWS) -> pa.Table:
    """Return at most ``limit`` rows per language, drawn evenly from its verdicts, slices, kinds."""
    lang = column(table, "lang")
    names = sorted(set(lang.tolist()))
    return pa.concat_tables(balanced_sample(select(table, lang == name), limit) for name in names)


def compare_detectors(
    first: ScamDetector, second: ScamDetector, texts: Sequence[str], languages: Sequence[str]
) -> list[Parity]:
    """Return the parity over all texts (language "all"), then language by language.

    Texts that a detector cannot score are left out. Raises BundleError if none is left.
    """
    a, b = (each.predict_proba(texts).astype(np.float64) for each in (first, second))
    flag = second.thresholds.flag
    change = np.abs(a[:, _SCAM] - b[:, _SCAM])
    verdicts = a.argmax(axis=1) != b.argmax(axis=1)
    flags = (a[:, _SCAM] >= flag) != (b[:, _SCAM] >= flag)
    scored = np.flatnonzero(np.isfinite(change)).tolist()
    if not scored:
        raise BundleError(
            f"none of {len(texts)} texts was scored by both bundles; they need texts to compare on"
        )
    groups: dict[str, list[int]] = defaultdict(list)
    for place in scored:
        groups[languages[place]].append(place)
    named = [("all", scored), *sorted(groups.items())]
    return [
        Parity(
            language,
            len(places),
            int(verdicts[places].sum()),
            int(flags[places].sum()),
            _interval(int(flags[places].sum()), len(places)),
            round(float(change[places].max()), 4),
            round(float(change[places].mean()), 5),
        )
        for language, places in named
    ]


def _interval(flips: int, n: int) -> tuple[float, float]:
    low, high = clopper_pearson(flips, n)
    return round(low, 5), round(high, 5)


def check_parity(parities: Sequence[Parity]) -> None:
    """Raise BundleError if the decision changes for more than MOST_FLIPS of all texts."""
    whole = parities[0]
    # A single row is no evidence: the honest row that sets the threshold is just below it.
    if whole.flag_flips > max(1.0, MOST_FLIPS * whole.n):
        raise BundleError(
            f"int8 changes the flag of {whole.flag_flips} of {whole.n} texts, more than "
            f"{MOST_FLIPS:.0%}: the quantised graph is not released"
        )
