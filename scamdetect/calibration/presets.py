"""Presets: named operating points, if the bundle has enough rows for their rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scamdetect.errors import InputError

if TYPE_CHECKING:
    from scamdetect.calibration.operating_points import OperatingPoint

# The false-positive rate of the flag threshold, by name; bundles ship with the first.
PRESETS: dict[str, float] = {"balanced": 0.005, "sweep": 0.02, "strict": 0.001}
# By the rule of three, rows that would expect three false alarms and have none exclude the rate.
_EXPECTED = 3


@dataclass(frozen=True, slots=True)
class Preset:
    """A named operating point of all messages."""

    name: str
    point: OperatingPoint


def presets(points: Sequence[OperatingPoint]) -> dict[str, OperatingPoint]:
    """Return the presets that the stored points support, by name, in fixed order.

    A preset needs an effective number of legitimate rows of three divided by its rate: 3,000 for
    0.1 %.
    """
    found = {name: _at(points, rate) for name, rate in PRESETS.items()}
    return {
        name: point
        for name, point in found.items()
        if point is not None and worth(point) >= fewest_rows(point.fpr)
    }


def find_preset(points: Sequence[OperatingPoint], name: str) -> OperatingPoint:
    """Return the point of a preset.

    Raises InputError, with the reason and the available presets, for an unknown name and if the
    bundle has too few rows for the rate.
    """
    known = presets(points)
    if name in known:
        return known[name]
    if name not in PRESETS:
        raise InputError(f"unknown preset {name!r}; presets: {', '.join(PRESETS)}")
    rate, point = PRESETS[name], _at(points, PRESETS[name])
    why = (
        f"no operating point is stored at a false-positive rate of {rate:.1%}"
        if point is None
        else (
            f"a false-positive rate of {rate:.1%} needs an effective number of "
            f"{fewest_rows(rate):,} legit calibration rows, and this bundle has "
            f"{worth(point):,.0f}"
        )
    )
    raise InputError(
        f"this bundle has no preset {name!r}: {why}; its presets: {', '.join(known) or 'none'}"
    )


def preset_at(points: Sequence[OperatingPoint], flag: float) -> Preset | None:
    """Return the preset whose threshold is ``flag``, or None."""
    named = (Preset(*pair) for pair in presets(points).items())
    return next((one for one in named if one.point.threshold == flag), None)


def preset_words(preset: Preset) -> str:
    """Return a preset with its measured figures on one line."""
    point = preset.point
    recall = "" if point.recall is None else f", recall {point.recall:.1%}"
    if point.recall is not None and point.n_scam is not None:
        recall += f" of {point.n_scam:,} scams"
    return (
        f"preset {preset.name}: flag from {point.threshold:.4f}; on the bundle's calibration "
        f"rows at most {point.fpr:.1%} false alarms (upper bound {point.upper_bound:.2%}, "
        f"effective n {worth(point):,.0f}){recall}"
    )


def fewest_rows(fpr: float) -> int:
    """Return the effective number of legitimate rows that a preset of this rate needs."""
    return round(_EXPECTED / fpr)


def worth(point: OperatingPoint) -> float:
    """Return the effective number of legitimate rows of a point, or their number if not stored."""
    return point.n if point.effective_n is None else point.effective_n


def _at(points: Sequence[OperatingPoint], fpr: float) -> OperatingPoint | None:
    """Return the point of all messages at a rate."""
    of_all = (point for point in points if point.lang is None and point.kind is None)
    return next((point for point in of_all if abs(point.fpr - fpr) <= 1e-9), None)
