"""Operating points: a threshold for a false-positive rate, its measured rates, and selection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from scamdetect.calibration.statistics import BASE_RATE, clopper_pearson, effective_size
from scamdetect.calibration.thresholds import is_number, threshold_at_fpr, weighted
from scamdetect.errors import InputError
from scamdetect.labels import KINDS, Kind

SHIPPED_MIX = "of the calibrate rows that the bundle was made with, not of your traffic"


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold, its target false-positive rate and the rates measured on the calibration rows.

    Those rows come from the training sources: the figures are an in-source sanity check and are
    worse on unseen sources. ``upper_bound`` is the upper end of the two-sided 95 % Clopper-Pearson
    interval of the weighted false-positive rate on the ``n`` legitimate rows, which are worth
    ``effective_n`` equally weighted ones of as many groups. ``recall`` is the weighted share of the
    ``n_scam`` scams at or above the threshold, None without scams. ``lang`` and ``kind`` restrict
    the rows, None for all; a kind restricts only the scams.
    """

    fpr: float
    threshold: float
    upper_bound: float
    n: int
    recall: float | None
    n_scam: int | None = None
    effective_n: float | None = None
    lang: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewPoint(OperatingPoint):
    """An operating point with the share of all messages that reach it, ``review_rate``.

    The messages are those of ``mix``, in which scams have the share ``base_rate``.
    """

    review_rate: float = 0.0
    base_rate: float = BASE_RATE
    mix: str = SHIPPED_MIX


@dataclass(frozen=True, slots=True)
class CalibrationRows:
    """The number of calibration rows: (legit, scam) by language, scams by kind."""

    languages: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)


def operating_point(
    legit_scores: ArrayLike,
    scam_scores: ArrayLike,
    fpr: float,
    weights: ArrayLike | None = None,
    scam_weights: ArrayLike | None = None,
    *,
    groups: ArrayLike | None = None,
    lang: str | None = None,
) -> OperatingPoint:
    """Return the threshold at ``fpr`` with its upper bound and the recall on the scams.

    The threshold is midway between the lowest possible one and the next score of any row: the
    figures are the same, and rounding on another machine changes no decision. Shares are weighted
    by ``weights`` (n,) and ``scam_weights``; the two-sided interval of the bound uses the effective
    number of legitimate rows, (sum w)^2 / sum w^2 (Kish 1965), w summed over each of their
    ``groups`` (n,), because rows of a group are not independent. On rows of the training sources
    these are sanity figures. Raises InputError as ``threshold_at_fpr`` and ``by_group`` do.
    """
    legit, mass = weighted(legit_scores, weights)
    lowest = threshold_at_fpr(legit, fpr, mass)
    scores = np.concatenate([legit, np.asarray(scam_scores, dtype=np.float64).ravel()])
    above = scores[scores >= lowest]
    threshold = lowest
    if above.size:
        threshold = max(lowest, float(str(np.float32((lowest + above.min()) / 2))))
    effective = effective_size(mass, groups)
    share = float(mass[legit >= threshold].sum() / mass.sum())
    upper = clopper_pearson(share * effective, effective)[1]
    point = OperatingPoint(
        fpr, threshold, upper, legit.size, None, effective_n=effective, lang=lang
    )
    return with_recall(point, scam_scores, scam_weights)


def with_recall(
    point: OperatingPoint,
    scam_scores: ArrayLike,
    weights: ArrayLike | None = None,
    kind: str | None = None,
) -> OperatingPoint:
    """Return the point with its recall on these scams (n,), or on those of a kind."""
    n = np.size(scam_scores)
    if n == 0:
        return replace(point, recall=None, n_scam=0, kind=kind)
    scams, mass = weighted(scam_scores, weights)
    recall = float(mass[scams >= point.threshold].sum() / mass.sum())
    return replace(point, recall=recall, n_scam=n, kind=kind)


def supported(point: OperatingPoint) -> bool:
    """Return True if there are enough rows for the rate: one effective false alarm is within it.

    A threshold above 1, which no message reaches, is not an operating point either.
    """
    enough = point.effective_n is None or point.effective_n * point.fpr >= 1 - 1e-9
    return enough and point.threshold <= 1


def find_point(
    points: Sequence[OperatingPoint],
    rows: CalibrationRows,
    fpr: float,
    lang: str | None = None,
    kind: str | None = None,
) -> OperatingPoint:
    """Return the stored point at a rate, for all messages or for a language or a kind.

    Raises InputError, with the stored rates and the number of rows, if it is missing: a rate is
    never interpolated or extrapolated from the stored ones.
    """
    if not is_number(fpr):
        raise InputError(f"a false-positive rate must be in [0, 1], such as 0.01; got {fpr!r}")
    chosen = _of(points, rows, lang, kind)
    for point in chosen:
        if abs(point.fpr - fpr) <= 1e-9:
            return point
    n, effective = chosen[0].n, chosen[0].effective_n
    worth = "" if effective is None else f" (effective number {effective:.0f})"
    raise InputError(
        f"no operating point at a false-positive rate of {fpr!r}{_named(lang, kind)}: from {n} "
        f"legit rows{worth} this bundle has {_listed(f'{point.fpr:g}' for point in chosen)}; "
        "choose one of these"
    )


