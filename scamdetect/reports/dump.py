"""Write the report on a scored dump: read the dump, collect what the page shows, write it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path
from typing import Any

from scamdetect.adapt.drift import Drift
from scamdetect.bundle.bundle import CARD, Bundle
from scamdetect.calibration.operating_points import OperatingPoint
from scamdetect.calibration.presets import Preset, preset_at
from scamdetect.detector import ScamDetector
from scamdetect.dumps.formats import unpacked
from scamdetect.errors import BundleError, InputError
from scamdetect.labels import Decision, kind_name, language_name
from scamdetect.prediction import SCHEMA_VERSION
from scamdetect.reports import html
from scamdetect.reports.campaigns import campaigns_of
from scamdetect.reports.cells import listed
from scamdetect.reports.counts import BINS, NO_KIND, TIME_COLUMNS, Counts, crossed, ranked
from scamdetect.reports.drift import RULES, feature_words
from scamdetect.reports.messages import KEY_COLUMNS, TopMessages, sample
from scamdetect.reports.timeline import timeline
from scamdetect.scored.read import ScoredDump, open_scored
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import access_of
from scamdetect.system.os_errors import written
from scamdetect.system.shown import visible

_MOST_COLUMNS = 10
_FILTERS = {
    "of": lambda part, whole: round(100 * part / whole, 3) if whole else 0.0,
    # Of a bar, on a log scale.
    "height": lambda count, most: round(100 * log10(1 + count) / log10(1 + most), 3),
}


@dataclass(frozen=True)
class ReportOptions:
    """What a report shows.

    ``text_column`` is by default that of the job record, or ``text``; ``time_column`` and
    ``key_column`` are by default columns with a usual name, such as ``sent_at`` or ``id``. All may
    be dotted paths. ``model`` is the bundle that scored the dump, by default the shipped one if it
    did. Without ``samples`` the page shows no message and no model is loaded. ``overwrite``
    replaces an existing file; a page of the default name is always replaced.
    """

    text_column: str | None = None
    time_column: str | None = None
    key_column: str | None = None
    model: str | Path | None = None
    title: str | None = None
    samples: bool = True
    overwrite: bool = False


def page_path(source: Path, destination: str | Path | None, *, overwrite: bool) -> Path:
    """Return the path of the page, by default ``<stem>.report.html`` next to the scored file.

    Raises InputError if the folder is missing, and if the file exists.
    """
    if destination is not None:
        return file_destination(Path(destination), overwrite=overwrite, inputs=[source])
    source = source if source.name not in ("", "..") else source.resolve()
    name = source.name if source.is_dir() else unpacked(source).stem
    page = source.with_name(f"{name.removesuffix('.scored')}.report.html")
    return file_destination(page, overwrite=True, inputs=[source])


def write_report(
    scored: str | Path,
    destination: str | Path | None = None,
    *,
    options: ReportOptions = ReportOptions(),
    drift: Drift | None = None,
) -> Path:
    """Write a page about a scored dump and return its path.

    The default ``destination`` is ``<stem>.report.html`` next to the dump. ``drift`` adds a
    section: the shifts from an earlier dump.

    Raises InputError if the dump is not scored, a column is missing, the bundle did not score the
    dump or the destination is taken; BundleError, OutputError, MissingExtraError.
    """
    source = Path(scored)
    target = page_path(source, destination, overwrite=options.overwrite)
    dump = open_scored(source)
    text = _column(dump, options.text_column, [dump.text_column])
    time = _column(dump, options.time_column, TIME_COLUMNS)
    key = _column(dump, options.key_column, KEY_COLUMNS)
    counts, top = Counts(), TopMessages()
    for batch in dump.batches(text, time, key):
        counts.add(batch.table)
        if text is not None:
            top.add(batch.table)
    if not counts.total():
        raise InputError(f"{source}: the file has no scored message")
    bundle = scoring_bundle(source, ranked(counts.total("model_id")), options.model)
    marks = options.samples and bundle is not None and text is not None
    detector = ScamDetector.load(bundle.folder) if bundle is not None and marks else None
    page = html.page(
        "dump.html",
        _FILTERS,
        visible,
        title=options.title or f"Scam report: {source.name}",
        source=source.name,
        schema_version=SCHEMA_VERSION,
        thresholds=[_threshold(name, dump, bundle) for name in ("flag", "review")],
        campaigns=campaigns_of(dump, text, time),
        recognised=top.recognised,
        passed=top.passed,
        sample=lambda text, marked: sample(text, detector if marked else None),
        text=text,
        time=time,
        key=key,
        samples=options.samples,
        job=dump.job,
        bundle=bundle,
        card=bundle.read(CARD).decode("utf-8", "replace") if bundle else None,
        kind_name=kind_name,
        language_name=language_name,
        drift=drift,
        feature_words=feature_words,
        rules=RULES,
        **_figures(counts),
    )
    with written(target):
        html.write_page(page, target, access_of([source]))
    return target


def _figures(counts: Counts) -> dict[str, Any]:
    """Return the counts in the form of the template."""
    kinds = crossed(counts.kinds, "kind", "language")
    days = crossed(counts.table, "day", "decision")
    return {
        "counts": counts,
        "total": counts.total().total(),
        "decisions": {decision.value: counts.total()[decision] for decision in Decision},
        "histogram": [counts.total("bin")[number] for number in range(BINS)],
        "timeline": timeline(days, crossed(counts.kinds, "day", "kind")),
        "languages": ranked(counts.total("language")),
        "language_verdicts": crossed(counts.table, "language", "verdict"),
        "language_decisions": crossed(counts.table, "language", "decision"),
        "kinds": sorted(kinds, key=lambda kind: (kind == NO_KIND, -kinds[kind].total(), kind)),
        "kind_languages": kinds,
        "columns": ranked(sum(kinds.values(), Counter()))[:_MOST_COLUMNS],
    }


def _column(dump: ScoredDump, given: str | None, usual: Sequence[str]) -> str | None:
    """Return the given column, or the first of the usual names, in any letter case."""
    if given is not None:
        dump.require(given)
        return given
    by_name = {name.casefold(): name for name in reversed(dump.columns)}
    return next((by_name[name] for name in usual if name in by_name), None)


def scoring_bundle(
    source: Path, models: Sequence[str | None], model: str | Path | None
) -> Bundle | None:
    """Return the bundle that scored the dump, None if it is not available.

    Raises InputError if ``model`` is another bundle, BundleError if that is damaged.
    """
    try:
        bundle = Bundle.load(model)
    except BundleError:
        if model is not None:
            raise
        return None
    if bundle.model_id in models:
        return bundle
    if model is None:
        return None
    by = listed(list(filter(None, models))) or "a model without a name"
    raise InputError(
        f"{source} was scored by {by}, and {model} holds {bundle.model_id}; pass the bundle that "
        "scored it, or omit --model"
    )


def _threshold(
    name: str, dump: ScoredDump, bundle: Bundle | None
) -> tuple[str, float | None, OperatingPoint | None, Preset | None]:
    """Return a threshold, of the job or of the bundle, with its name, rates and preset, if known.

    The rates are of the highest stored operating point that is not over it.
    """
    source = dump.job or (bundle and bundle.thresholds)
    threshold: float | None = getattr(source, name, None)
    if threshold is None or bundle is None:
        return name, threshold, None, None
    whole = (p for p in bundle.operating_points if p.lang is None and p.kind is None)
    below = (point for point in whole if point.threshold <= threshold)
    preset = preset_at(bundle.operating_points, threshold) if name == "flag" else None
    return name, threshold, max(below, key=lambda point: point.threshold, default=None), preset
