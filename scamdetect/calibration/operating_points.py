"""Operating points: a threshold for a false-positive rate, its measured rates, and selection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import ArrayLike

from scamdetect.calibration.probabilities import Share
from scamdetect.calibration.statistics import clopper_pearson, effective_size
from scamdetect.calibration.thresholds import is_number, threshold_at_fpr, weighted
from scamdetect.errors import InputError
from scamdetect.labels import KINDS, Kind

Count = Annotated[int, Meta(ge=0)]


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold, its target false-positive rate and the rates measured on the calibration rows.

    Those rows come from the training sources: rates are worse on unseen sources. ``upper_bound`` is
    the upper end of the 95 % Clopper-Pearson interval of the false-positive rate on the ``n``
    legitimate rows, which are worth ``effective_n`` independent ones. ``recall`` is the share of
    the ``n_scam`` scams at or above the threshold. ``lang`` restricts the rows, ``kind`` the scams.
    """

    fpr: Share
    threshold: Share
    upper_bound: Share
    n: Count
    recall: Share | None
    n_scam: Count | None = None
    effective_n: Annotated[float, Meta(ge=0)] | None = None
    lang: str | None = None
    kind: Kind | None = None

    @property
    def weight(self) -> float:
        """Return the effective number of legitimate rows, or their number if not stored."""
        return self.n if self.effective_n is None else self.effective_n


@dataclass(frozen=True, slots=True)
class CalibrationRows:
    """The number of calibration rows: (legit, scam) by language, scams by kind."""

    languages: Mapping[str, tuple[Count, Count]] = field(default_factory=dict)
    kinds: Mapping[Kind, Count] = field(default_factory=dict)


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

    Shares are weighted; the bound uses the effective number of legitimate rows in ``groups`` (n,).
    Raises InputError as ``threshold_at_fpr`` and ``by_group`` do.
    """
    legit, mass = weighted(legit_scores, weights)
    threshold = threshold_at_fpr(legit, fpr, mass)
    scores = np.concatenate([legit, np.asarray(scam_scores, dtype=np.float64).ravel()])
    above = scores[scores >= threshold]
    # Midway to the next score: the figures are the same, and rounding elsewhere decides nothing.
    if above.size:
        threshold = max(threshold, float(str(np.float32((threshold + above.min()) / 2))))
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
    kind: Kind | None = None,
) -> OperatingPoint:
    """Return the point with its recall on these scams (n,), or on those of a kind."""
    n = np.size(scam_scores)
    if n == 0:
        return replace(point, recall=None, n_scam=0, kind=kind)
    scams, mass = weighted(scam_scores, weights)
    recall = float(mass[scams >= point.threshold].sum() / mass.sum())
    return replace(point, recall=recall, n_scam=n, kind=kind)


def supported(point: OperatingPoint) -> bool:
    """Return True if one effective false alarm is within the rate and a message can be flagged."""
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
    if kind is not None and kind not in KINDS:
        raise InputError(f"{kind!r} is not a kind of scam; allowed: {_listed(KINDS)}")
    named = "" if lang is None else f" for lang={lang!r}"
    named += "" if kind is None else f" for kind={str(kind)!r}"
    chosen = [point for point in points if point.lang == lang and point.kind == kind]
    if not chosen:
        raise InputError(f"no operating points{named}: {_missing(points, rows, lang, kind)}")
    for point in chosen:
        if abs(point.fpr - fpr) <= 1e-9:
            return point
    raise InputError(
        f"no operating point at a false-positive rate of {fpr!r}{named}: from {chosen[0].n} legit "
        f"rows (effective number {chosen[0].weight:.0f}) this bundle has "
        f"{_listed(f'{point.fpr:g}' for point in chosen)}; choose one of these"
    )


def _missing(
    points: Sequence[OperatingPoint], rows: CalibrationRows, lang: str | None, kind: str | None
) -> str:
    """Return why there are no points for a language or kind, and which there are."""
    if lang is not None and kind is not None:
        return "a bundle has points by language or by kind; pass only one of them"
    if lang is not None:
        legit, scam = rows.languages.get(lang, (0, 0))
        known = _listed(sorted({p.lang for p in points if p.lang and p.kind is None}))
        return (
            f"only {legit} legit and {scam} scam calibration rows; languages with points: {known}; "
            "use lang=None for the points of all messages"
        )
    if kind is not None:
        known = _listed(sorted({p.kind for p in points if p.kind and p.lang is None}))
        return (
            f"only {rows.kinds.get(Kind(kind), 0)} calibration scams of that kind; kinds with "
            f"points: {known}; use kind=None for all scams"
        )
    return "the bundle was made without any; choose thresholds yourself"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