def review_point(
    points: Sequence[OperatingPoint],
    rows: CalibrationRows,
    rate: float,
    *,
    base_rate: float = BASE_RATE,
    lang: str | None = None,
) -> ReviewPoint:
    """Return the lowest stored threshold that at most ``rate`` of all messages reach.

    The messages are those of the calibration mix, with scams weighted to ``base_rate``: the share
    is base_rate * recall + (1 - base_rate) * fpr. Raises InputError, with the smallest share, if
    all stored points exceed the rate.
    """
    for name, value in (("review_rate", rate), ("base_rate", base_rate)):
        if not is_number(value) or not 0 < value < 1:
            raise InputError(
                f"{name} must be a number between 0 and 1, such as 0.01; got {value!r}"
            )
    found = [
        ReviewPoint(**asdict(point), review_rate=share, base_rate=base_rate)
        for point in _of(points, rows, lang, None)
        if point.recall is not None
        for share in (base_rate * point.recall + (1 - base_rate) * point.fpr,)
    ]
    if not found:
        raise InputError(
            f"recall is unknown{_named(lang, None)}, so the share of all messages is too; use "
            "lang=None"
        )
    fitting = [point for point in found if point.review_rate <= rate + 1e-9]
    if not fitting:
        least = min(point.review_rate for point in found)
        raise InputError(
            f"more than {rate:.2%} of all messages reach every stored "
            f"threshold{_named(lang, None)}: in the shipped mix, with {base_rate:.1%} scams, "
            f"{least:.2%} reach the strictest one; pass your share of scams as base_rate, or "
            "take the threshold from your own traffic: scamdetect calibrate --reviews-per-day"
        )
    return min(fitting, key=lambda point: point.threshold)


def cheapest_point(
    points: Sequence[OperatingPoint],
    rows: CalibrationRows,
    *,
    cost_fp: float,
    cost_fn: float,
    base_rate: float,
    lang: str | None = None,
) -> OperatingPoint:
    """Return the stored point with the lowest expected cost per message.

    The cost is (1 - base_rate) * fpr * cost_fp + base_rate * (1 - recall) * cost_fn, with the
    target rate, which the point keeps. Raises InputError for invalid costs and if flagging no
    message, or every message, costs less than every point.
    """
    given = {"cost_fp": cost_fp, "cost_fn": cost_fn, "base_rate": base_rate}
    for name, value in given.items():
        if not is_number(value):
            raise InputError(f"{name} must be a number above 0; got {value!r}")
    if not (0 < cost_fp < np.inf and 0 < cost_fn < np.inf and 0 < base_rate < 1):
        raise InputError(
            f"cost_fp={cost_fp!r}, cost_fn={cost_fn!r}, base_rate={base_rate!r} are invalid; "
            "choose costs above 0 and a base rate (the share of scams) between 0 and 1"
        )
    costs = [
        ((1 - base_rate) * point.fpr * cost_fp + base_rate * (1 - point.recall) * cost_fn, point)
        for point in _of(points, rows, lang, None)
        if point.recall is not None
    ]
    if not costs:
        raise InputError(
            f"recall is unknown{_named(lang, None)}, so the expected cost is too; use lang=None"
        )
    cost, best = min(costs, key=lambda pair: pair[0])
    for what, flat in (
        ("nothing", base_rate * cost_fn),
        ("every message", (1 - base_rate) * cost_fp),
    ):
        if flat < cost:
            raise InputError(
                f"at these costs flagging {what} costs {flat:g} per message and the best point "
                f"(false-positive rate {best.fpr:g}) {cost:g}: flag {what}, or check the costs"
            )
    return best


def _of(
    points: Sequence[OperatingPoint], rows: CalibrationRows, lang: str | None, kind: str | None
) -> list[OperatingPoint]:
    if kind is not None and kind not in KINDS:
        allowed = _listed(name.value for name in KINDS)
        raise InputError(f"{kind!r} is not a kind of scam; allowed: {allowed}")
    found = [point for point in points if point.lang == lang and point.kind == kind]
    if not found:
        raise InputError(
            f"no operating points{_named(lang, kind)}: {_why(points, rows, lang, kind)}"
        )
    return found


def _why(
    points: Sequence[OperatingPoint], rows: CalibrationRows, lang: str | None, kind: str | None
) -> str:
    langs = _listed(sorted({p.lang for p in points if p.lang and p.kind is None}))
    kinds = _listed(sorted({p.kind for p in points if p.kind and p.lang is None}))
    if lang is not None and kind is not None:
        return "a bundle has points by language or by kind; pass only one of them"
    if lang is not None:
        legit, scam = rows.languages.get(lang, (0, 0))
        reason = f"only {legit} legit and {scam} scam calibration rows"
        if lang not in rows.languages:
            reason = "that language is unknown to this bundle, which had no calibration rows of it"
        return (
            f"{reason}; languages with points: {langs}; use lang=None for the points of all "
            "messages"
        )
    if kind is not None:
        reason = f"only {rows.kinds.get(kind, 0)} calibration scams of that kind"
        if kind not in rows.kinds:
            reason = "that kind is unknown to this bundle, which had no calibration rows of it"
        return f"{reason}; kinds with points: {kinds}; use kind=None for all scams"
    return "the bundle was made without any; choose thresholds yourself"


def _named(lang: str | None, kind: Kind | str | None) -> str:
    named = "" if lang is None else f" for lang={lang!r}"
    return named if kind is None else f"{named} for kind={str(kind)!r}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
