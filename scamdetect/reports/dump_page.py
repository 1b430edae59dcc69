"""The counts of a report as what the page shows, and the page itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from math import sqrt

from scamdetect.errors import MissingExtraError
from scamdetect.labels import Decision, Verdict, kind_name, language_name
from scamdetect.reports.dump_charts import histogram, timeline
from scamdetect.reports.dump_counts import NO_KIND, Band, Counts
from scamdetect.reports.dump_notes import Piece
from scamdetect.reports.places import GENERATOR
from scamdetect.scored.campaigns import Campaign
from scamdetect.scored.top_groups import TopGroups
from scamdetect.system.shown import visible

try:
    from jinja2 import Environment, StrictUndefined
except ImportError as error:
    raise MissingExtraError("jinja2", "report") from error

_MOST_LANGUAGES, _MOST_COLUMNS = 30, 10
_STRONGEST_SHADE = 0.6
_ACTION = {
    Decision.FLAG: "likely a scam: act on it or look at it first",
    Decision.REVIEW: "may be one: for a person to look at as time allows",
    Decision.PASS: "nothing to do",
    Decision.UNSCORED: "no text to judge, such as an empty message",
}


@dataclass(frozen=True)
class ShownCampaign:
    """A campaign with the pieces of its first message, none where samples are left out."""

    campaign: Campaign
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Report:
    """Everything that the page shows; ``card`` is the text of the bundle's model card, if known."""

    title: str
    source: str
    made: date
    version: str
    counts: Counts
    bands: tuple[Band, ...]
    calibrated: bool  # whether a bundle told what the thresholds mean
    campaigns: tuple[ShownCampaign, ...]
    shortfall: int
    groups: TopGroups | None
    has_text: bool
    notices: tuple[str, ...]
    time_note: str
    campaign_note: str
    threshold_note: str
    card_name: str
    card: str | None


@dataclass(frozen=True)
class LanguageRow:
    """The messages of a language by verdict, and how many were flagged or are to review."""

    code: str
    name: str
    messages: int
    verdicts: Mapping[str, int]
    flagged: int
    review: int


@dataclass(frozen=True)
class HeatRow:
    """The flagged messages of a kind: in all, and (count, shade) by language."""

    name: str
    total: int
    cells: tuple[tuple[int, float], ...]


def render(report: Report) -> str:
    """Return the page: one file that loads nothing, every text escaped."""
    counts = report.counts
    thresholds = {band.decision.value: band.threshold for band in report.bands}
    columns, heat = _heat_map(counts.kinds)
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=visible,
    )
    environment.filters |= {"count": count, "share": share, "of": _of}
    source = files("scamdetect.reports").joinpath("page.html").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        report=report,
        counts=counts,
        generator=GENERATOR,
        decisions=[(d.value, counts.total()[d], _ACTION[d]) for d in Decision],
        parts=[(d.value, counts.total()[d]) for d in Decision],
        models=counts.total("model_id").most_common(),
        scored=int(counts.histogram.sum()),
        histogram=histogram(counts.histogram, thresholds["flag"], thresholds["review"]),
        thresholds=thresholds,
        languages=_language_rows(counts),
        verdicts=[verdict.value for verdict in Verdict],
        heat_columns=columns,
        heat=heat,
        timeline=timeline(counts.days, counts.day_verdicts, counts.day_kinds),
        kind_name=kind_name,
        language_name=language_name,
    )


def count(number: int, of: str = "") -> str:
    """Return a number, with the word for what is counted in its singular or plural if given."""
    plural = "s" if of and number != 1 else ""
    return f"{number:,} {of}{plural}".rstrip()


def share(part: float, whole: float) -> str:
    """Return a share in percent, with as many digits as say something."""
    if not whole or not part:
        return "0 %"
    percent = 100 * part / whole
    if percent < 0.01:
        return "under 0.01 %"
    digits = 0 if percent >= 99.95 else 2 if percent < 1 else 1
    return f"{percent:.{digits}f} %"


def _of(part: float, whole: float) -> float:
    """Return a share in percent as a number for the plots."""
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
