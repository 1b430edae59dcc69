"""How often the language of a message is told right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scamdetect.calibration.statistics import Bools, Estimate, recall
from scamdetect.train.data.scores import UNDETERMINED
from scamdetect.train.data.table import Objects

SMALLEST_LANGUAGE = 10
_SAME = {"fil": "tl", "in": "id", "iw": "he"}  # two codes for one language


@dataclass(frozen=True, slots=True)
class LanguageAccuracy:
    """How a detector names languages; ``accuracy`` counts answered rows, ``und`` stands apart."""

    name: str
    n: int
    undetermined: int
    accuracy: Estimate | None
    by_language: dict[str, LanguageAccuracy]


def language_accuracy(name: str, truth: Objects, told: Objects) -> LanguageAccuracy:
    """Compare the told languages (n,) with the corpus', leaving out rows whose own is unknown.

    Languages under ten rows count in the total only.
    """
    expected, answers = _plain(truth), _plain(told)
    known = expected != UNDETERMINED
    by_language = {
        lang: _measure(lang, expected, answers, rows)
        for lang in sorted(set(expected[known]))
        if (rows := expected == lang).sum() >= SMALLEST_LANGUAGE
    }
    return _measure(name, expected, answers, known, by_language)


def _measure(
    name: str,
    expected: Objects,
    answers: Objects,
    rows: Bools,
    by_language: dict[str, LanguageAccuracy] | None = None,
) -> LanguageAccuracy:
    answered = rows & (answers != UNDETERMINED)
    return LanguageAccuracy(
        name=name,
        n=int(rows.sum()),
        undetermined=int(rows.sum() - answered.sum()),
        accuracy=recall(expected[answered] == answers[answered]),
        by_language=by_language or {},
    )


def _plain(codes: Objects) -> Objects:
    primary = [str(code).lower().replace("_", "-").split("-")[0] for code in codes]
    return np.array([_SAME.get(code, code) for code in primary], dtype=object)
