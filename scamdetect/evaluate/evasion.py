"""Measure the cost of disguises: recall kept on scams, flags added on honest text."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scamdetect.calibration.statistics import (
    Bools,
    Estimate,
    Floats,
    as_scores,
    auc,
    false_positive_rate,
    ratio_by_group,
    recall,
)
from scamdetect.train.perturb import PERTURBATIONS, perturb

STRENGTHS = {"light": 0.2, "medium": 0.6, "heavy": 1.0}  # share of the words
MIXED = ("leet", "zero_width", "link_tricks")
EVASIONS = tuple((name,) for name in PERTURBATIONS) + (MIXED,)
KEPT = {"light": 0.98, "medium": 0.95}  # of the clean recall, at the flag threshold
MORE_FLAGS = 0.005  # maximum, of the honest texts
ALL = "all together"
FEWEST_FLAGGED = 20  # clean scams flagged, the minimum for a figure of what is kept
_RESAMPLES = 200


@dataclass(frozen=True, slots=True)
class Message:
    """A message to disguise; ``seed`` sets how, and ``group`` is the unit of counting flags."""

    text: str
    seed: str
    scam: bool
    group: str


@dataclass(frozen=True, slots=True)
class Rates:
    """Clean and disguised shares above one threshold."""

    recall: tuple[Estimate | None, Estimate | None]
    fpr: tuple[Estimate | None, Estimate | None]
    legit_by_group: dict[str, tuple[int, int, int]]  # n, above the threshold clean, disguised


@dataclass(frozen=True, slots=True)
class EvasionResult:
    """The effect of one evasion at one strength on the messages that it changes."""

    evasion: str
    strength: str
    n_scam: int
    n_legit: int
    auc: tuple[float | None, float | None]
    rates: dict[str, Rates]  # by the threshold's name
    kept: dict[str, Estimate | None]  # disguised by clean recall; n: messages flagged clean


@dataclass(frozen=True, slots=True)
class Disguised:
    """The messages that evasions change: indices (n,) in the list, and the texts."""

    evasion: str
    strength: str
    places: tuple[int, ...]
    texts: tuple[str, ...]


def disguise(messages: Sequence[Message], strengths: Sequence[str]) -> list[Disguised]:
    """Return the messages under every evasion at these strengths, unchanged ones left out."""
    found = []
    for names in EVASIONS:
        for strength in strengths:
            texts = [perturb(m.text, names, m.seed, STRENGTHS[strength]) for m in messages]
            changed = [n for n, text in enumerate(texts) if text != messages[n].text]
            kept = tuple(texts[place] for place in changed)
            found.append(Disguised("+".join(names), strength, tuple(changed), kept))
    return found


def script(text: str) -> str:
    """Return the script of most letters by its Unicode name, such as "CYRILLIC", or "-"."""
    names = (unicodedata.name(letter, "-") for letter in text if letter.isalpha())
    found = Counter(name.split(" ")[0] for name in names)
    return found.most_common(1)[0][0] if found else "-"


def evasion_results(
    messages: Sequence[Message],
    disguised: Sequence[Disguised],
    clean: Floats,
    scores: Floats,
    thresholds: dict[str, float],
) -> list[EvasionResult]:
    """Return the figures by evasion and strength, then over all evasions of a strength.

    ``clean`` (messages,) are the scores of the messages, ``scores`` those of the disguised texts in
    order.
    """
    before, after = as_scores(clean), as_scores(scores)
    results, start = [], 0
    pooled: dict[str, list[tuple[np.ndarray, Floats]]] = {}
    for one in disguised:
        found = after[start : start + len(one.texts)]
        start += len(one.texts)
        places = np.array(one.places, dtype=np.intp)
        pooled.setdefault(one.strength, []).append((places, found))
        results.append(
            _result(one.evasion, one.strength, messages, places, before[places], found, thresholds)
        )
    for strength, parts in pooled.items():
        places = np.concatenate([part for part, _ in parts])
        found = np.concatenate([part for _, part in parts])
        results.append(_result(ALL, strength, messages, places, before[places], found, thresholds))
    return results


def _result(
    evasion: str,
    strength: str,
    messages: Sequence[Message],
    places: np.ndarray,
    before: Floats,
    after: Floats,
    thresholds: dict[str, float],
) -> EvasionResult:
    scam = np.array([messages[place].scam for place in places], dtype=bool)
    groups = np.array([messages[place].group for place in places], dtype=object)
    areas = [auc(values, scam) for values in (before, after)]
    return EvasionResult(
        evasion=evasion,
        strength=strength,
        n_scam=int(scam.sum()),
        n_legit=int((~scam).sum()),
        auc=(_known(areas[0]), _known(areas[1])),
        rates={
            name: _rates(scam, groups, before >= value, after >= value)
            for name, value in thresholds.items()
        },
        kept={
            name: _kept(before[scam] >= value, after[scam] >= value, places[scam])
            for name, value in thresholds.items()
        },
    )


def _rates(scam: Bools, groups: np.ndarray, before: Bools, after: Bools) -> Rates:
    by_group = {}
    for name in sorted(set(groups[~scam])):
        rows = ~scam & (groups == name)
        by_group[name] = (int(rows.sum()), int(before[rows].sum()), int(after[rows].sum()))
    return Rates(
        recall=(recall(before[scam]), recall(after[scam])),
        fpr=(false_positive_rate(before[~scam]), false_positive_rate(after[~scam])),
        legit_by_group=by_group,
    )


def _kept(before: Bools, after: Bools, places: np.ndarray) -> Estimate | None:
    """Return the share of the recall that is left; messages are resampled with all their disguises.

    None with fewer than 20 messages that are flagged clean.
    """
    n = np.unique(places[before]).size
    return ratio_by_group(before, after, places, n, _RESAMPLES) if n >= FEWEST_FLAGGED else None


def _known(area: float) -> float | None:
    return None if np.isnan(area) else area
