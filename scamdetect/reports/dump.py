"""Write the report on a scored dump: read the dump, collect what the page shows, write it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt
from pathlib import Path

from scamdetect import __version__
from scamdetect.bundle.bundle import CARD, Bundle
from scamdetect.detector import ScamDetector
from scamdetect.dumps.formats import destination_format, unpacked
from scamdetect.dumps.lines import reading
from scamdetect.dumps.outputs import reported
from scamdetect.dumps.patterns import is_pattern
from scamdetect.errors import BundleError, InputError
from scamdetect.labels import Decision, kind_name, language_name
from scamdetect.prediction import SCHEMA_VERSION
from scamdetect.reports import html
from scamdetect.reports.cells import listed, share_of
from scamdetect.reports.dump_campaigns import campaigns_of, with_samples
from scamdetect.reports.dump_charts import histogram, timeline
from scamdetect.reports.dump_counts import NO_KIND, Band, Counts, bands, find_time_column
from scamdetect.reports.dump_messages import (
    Messages,
    TopMessages,
    find_key_column,
    with_pieces,
)
from scamdetect.reports.dump_notes import (
    damaged_groups_note,
    measured_note,
    notices,
    other_groups_note,
    sample_note,
    time_note,
)
from scamdetect.scored.read import ScoredDump, open_scored
from scamdetect.scored.top_groups import TopGroups, top_groups
from scamdetect.system.destinations import check_parent, own_destination
from scamdetect.system.files import access_of, open_regular
from scamdetect.system.os_errors import written
from scamdetect.system.shown import visible
from scamdetect.urls import shown_url, url_of_path

GENERATOR = "scamdetect report"  # identifies an earlier page
_TAG = f'<meta name="generator" content="{GENERATOR}'.encode()
_HEAD_BYTES = 1024


def local_source(scored: str | Path) -> Path:
    """Return the path of the scored file or folder; a folder such as ``..`` gets its name.

    Raises InputError for a URL and for a glob pattern.
    """
    if url := url_of_path(scored):
        raise InputError(f"{shown_url(url)}: a report reads local files; download it first")
    path = Path(scored)
    with reading(path):
        if is_pattern(str(scored)) and not path.exists():
            raise InputError(f"{scored}: a report reads one file or one folder, not a glob pattern")
        return path.resolve() if path.name in ("", "..") else path


def page_path(source: Path, given: str | Path | None) -> Path:
    """Return where the page goes, by default ``<stem>.report.html`` next to the source.

    Raises InputError if another file is there, if the folder is missing, and for a URL.
    """
    if given is not None and (url := url_of_path(given)):
        raise InputError(
            f"{shown_url(url)}: a report is written to a local file; upload it afterwards"
        )
    target = source.with_name(f"{_stem(source)}.report.html") if given is None else Path(given)
    with written(target):
        check_parent(target)
        return own_destination(target, _is_page, "report", [source])


def _stem(source: Path) -> str:
    """Return the name without its extension; that of a folder must name a format."""
    if not source.name:
        raise InputError(f"{source}: the page gets no name from it; name the page with -o")
    stem = unpacked(source).stem
    if source.is_dir():
        try:
            destination_format(source)
        except InputError:
            stem = source.name
    return stem.removesuffix(".scored")


def _is_page(path: Path) -> bool:
    with open_regular(path) as file:
        head = file.read(_HEAD_BYTES)
    return head.startswith(b"<") and _TAG in head


_MOST_LANGUAGES, _MOST_COLUMNS = 30, 10
_STRONGEST_SHADE = 0.6
_ACTION = {
    Decision.FLAG: "likely a scam: look at these first",
    Decision.REVIEW: "possibly a scam: look at these when there is time",
    Decision.PASS: "no scam recognised",
    Decision.UNSCORED: "no text to score, such as an empty message",
}


@dataclass(frozen=True)
class LanguageRow:
    """The messages of a language by verdict, and how many were flagged or sent to review."""

    code: str
    name: str
    messages: int
    verdicts: Mapping[str, int]
    flagged: int
    review: int


@dataclass(frozen=True)
class HeatRow:
    """The flagged messages of a kind: the total, and (count, shade) by language."""

    name: str
    total: int
    cells: tuple[tuple[int, float], ...]


def _figures(counts: Counts, found: Sequence[Band]) -> dict[str, object]:
    """Return the counts in the form of the template."""
    thresholds = {band.decision.value: band.threshold for band in found}
    columns, heat = _heat_map(counts.kinds)
    return {
        "counts": counts,
        "bands": found,
        "thresholds": thresholds,
        "decisions": [(d.value, counts.total()[d], _ACTION[d]) for d in Decision],
        "shares": [(d.value, counts.total()[d]) for d in Decision],
        "models": counts.total("model_id").most_common(),
        "scored": int(counts.histogram.sum()),
        "histogram": histogram(counts.histogram, thresholds["flag"], thresholds["review"]),
        "languages": _language_rows(counts),
        "heat_columns": columns,
        "heat": heat,
        "timeline": timeline(counts.days, counts.day_verdicts, counts.day_kinds),
    }


def _of(part: float, whole: float) -> float:
    """Return a share in percent for the plots."""
    return round(100 * part / whole, 3) if whole else 0.0


def _language_rows(counts: Counts) -> list[LanguageRow]:
    """Return a row for each of the most frequent languages, and one for all others."""
    totals = counts.total("language").most_common()
    kept = [code for code, _ in totals[:_MOST_LANGUAGES]]
    rows = [_language_row(counts, {code}, code, language_name(code)) for code in kept]
    rest = {code for code, _ in totals[_MOST_LANGUAGES:]}
    if rest:
        rows.append(_language_row(counts, rest, "", f"{len(rest)} others"))
    return rows


def _language_row(counts: Counts, codes: set[str], code: str, name: str) -> LanguageRow:
    verdicts: Counter[str] = Counter()
    decisions: Counter[str] = Counter()
    for group, found in counts.groups.items():
        if group.language in codes:
            decisions[group.decision] += found.messages
            verdicts[group.verdict or ""] += found.messages
    flagged, review = decisions[Decision.FLAG], decisions[Decision.REVIEW]
    return LanguageRow(code, name, sum(decisions.values()), verdicts, flagged, review)


def _heat_map(kinds: Counter[tuple[str, str]]) -> tuple[list[str], list[HeatRow]]:
    """Return the names of the languages and a row for each kind, both most frequent first."""
    by_language = _summed((language, n) for (language, _), n in kinds.items())
    by_kind = _summed((kind, n) for (_, kind), n in kinds.items())
    columns = [code for code, _ in by_language.most_common(_MOST_COLUMNS)]
    order = sorted(by_kind, key=lambda kind: (kind == NO_KIND, -by_kind[kind], kind))
    most = max((kinds[code, kind] for code in columns for kind in order), default=1)
    rows = [
        HeatRow(
            kind_name(kind),
            by_kind[kind],
            tuple((kinds[code, kind], _shade(kinds[code, kind], most)) for code in columns),
        )
        for kind in order
    ]
    return columns, rows


def _summed(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, messages in pairs:
        found[name] += messages
    return found


def _shade(messages: int, most: int) -> float:
    return round(_STRONGEST_SHADE * sqrt(messages / most), 3) if messages else 0.0


MOST_GROUPS = 20
TEXT_COLUMN = "text"


def write_report(
    scored: str | Path,
    destination: str | Path | None = None,
    *,
    text_column: str | None = None,
    time_column: str | None = None,
    key_column: str | None = None,
    model: str | Path | None = None,
    title: str | None = None,
    samples: bool = True,
    made: date | None = None,
) -> Path:
    """Write a page about a scored dump and return its path.

    The default ``destination`` is ``<stem>.report.html`` next to the dump.

    ``text_column`` (by default ``text``), ``time_column`` and ``key_column`` (by default a column
    with a usual name, such as ``sent_at`` or ``id``) may be dotted paths. ``model`` is the bundle
    that scored the dump, by default the shipped one if it did. Without ``samples`` the page shows
    no message and no model is loaded. An earlier report under the name is replaced, any other
    file is not.

    Raises InputError if the dump is not scored or not local, a column is missing, the bundle did
    not score the dump or the destination is taken; BundleError if the bundle is damaged,
    OutputError if writing fails, MissingExtraError without the extra ``report``.
    """
    source = local_source(scored)
    target = page_path(source, destination)
    dump = open_scored(source)
    text = _column(dump, text_column, TEXT_COLUMN if dump.has(TEXT_COLUMN) else None)
    time = _column(dump, time_column, find_time_column(dump.columns))
    key = _column(dump, key_column, find_key_column(dump.columns))
    counts, messages = _read(dump, text, time, key)
    _check(source, counts)
    models = [name for name, _ in counts.total("model_id").most_common() if name is not None]
    bundle = scoring_bundle(source, models, model)
    campaigns = campaigns_of(dump, text, time)
    if samples:
        detector = None if bundle is None or text is None else ScamDetector.load(bundle.folder)
        campaigns = with_samples(campaigns, dump, text, detector)
        messages = Messages(with_pieces(messages.found, detector), with_pieces(messages.passed))
    scored_by = bundle.model_id if bundle else next(iter(models), None)
    groups, group_notices = _groups(source, counts)
    page = html.page(
        "dump.html",
        {"share": share_of, "of": _of},
        visible,
        generator=GENERATOR,
        title=title or f"Scam report: {source.name}",
        source=source.name,
        made=made or date.today(),
        version=__version__,
        calibrated=bundle is not None and bool(bundle.operating_points),
        campaigns=campaigns,
        messages=messages,
        key_column=key,
        groups=groups,
        has_text=text is not None,
        notices=(*notices(counts, models), *group_notices, *campaigns.notices),
        time_note=time_note(counts, time, named=time_column is not None),
        sample_note=sample_note(text, samples=samples, marked=bundle is not None),
        measured_note=measured_note(models, bundle),
        card_name=f"{CARD} of the bundle {bundle.name if bundle else listed(models) or '?'}",
        card=bundle.read(CARD).decode("utf-8", "replace") if bundle else None,
        kind_name=kind_name,
        language_name=language_name,
        **_figures(counts, bands(counts.groups, scored_by, bundle)),
    )
    with reported(target):
        html.write_page(page, target, access_of([source]))
    return target


def _column(dump: ScoredDump, given: str | None, default: str | None) -> str | None:
    if given is not None:
        dump.require(given)
    return given or default


def _read(
    dump: ScoredDump, text: str | None, time: str | None, key: str | None
) -> tuple[Counts, Messages]:
    """Return the counts of a dump and its highest scores; no messages without a text column."""
    counts, messages = Counts(), TopMessages()
    for batch in dump.batches(text, time, key):
        counts.add(batch)
        if text is not None:
            messages.add(batch)
    return counts, messages.messages()


def _check(source: Path, counts: Counts) -> None:
    if not counts.messages:
        raise InputError(f"{source}: the file has no scored message")
    version = max((v for v in counts.total("schema_version") if v is not None), default=0)
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{source}: its scamdetect_ columns have schema version {version}, but this "
            f"scamdetect reads version {SCHEMA_VERSION}; upgrade scamdetect"
        )


def _groups(source: Path, counts: Counts) -> tuple[TopGroups | None, tuple[str, ...]]:
    """Return the groups next to the file, or None and a notice why they are not shown."""
    try:
        groups = top_groups(source, MOST_GROUPS)
    except InputError:
        return None, (damaged_groups_note(),)
    note = None if groups is None else other_groups_note(groups, counts)
    return (groups, ()) if note is None else (None, (note,))


def scoring_bundle(source: Path, models: Sequence[str], model: str | Path | None) -> Bundle | None:
    """Return the bundle that scored the dump, None if it is not at hand.

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
    by = listed(models) or "a model without a name"
    raise InputError(
        f"{source} was scored by {by}, and {model} holds {bundle.model_id}; pass the bundle that "
        "scored it, or omit --model"
    )
