"""What the thresholds of a scored dump were, and what they mean in false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from scamdetect.labels import Decision
from scamdetect.operating_points import OperatingPoint
from scamdetect.reporting.counts import Extremes, Group
from scamdetect.thresholds import Thresholds

_BELOW = {
    Decision.FLAG: (Decision.REVIEW, Decision.PASS),
    Decision.REVIEW: (Decision.PASS,),
}


class Bundle(Protocol):
    """The part of a bundle that tells what its thresholds mean."""

    @property
    def thresholds(self) -> Thresholds:
        """Return the thresholds as shipped."""

    @property
    def operating_points(self) -> tuple[OperatingPoint, ...]:
        """Return what thresholds gave on the calibrate rows."""


@dataclass(frozen=True)
class Band:
    """A threshold: over ``above`` and up to ``upto`` by the decisions, exact where ``shipped``.

    ``point`` is the stored operating point whose false alarms the threshold does not exceed, None
    without a bundle and where even its lowest threshold is higher.
    """

    decision: Decision
    above: float | None
    upto: float | None
    shipped: float | None
    point: OperatingPoint | None

    @property
    def threshold(self) -> float | None:
        """Return the threshold as well as it is known."""
        return self.upto if self.shipped is None else self.shipped


def bands(
    groups: Mapping[Group, Extremes], model_id: str | None, bundle: Bundle | None
) -> tuple[Band, ...]:
    """Return the bands flag and review of the messages that this model scored.

    The file does not name its thresholds; those of the bundle are meant where all decisions agree
    with them, else they are read off the decisions.
    """
    of_model = {group: found for group, found in groups.items() if group.model_id == model_id}
    return tuple(_band(decision, of_model, bundle) for decision in _BELOW)


def _band(decision: Decision, groups: Mapping[Group, Extremes], bundle: Bundle | None) -> Band:
    upto = min(_known(e.lowest for g, e in groups.items() if g.decision == decision), default=None)
    below = _BELOW[decision]
    above = max(_known(e.highest for g, e in groups.items() if g.decision in below), default=None)
    if decision is Decision.REVIEW and upto is None:
        # Nothing is reviewed where the thresholds are equal.
        upto = min(
            _known(e.lowest for g, e in groups.items() if g.decision == Decision.FLAG),
            default=None,
        )
    if bundle is None:
        return Band(decision, above, upto, None, None)
    shipped: float | None = getattr(bundle.thresholds, decision.value)
    assert shipped is not None
    # Scores are float32, the thresholds decimals of such.
    agrees = (above is None or np.float32(above) < np.float32(shipped)) and (
        upto is None or np.float32(shipped) <= np.float32(upto)
    )
    shipped = shipped if agrees else None
    # Of a threshold that is only known to lie over one score, that score promises no less.
    surely = above if shipped is None else shipped
    return Band(decision, above, upto, shipped, _point(bundle.operating_points, surely))


def _point(points: Sequence[OperatingPoint], threshold: float | None) -> OperatingPoint | None:
    known = [
        point
        for point in points
        if point.lang is None and point.kind is None
        and threshold is not None and point.threshold <= threshold
    ]  # fmt: skip
    return max(known, key=lambda point: point.threshold, default=None)


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
