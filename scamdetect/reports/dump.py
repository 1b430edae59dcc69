"""Make a report: read a scored dump, count, find the samples, write the page."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scamdetect import __version__
from scamdetect.bundle.bundle import CARD, Bundle
from scamdetect.detector import ScamDetector
from scamdetect.dumps.outputs import reported
from scamdetect.errors import BundleError, InputError
from scamdetect.labels import Decision
from scamdetect.prediction import SCHEMA_VERSION
from scamdetect.reports.dump_counts import Counts, bands, days_of, find_time_column
from scamdetect.reports.dump_notes import (
    campaign_note,
    damaged_groups_note,
    listed,
    notices,
    other_groups_note,
    sample,
    threshold_note,
    time_note,
)
from scamdetect.reports.dump_page import Report, ShownCampaign, render
from scamdetect.reports.places import local_source, page_path
from scamdetect.scored.campaigns import Campaigns
from scamdetect.scored.read import ScoredDump, open_scored
from scamdetect.scored.top_groups import TopGroups, top_groups
from scamdetect.system.files import access_of, writing

MOST_CAMPAIGNS, MOST_GROUPS = 12, 20
TEXT_COLUMN = "text"


def write_report(
    scored: str | Path,
    destination: str | Path | None = None,
    *,
    text_column: str | None = None,
    time_column: str | None = None,
    model: str | Path | None = None,
    title: str | None = None,
    samples: bool = True,
    made: date | None = None,
) -> Path:
    """Write a page about a scored dump and return where it is: ``<stem>.report.html`` beside it.

    ``text_column`` (by default ``text`` if there is one) and ``time_column`` (by default one that
    has the name of one) may be dotted paths. ``model`` is the bundle that scored the dump, by
    default the shipped one if it did. Without ``samples`` no message is shown and no model loaded.
    An earlier report under the name is replaced, any other file is not.

    Raises InputError on what is no scored dump or not local, on a missing column, on a bundle that
    did not score it and on a destination that is taken; BundleError on a damaged bundle,
    OutputError where writing fails, MissingExtraError without the extra ``report``.
    """
    source = local_source(scored)
    target = page_path(source, destination)
    dump = open_scored(source)
    text = _column(dump, text_column, TEXT_COLUMN if dump.has(TEXT_COLUMN) else None)
    time = _column(dump, time_column, find_time_column(dump.columns))
    counts, campaigns = _read(dump, text, time)
    _check(source, counts)
    models = [name for name, _ in counts.total("model_id").most_common() if name is not None]
    bundle = _bundle(source, models, model)
    shown_campaigns = _shown(dump, text, campaigns, bundle, samples=samples)
    scored_by = bundle.model_id if bundle else next(iter(models), None)
    groups, group_notices = _groups(source, counts)
    report = Report(
        title=title or f"Scam report: {source.name}",
        source=source.name,
        made=made or date.today(),
        version=__version__,
        counts=counts,
        bands=bands(counts.groups, scored_by, bundle),
        calibrated=bundle is not None and bool(bundle.operating_points),
        campaigns=shown_campaigns,
        shortfall=campaigns.shortfall,
        groups=groups,
        has_text=text is not None,
        notices=(*notices(counts, models), *group_notices),
        time_note=time_note(counts, time, named=time_column is not None),
        campaign_note=campaign_note(text, samples=samples, marked=bundle is not None),
        threshold_note=threshold_note(models, None if bundle is None else bundle.model_id),
        card_name=f"{CARD} of the bundle {bundle.name if bundle else listed(models) or '?'}",
        card=bundle.read(CARD).decode("utf-8", "replace") if bundle else None,
    )
    page = render(report)
    with reported(target), writing(target, access_of([source])) as file:
        file.write(page.encode("utf-8", "backslashreplace"))
    return target


def _column(dump: ScoredDump, given: str | None, default: str | None) -> str | None:
    if given is not None:
        dump.require(given)
    return given or default


def _read(dump: ScoredDump, text: str | None, time: str | None) -> tuple[Counts, Campaigns]:
    """Return what a dump, read once, holds; without a text column the campaigns are none."""
    counts, campaigns = Counts(), Campaigns()
    first_row = 0
    for batch in dump.batches(text, time):
        counts.add(batch)
        if text is not None:
            _add_campaigns(campaigns, batch.table, first_row)
        first_row += batch.table.num_rows
    return counts, campaigns


def _check(source: Path, counts: Counts) -> None:
    if not counts.messages:
        raise InputError(f"{source}: holds no scored message")
    version = max((v for v in counts.total("schema_version") if v is not None), default=0)
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{source}: its scamdetect_ columns are of schema version {version}, and this "
            f"scamdetect knows {SCHEMA_VERSION}; upgrade it"
        )


def _groups(source: Path, counts: Counts) -> tuple[TopGroups | None, tuple[str, ...]]:
    """Return the groups beside the file, or none and a notice why they are not shown."""
    try:
        groups = top_groups(source, MOST_GROUPS)
    except InputError:
        return None, (damaged_groups_note(),)
    note = None if groups is None else other_groups_note(groups, counts)
    return (groups, ()) if note is None else (None, (note,))


def _add_campaigns(campaigns: Campaigns, table: pa.Table, first_row: int) -> None:
    is_flagged = pc.equal(table.column("decision"), Decision.FLAG.value)
    places = pc.indices_nonzero(is_flagged)
    flagged = table.take(places)
    columns = [flagged.column(n).to_pylist() for n in ("text", "kinds", "language", "probability")]
    days: list[Any] = [None] * flagged.num_rows
    if "time" in flagged.column_names:
        days = days_of(flagged.column("time")).tolist()
    for place, day, text, kinds, language, probability in zip(
        places.to_pylist(), days, *columns, strict=True
    ):
        if text is not None:
            campaigns.add_flagged(
                text,
                kinds=[kind for kind in kinds or () if kind is not None],
                language=language or "und",
                probability=probability,
                row=first_row + place,
                time=None if day is None else day.isoformat(),
            )


def _bundle(source: Path, models: list[str], model: str | Path | None) -> Bundle | None:
    """Return the bundle that scored the dump, None where it is not at hand."""
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
    by = listed(models) or "a model without a name"
    raise InputError(
        f"{source} was scored by {by}, and {model} holds {bundle.model_id}; give the bundle that "
        "scored it, or leave --model out"
    )


def _shown(
    dump: ScoredDump,
    text: str | None,
    campaigns: Campaigns,
    bundle: Bundle | None,
    *,
    samples: bool,
) -> tuple[ShownCampaign, ...]:
    """Return the largest campaigns, each with its first message, for which the dump is read on."""
    top = campaigns.top(MOST_CAMPAIGNS, at_least=2)
    if not samples or not top:
        return tuple(ShownCampaign(campaign, ()) for campaign in top)
    texts = _texts(dump, text, {campaign.first_row for campaign in top})
    detector = None if bundle is None else ScamDetector.load(bundle.folder)
    return tuple(
        ShownCampaign(campaign, sample(texts[campaign.first_row], detector)) for campaign in top
    )


def _texts(dump: ScoredDump, text: str | None, rows: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    first_row = 0
    for batch in dump.batches(text):
        column = batch.table.column("text")
        here = [row for row in rows if 0 <= row - first_row < len(column)]
        found |= {row: column[row - first_row].as_py() for row in here}
        first_row += len(column)
        if len(found) == len(rows):
            break
    return found
