"""Write the indicators that people decided to publish, and report what was left out and why.

The only input is a review file: nothing is exported without a person's decision.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from scamdetect.errors import InputError
from scamdetect.share import gse, misp, stix
from scamdetect.share.json_values import values
from scamdetect.share.listing import blocked
from scamdetect.share.proposals import TLP
from scamdetect.share.review import Reviewed, read_review
from scamdetect.share.signals import Signal, has_varying_part, signal_of
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import access_of, write_text
from scamdetect.system.os_errors import written
from scamdetect.text.indicators import IndicatorType


class ExportFormat(StrEnum):
    """The format of an export."""

    CSV = "csv"
    JSONL = "jsonl"
    MISP = "misp"
    STIX = "stix"


_BY_EXTENSION = {
    ".csv": ExportFormat.CSV,
    ".jsonl": ExportFormat.JSONL,
    ".ndjson": ExportFormat.JSONL,
}


@dataclass(frozen=True)
class LeftOut:
    """The number of rows left out for a reason; ``reason`` names the type or the fix."""

    count: int
    reason: str


@dataclass(frozen=True)
class ExportSummary:
    """The path of the indicators, their numbers by type, and what was left out."""

    destination: Path
    exported: dict[str, int]
    left_out: tuple[LeftOut, ...]


def write_export(
    review: str | Path,
    destination: str | Path,
    *,
    organisation: str,
    export_format: ExportFormat | str | None = None,
    strictest: str | None = None,
    previous: str | Path | None = None,
    overwrite: bool = False,
    today: datetime.date | None = None,
) -> ExportSummary:
    """Write the rows of a review file that a person decided to publish.

    The format is set by the extension ``.csv`` or ``.jsonl``, or is given; ``.json`` can be MISP or
    STIX. ``organisation`` is the one that shares; the ids depend on it. ``strictest`` is a label of
    TLP 2.0: rows with stricter ones are left out. ``previous`` is an earlier STIX export, whose
    objects keep their creation time. Types that the format lacks, values blocked by a guard list,
    and reviews that expired before ``today`` (in UTC) are counted as left out.

    The file appears completely or not at all, and is readable only for those who can read the
    review. Raises InputError if the review is invalid or there is nothing to export, OutputError.
    """
    review, destination = Path(review), Path(destination)
    kind = format_of(destination, export_format)
    organisation = checked_name(organisation)
    limit = len(TLP) if strictest is None else TLP.index(_label(strictest))
    inputs = [review, *([] if previous is None else [Path(previous)])]
    target = file_destination(destination, overwrite=overwrite, inputs=inputs)
    created = {} if previous is None else _created(Path(previous))
    day = datetime.datetime.now(datetime.UTC).date() if today is None else today
    rows = read_review(review, today=day)
    reasons: Counter[str] = Counter()
    signals = list(_kept(rows, kind, organisation, day, limit, reasons))
    if not signals:
        raise InputError(_nothing(review, reasons))
    with written(destination):
        write_text(target, text_of(signals, kind, created), access_of(inputs))
    found = Counter(one.type.value for one in signals)
    left_out = tuple(LeftOut(count, reason) for reason, count in reasons.most_common())
    return ExportSummary(destination, dict(found.most_common()), left_out)


def format_of(destination: Path, given: ExportFormat | str | None) -> ExportFormat:
    """Return the format of an export; raise InputError if neither name nor extension sets it."""
    if given is not None:
        try:
            return ExportFormat(given)
        except ValueError as problem:
            known = ", ".join(ExportFormat)
            raise InputError(f"unknown format {given!r}; known formats: {known}") from problem
    found = _BY_EXTENSION.get(destination.suffix.lower())
    if found is None:
        raise InputError(
            f"{destination}: the extension does not set the format; pass --format csv, jsonl, "
            "misp or stix"
        )
    return found


def text_of(
    signals: Sequence[Signal], kind: ExportFormat, created: dict[str, str] | None = None
) -> str:
    """Return the content of an export; every signal must have a type in the format."""
    if kind is ExportFormat.STIX:
        return stix.bundle_text(signals, created)
    writers: dict[ExportFormat, Callable[[Sequence[Signal]], str]] = {
        ExportFormat.CSV: gse.csv_text,
        ExportFormat.JSONL: gse.jsonl_text,
        ExportFormat.MISP: misp.event_text,
    }
    return writers[kind](signals)


def unfit(signal: Signal, kind: ExportFormat) -> str | None:
    """Return why the format cannot represent the signal, or None."""
    if signal.type is IndicatorType.ACCOUNT:
        return "account: bank accounts without an IBAN stay in the review file"
    if kind is ExportFormat.CSV and gse.is_formula(signal.value):
        return f"{signal.type}: a spreadsheet would run it as a formula; use --format jsonl"
    has_type = {ExportFormat.STIX: stix.has_pattern, ExportFormat.MISP: misp.has_type}
    if kind not in has_type or has_type[kind](signal):
        return None
    if has_varying_part(signal):
        return f"link with a varying part: {kind} has no equality for it; its domain covers it"
    return f"{signal.type}: {kind} has no type for it; use --format csv or jsonl"


def _kept(
    rows: Sequence[Reviewed],
    kind: ExportFormat,
    organisation: str,
    day: datetime.date,
    limit: int,
    reasons: Counter[str],
) -> Iterator[Signal]:
    """Yield the signals to export, each once, and count the reasons for leaving out others."""
    seen = set()
    for row in rows:
        signal = signal_of(row, organisation)
        reason = unfit(signal, kind)
        if signal.id in seen:
            reason = "listed twice in the review; the first row counts"
        elif TLP.index(signal.tlp) > limit:
            reason = f"{signal.tlp}: stricter than --tlp allows"
        elif signal.valid_until <= day:
            reason = f"{signal.type}: expired since its review; review it again"
        elif (name := blocked(signal.type, signal.value)) is not None:
            reason = f"{signal.type}: {name}; write no in the column publish"
        if reason is None:
            seen.add(signal.id)
            yield signal
        else:
            reasons[reason] += 1


def _created(previous: Path) -> dict[str, str]:
    """Return when the objects of an earlier STIX export were created, by their id."""
    found = {}
    for value in values(previous, [("objects", "*")]):
        one = value.content
        if isinstance(one, dict) and isinstance(one.get("created"), str):
            found[str(one.get("id"))] = one["created"]
    if not found:
        raise InputError(f"{previous}: not a STIX bundle; pass an earlier export in that format")
    return found


def _label(given: str) -> str:
    name = given.upper()
    name = name if name.startswith("TLP:") else f"TLP:{name}"
    if name not in TLP:
        raise InputError(f"unknown TLP label {given!r}; known labels: {', '.join(TLP)}")
    return name


def checked_name(organisation: str) -> str:
    """Return the name with single blanks; raise InputError if it is empty."""
    name = " ".join(organisation.split())
    if not name:
        raise InputError(
            "organisation (--organisation) is empty; pass the name of the "
            "organisation that shares the indicators"
        )
    return name


def _nothing(review: Path, reasons: Counter[str]) -> str:
    if reasons:
        told = "; ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
        return (
            f"{review}: none of the rows to publish can be exported ({told}); no file was written"
        )
    return (
        f"{review}: no row is marked for publication; enter yes in the column publish, a "
        "reviewer and a date, then export again"
    )
