"""A drift as lines and as plain JSON types, without message texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from scamdetect.adapt.drift import Drift
from scamdetect.adapt.shifts import (
    ALERT,
    ALERT_RATIO,
    SMOOTHING,
    WATCH,
    WATCH_RATIO,
    Feature,
    Level,
    Share,
)
from scamdetect.reports.cells import spaced_share

RULES = {
    "psi_watch": WATCH,
    "psi_alert": ALERT,
    "psi_smoothing": SMOOTHING,
    "ratio_watch": WATCH_RATIO,
    "ratio_alert": ALERT_RATIO,
}


def drift_lines(drift: Drift) -> Iterator[str]:
    """Yield the level, the notices, and a line for each rate and feature with what shifted most."""
    yield f"drift: {drift.level.value}"
    yield from drift.notices
    for side, what in ((drift.reference, "reference"), (drift.current, "current")):
        yield f"{what}: {side.messages:,} messages of {side.name}, {' and '.join(side.models)}"
    for rate in drift.rates:
        low, high = rate.difference
        yield (
            f"{rate.level.value:<6} {rate.name}: {spaced_share(rate.reference.share)} to "
            f"{spaced_share(rate.current.share)} (difference {100 * low:+.2f} to "
            f"{100 * high:+.2f} points)"
        )
    for feature in drift.features:
        yield f"{feature.level.value:<6} {feature.name}: {feature_words(feature)}"


def feature_words(feature: Feature) -> str:
    """Return the index and, from the level watch on, the bins that add most to it."""
    p = feature.psi
    words = f"PSI {p.value:.3f} ({p.low:.3f} to {p.high:.3f}; by chance up to {p.chance:.3f})"
    if feature.level is Level.NONE or not feature.largest:
        return words
    before, after = (
        sum(getattr(b, side) for b in feature.bins) for side in ("reference", "current")
    )
    bins = [
        f"{b.label} ({spaced_share(Share(b.reference, before).share)} to "
        f"{spaced_share(Share(b.current, after).share)})"
        for b in feature.largest
    ]
    return f"{words}; look at {', '.join(bins)}"


def drift_record(drift: Drift) -> dict[str, Any]:
    """Return the drift as plain JSON types."""
    record = asdict(drift) | {"level": drift.level.value, "rules": RULES}
    for rate, row in zip(drift.rates, record["rates"], strict=True):
        row |= {"level": rate.level.value, "difference": rate.difference, "ratio": rate.ratio}
        for side in ("reference", "current"):
            share: Share = getattr(rate, side)
            row[side] |= {"share": share.share, "interval": share.interval}
    for feature, row in zip(drift.features, record["features"], strict=True):
        row |= {"level": feature.level.value, "psi": feature.psi._asdict()}
    return record
