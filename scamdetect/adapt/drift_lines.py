"""A drift as lines of text and as plain JSON types; neither holds text of a message."""

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
    Rate,
    Share,
)


def drift_lines(drift: Drift) -> Iterator[str]:
    """Yield the level, the notices, and a line for each rate and feature with what shifted most."""
    yield f"drift: {drift.level.value}"
    yield from drift.notices
    for side, what in ((drift.reference, "reference"), (drift.current, "current")):
        yield f"{what}: {side.messages:,} messages of {side.name}, {' and '.join(side.models)}"
    for rate in drift.rates:
        yield f"{rate.level.value:<6} {rate.name}: {rate_words(rate)}"
    for feature in drift.features:
        yield f"{feature.level.value:<6} {feature.name}: {feature_words(feature)}"


def rate_words(rate: Rate) -> str:
    """Return both shares and the interval of their difference."""
    low, high = rate.difference
    return (
        f"{percent(rate.reference.share)} to {percent(rate.current.share)} "
        f"(difference {100 * low:+.2f} to {100 * high:+.2f} points)"
    )


def feature_words(feature: Feature) -> str:
    """Return the index and, where it calls for it, which rows of its table to look at."""
    p = feature.psi
    words = f"PSI {p.value:.3f} ({p.low:.3f} to {p.high:.3f}; by chance up to {p.chance:.3f})"
    if feature.level is Level.NONE or not feature.largest:
        return words
    totals = [sum(getattr(one, side) for one in feature.bins) for side in ("reference", "current")]
    rows = [
        f"{one.label} ({percent(Share(one.reference, totals[0]).share)} to "
        f"{percent(Share(one.current, totals[1]).share)})"
        for one in feature.largest
    ]
    return f"{words}; look at {', '.join(rows)}"


def percent(share: float) -> str:
    """Return a share in percent, with more digits where it is small."""
    return f"{100 * share:.{2 if share < 0.01 else 1}f} %"


def drift_record(drift: Drift) -> dict[str, Any]:
    """Return the drift as plain JSON types."""
    return {
        "level": drift.level.value,
        "notices": list(drift.notices),
        "reference": asdict(drift.reference),
        "current": asdict(drift.current),
        "rules": {
            "psi_watch": WATCH,
            "psi_alert": ALERT,
            "psi_smoothing": SMOOTHING,
            "ratio_watch": WATCH_RATIO,
            "ratio_alert": ALERT_RATIO,
        },
        "rates": [_rate(rate) for rate in drift.rates],
        "features": [_feature(feature) for feature in drift.features],
    }


def _rate(rate: Rate) -> dict[str, Any]:
    sides = {"reference": rate.reference, "current": rate.current}
    return {
        "name": rate.name,
        "level": rate.level.value,
        **{
            name: asdict(side) | {"share": side.share, "interval": list(side.interval)}
            for name, side in sides.items()
        },
        "difference": list(rate.difference),
        "ratio": list(rate.ratio),
    }


def _feature(feature: Feature) -> dict[str, Any]:
    return {
        "name": feature.name,
        "of": feature.of,
        "level": feature.level.value,
        "psi": feature.psi._asdict(),
        "bins": [asdict(one) for one in feature.bins],
    }
