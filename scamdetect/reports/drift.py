"""A drift as lines, as plain JSON types and as a page, all without message texts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from scamdetect import __version__
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
from scamdetect.reports.campaigns import (
    campaign_words,
    unnoticed_lines,
    unnoticed_meaning,
    unnoticed_title,
)
from scamdetect.reports.cells import spaced_share
from scamdetect.scored.top_campaigns import Unnoticed
from scamdetect.system.destinations import file_destination, followed
from scamdetect.system.files import ANYONE, Access
from scamdetect.system.os_errors import written

RECORD, PAGE = "drift.json", "drift.html"


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
    if drift.campaigns is not None:
        yield from unnoticed_lines(
            drift.campaigns.count,
            drift.campaigns.first,
            compared=drift.campaigns.compared,
            templates=False,
        )


def rate_words(rate: Rate) -> str:
    """Return both shares and the interval of their difference."""
    low, high = rate.difference
    return (
        f"{spaced_share(rate.reference.share)} to {spaced_share(rate.current.share)} "
        f"(difference {100 * low:+.2f} to {100 * high:+.2f} points)"
    )


def feature_words(feature: Feature) -> str:
    """Return the index and, from the level watch on, the rows that add most to it."""
    p = feature.psi
    words = f"PSI {p.value:.3f} ({p.low:.3f} to {p.high:.3f}; by chance up to {p.chance:.3f})"
    if feature.level is Level.NONE or not feature.largest:
        return words
    totals = [sum(getattr(one, side) for one in feature.bins) for side in ("reference", "current")]
    rows = [
        f"{one.label} ({spaced_share(Share(one.reference, totals[0]).share)} to "
        f"{spaced_share(Share(one.current, totals[1]).share)})"
        for one in feature.largest
    ]
    return f"{words}; look at {', '.join(rows)}"


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
        "campaigns": None if drift.campaigns is None else _campaigns(drift.campaigns),
    }


def _campaigns(found: Unnoticed) -> dict[str, Any]:
    """Return the campaigns without their templates."""
    rows = [asdict(campaign) for campaign in found.first]
    for row in rows:
        del row["template"], row["input"]
    return {"not_flagged": found.count, "compared": found.compared, "first": rows}


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


def check_drift(folder: Path, inputs: Iterable[Path], *, overwrite: bool = False) -> None:
    """Raise InputError if ``write_drift`` would overwrite an input, or any file unasked.

    Raises MissingExtraError without the extra ``report``.
    """
    import scamdetect.reports.html  # noqa: F401  before minutes of work

    if os.path.lexists(folder):
        for name in (RECORD, PAGE):
            file_destination(folder / name, overwrite=overwrite, inputs=inputs)


def write_drift(drift: Drift, folder: Path, access: Access = ANYONE) -> Path:
    """Write ``drift.json`` and ``drift.html`` into the folder and return the page's path.

    The folder is created if it is missing, and files of these names are replaced. Their rights are
    at most ``access``. Raises OutputError if writing fails, MissingExtraError without the extra
    ``report``.
    """
    from scamdetect.reports.html import write_page

    record = json.dumps(drift_record(drift), indent=1, ensure_ascii=False) + "\n"
    with written(folder, elsewhere="choose another folder"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in ((RECORD, record), (PAGE, drift_page(drift))):
            write_page(text, followed(folder / name), access)
    return folder / PAGE


def drift_page(drift: Drift) -> str:
    """Return the page, every text escaped."""
    from scamdetect.reports.html import page

    return page(
        "drift.html",
        {"percent": spaced_share, "words": feature_words, "campaign": campaign_words},
        drift=drift,
        made=date.today().isoformat(),
        version=__version__,
        unnoticed_title=unnoticed_title,
        unnoticed_meaning=unnoticed_meaning,
        psi_rule=(WATCH, ALERT),
        ratio_rule=(WATCH_RATIO, ALERT_RATIO),
    )
