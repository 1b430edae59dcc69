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


@dataclass(frozen=True, slots=True)
class Preset:
    """A named operating point of all messages."""

    name: str
    point: OperatingPoint


def fewest_rows(fpr: float) -> int:
    """Return the effective number of legitimate rows that a preset of this rate needs.

    By the rule of three, rows that would expect three false alarms and have none exclude the rate.
    """
    return round(3 / fpr)


def presets(points: Sequence[OperatingPoint]) -> dict[str, OperatingPoint]:
    """Return the presets that the stored points support, by name, in fixed order."""
    of_all = [point for point in points if point.lang is None and point.kind is None]
    return {
        name: point
        for name, fpr in PRESETS.items()
        for point in of_all
        if abs(point.fpr - fpr) <= 1e-9 and point.weight >= fewest_rows(fpr)
    }


def find_preset(points: Sequence[OperatingPoint], name: str) -> OperatingPoint:
    """Return the point of a preset.

    Raises InputError, with the available presets, for an unknown name and if the bundle has too few
    rows for the rate.
    """
    known = presets(points)
    if name in known:
        return known[name]
    if name not in PRESETS:
        raise InputError(f"unknown preset {name!r}; presets: {', '.join(PRESETS)}")
    raise InputError(
        f"this bundle has no preset {name!r}: a false-positive rate of {PRESETS[name]:.1%} needs "
        f"an operating point with an effective number of {fewest_rows(PRESETS[name]):,} legit "
        f"calibration rows; its presets: {', '.join(known) or 'none'}"
    )


def preset_at(points: Sequence[OperatingPoint], flag: float) -> Preset | None:
    """Return the preset whose threshold is ``flag``, or None."""
    named = (Preset(*pair) for pair in presets(points).items())
    return next((preset for preset in named if preset.point.threshold == flag), None)


def preset_words(preset: Preset) -> str:
    """Return a preset with its measured figures on one line."""
    point = preset.point
    recall = "" if point.recall is None else f", recall {point.recall:.1%}"
    if point.recall is not None and point.n_scam is not None:
        recall += f" of {point.n_scam:,} scams"
    return (
        f"preset {preset.name}: flag from {point.threshold:.4f}; on the bundle's calibration "
        f"rows at most {point.fpr:.1%} false alarms (upper bound {point.upper_bound:.2%}, "
        f"effective n {point.weight:,.0f}){recall}"
    )
