"""Measure whether the spans of explanations carry the score: score texts again without them.

Deletion and insertion curves after Petsiuk et al. (RISE, BMVC 2018), comprehensiveness and
sufficiency after DeYoung et al. (ERASER, ACL 2020). A weight is the decrease of the logit without
only that span, so the first deletion is the largest among the spans by construction; the figures
show whether it beats parts that are not spans, and whether the order holds when spans are removed
together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from scamdetect.calibration.statistics import (
    Bools,
    Estimate,
    Floats,
    mean_by_group,
)
from scamdetect.explain.occlusion import Detector, Span, strengths, word_borders
from scamdetect.labels import VERDICTS, Verdict

SHARES = np.linspace(0, 1, 11)  # of the characters of all spans
ORDERS = ("weight", "random", "reverse")

_SCAM = VERDICTS.index(Verdict.SCAM)
_DRAWS = 3  # random orders per text
_WINDOWS = 5  # parts as long as the strongest span
_FINE = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True)
class Explained:
    """A text, the spans of its explanation, and the group for resampling."""

    text: str
    spans: tuple[Span, ...]
    group: str


@dataclass(frozen=True)
class Deletion:
    """The scam probabilities of one text without its spans.

    ``curves`` (101,) of each order over the share of removed characters; ``random`` is the mean of
    its draws. ``strongest`` is the probability without the span of the largest weight, ``windows``
    without each of up to five parts of about its length, at least half outside it. ``marked`` is
    the share of characters marked in displays, ``without`` and ``only`` the probabilities without
    them and with only them, ``random_without`` and ``random_only`` the same for spans in random
    order up to that share.
    """

    whole: float
    curves: dict[str, Floats]
    strongest: float
    windows: Floats
    marked: float
    without: float
    only: float
    random_without: float
    random_only: float


@dataclass(frozen=True)
class Faithfulness:
    """Means over texts; areas and drops are of probabilities, gains are paired differences.

    ``curves`` holds the mean probability at each of SHARES. ``deletion`` is the area under the
    curve, where less is better, ``insertion`` the area when spans are added back in that order,
    where more is better. ``windows_beaten`` is the share of other parts whose removal lowers the
    probability less than that of the strongest span, ties counting half. ``still_flagged`` counts
    texts without their strongest span, one of those parts, the marked parts, and with only these.
    """

    n: int
    spans: float
    curves: dict[str, list[float]]
    deletion: dict[str, float]
    deletion_gain: Estimate | None
    insertion: dict[str, float]
    insertion_gain: Estimate | None
    strongest_drop: Estimate | None
    window_drop: Estimate | None
    windows_beaten: Estimate | None
    marked: float
    comprehensiveness: Estimate | None
    random_comprehensiveness: Estimate | None
    sufficiency: Estimate | None
    random_sufficiency: Estimate | None
    still_flagged: dict[str, float | None]


def delete(detector: Detector, texts: Sequence[Explained], seed: int = 0) -> list[Deletion]:
    """Return the probabilities of each text, which has at least two spans, as spans are removed.

    A text left without letters counts as 0. The order "random" is a mean of three draws.
    """
    plans = [_Plan(one, np.random.default_rng([seed, row])) for row, one in enumerate(texts)]
    asked = list(dict.fromkeys(text for plan in plans for text in plan.texts()))
    found = np.nan_to_num(detector.predict_proba(asked)[:, _SCAM].astype(np.float64))
    scores = dict(zip(asked, found.tolist(), strict=True))
    return [plan.measured(scores) for plan in plans]


def summarise(
    texts: Sequence[Explained], found: Sequence[Deletion], threshold: float
) -> Faithfulness:
    """Return the means over the texts, with intervals from resampled groups.

    ``threshold`` is the probability at which a text is flagged.
    """
    groups = np.array([one.group for one in texts], dtype=object)
    whole = np.array([one.whole for one in found])
    compared = np.array([one.windows.size > 0 for one in found], dtype=bool)
    curves = {order: np.stack([one.curves[order] for one in found]) for order in ORDERS}
    # Adding spans in an order is deleting them in the reverse one, read from its end.
    back = {
        order: curves[other][:, ::-1] for order, other in zip(ORDERS, ORDERS[::-1], strict=True)
    }

    def mean(values: Iterable[float], rows: Bools | None = None) -> Estimate | None:
        kept = slice(None) if rows is None else rows
        return mean_by_group(np.array(list(values))[kept], groups[kept])

    def flagged(values: Iterable[float]) -> float:
        return float(np.mean(np.array(list(values)) >= threshold))

    areas = {order: _area(curve) for order, curve in curves.items()}
    areas_back = {order: _area(curve) for order, curve in back.items()}
    windows = [float(one.windows.mean()) if one.windows.size else np.nan for one in found]
    return Faithfulness(
        n=len(found),
        spans=float(np.mean([len(one.spans) for one in texts])),
        curves={
            order: [float(value) for value in curve.mean(axis=0)[:: _FINE.size // 10]]
            for order, curve in curves.items()
        },
        deletion={order: float(area.mean()) for order, area in areas.items()},
        deletion_gain=mean(areas["random"] - areas["weight"]),
        insertion={order: float(area.mean()) for order, area in areas_back.items()},
        insertion_gain=mean(areas_back["weight"] - areas_back["random"]),
        strongest_drop=mean(whole - [one.strongest for one in found], compared),
        window_drop=mean(whole - windows, compared),
        windows_beaten=mean((_beaten(one) for one in found), compared),
        marked=float(np.mean([one.marked for one in found])),
        comprehensiveness=mean(one.whole - one.without for one in found),
        random_comprehensiveness=mean(one.whole - one.random_without for one in found),
        sufficiency=mean(one.whole - one.only for one in found),
        random_sufficiency=mean(one.whole - one.random_only for one in found),
        still_flagged={
            "without_strongest": flagged(one.strongest for one in found),
            "without_window": _known(
                (one.windows >= threshold).mean() for one in found if one.windows.size
            ),
            "without_marked": flagged(one.without for one in found),
            "only_marked": flagged(one.only for one in found),
        },
    )


class _Plan:
    """The texts to score for one explained text."""

    def __init__(self, explained: Explained, generator: np.random.Generator) -> None:
        self._text, self._spans = explained.text, explained.spans
        weights = np.array([span.weight for span in self._spans])
        count = len(self._spans)
        down = np.argsort(-weights, kind="stable").tolist()
        self._orders = {
            "weight": [down],
            "random": [generator.permutation(count).tolist() for _ in range(_DRAWS)],
            "reverse": [down[::-1]],
        }
        self._strongest = self._spans[down[0]]
        self._marked = {place for place, strength in enumerate(strengths(self._spans)) if strength}
        self._windows = _windows(self._text, self._strongest, generator)

    def texts(self) -> list[str]:
        steps = [text for orders in self._orders.values() for order in orders
                 for text in self._steps(order)]  # fmt: skip
        cut = [self._text[:start] + self._text[end:] for start, end in self._windows]
        return [*steps, *cut, self._without(self._marked), self._without(self._others())]

    def measured(self, scores: dict[str, float]) -> Deletion:
        curves = {
            order: np.mean([self._curve(one, scores) for one in drawn], axis=0)
            for order, drawn in self._orders.items()
        }
        lengths = self._lengths()
        marked = float(lengths[sorted(self._marked)].sum() / lengths.sum())
        strongest = self._text[: self._strongest.start] + self._text[self._strongest.end :]
        cut = [self._text[:start] + self._text[end:] for start, end in self._windows]
        return Deletion(
            whole=scores[self._text],
            curves=curves,
            strongest=scores[strongest],
            windows=np.array([scores[text] for text in cut]),
            marked=marked,
            without=scores[self._without(self._marked)],
            only=scores[self._without(self._others())],
            random_without=float(np.interp(marked, _FINE, curves["random"])),
            random_only=float(np.interp(1 - marked, _FINE, curves["random"])),
        )

    def _steps(self, order: list[int]) -> list[str]:
        return [self._without(set(order[:count])) for count in range(len(order) + 1)]

    def _curve(self, order: list[int], scores: dict[str, float]) -> Floats:
        gone = np.concatenate([[0], np.cumsum(self._lengths()[order])])
        values = [scores[text] for text in self._steps(order)]
        curve: Floats = np.interp(_FINE, gone / gone[-1], values)
        return curve

    def _lengths(self) -> Floats:
        return np.array([span.end - span.start for span in self._spans], dtype=np.float64)

    def _others(self) -> set[int]:
        return set(range(len(self._spans))) - self._marked

    def _without(self, gone: set[int]) -> str:
        pieces, place = [], 0
        for number in sorted(gone):
            pieces.append(self._text[place : self._spans[number].start])
            place = self._spans[number].end
        return "".join([*pieces, self._text[place:]])


def _windows(text: str, span: Span, generator: np.random.Generator) -> list[tuple[int, int]]:
    """Return parts of whole words, about as long as a span and at least half outside it."""
    length = span.end - span.start
    borders = np.array(word_borders(text))
    found = []
    for start in borders.tolist():
        end = int(borders[np.abs(borders - (start + length)).argmin()])
        shared = min(end, span.end) - max(start, span.start)
        if abs(end - start - length) <= length / 4 and shared <= length / 2:
            found.append((start, end))
    chosen = generator.permutation(len(found))[:_WINDOWS]
    return [found[place] for place in chosen]


def _beaten(one: Deletion) -> float:
    if not one.windows.size:
        return float("nan")
    return float(np.mean((one.windows > one.strongest) + 0.5 * (one.windows == one.strongest)))


def _known(values: Iterable[float]) -> float | None:
    kept = list(values)
    return float(np.mean(kept)) if kept else None


def _area(curves: Floats) -> Floats:
    area: Floats = ((curves[:, 1:] + curves[:, :-1]) / 2).mean(axis=1)
    return area
