"""What the thresholds of a scored dump were, and what they mean in false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from scamdetect.calibration.operating_points import OperatingPoint
from scamdetect.calibration.presets import Preset, preset_at, presets
from scamdetect.calibration.thresholds import Thresholds
from scamdetect.labels import Decision
from scamdetect.reports.dump_counts import Extremes, Group

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
    """A threshold: over ``above`` and up to ``upto`` by the decisions.

    It is ``exact`` if it is the ``shipped`` one or that of a ``preset``, with which all decisions
    agree. ``point`` is the stored operating point whose false alarms the threshold does not exceed,
    None without a bundle and where even its lowest threshold is higher.
    """

    decision: Decision
    above: float | None
    upto: float | None
    shipped: float | None
    point: OperatingPoint | None
    preset: Preset | None = None

    @property
    def exact(self) -> float | None:
        """Return the threshold of the bundle that this is, None if it is another."""
        of_preset = None if self.preset is None else self.preset.point.threshold
        return of_preset if self.shipped is None else self.shipped

    @property
    def threshold(self) -> float | None:
        """Return the threshold as well as it is known."""
        return self.upto if self.exact is None else self.exact


def bands(
    groups: Mapping[Group, Extremes], model_id: str | None, bundle: Bundle | None
) -> tuple[Band, ...]:
    """Return the bands flag and review of the messages that this model scored.

    The file does not name its thresholds; those of the bundle are meant where all decisions agree
    with them, else those of the one preset with which they agree, else they are read off the
    decisions.
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
    points = bundle.operating_points

    def agrees(threshold: float) -> bool:
        # Scores are float32, the thresholds decimals of such.
        over = above is None or bool(np.float32(above) < np.float32(threshold))
        return over and (upto is None or bool(np.float32(threshold) <= np.float32(upto)))

    own: float = getattr(bundle.thresholds, decision.value)
    shipped = own if agrees(own) else None
    preset = None
    if decision is Decision.FLAG and shipped is not None:
        preset = preset_at(points, shipped)
    elif decision is Decision.FLAG and (above, upto) != (None, None):
        named = [Preset(*pair) for pair in presets(points).items() if agrees(pair[1].threshold)]
        preset = named[0] if len(named) == 1 else None
    band = Band(decision, above, upto, shipped, None, preset)
    # Of a threshold that is only known to lie over one score, that score promises no less.
    surely = above if band.exact is None else band.exact
    return replace(band, point=_point(points, surely))


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
