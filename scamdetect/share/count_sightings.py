"""Report to the owner of a feed how often its indicators were seen: only counts and days.

Only indicators of this feed are counted, so nobody learns what another feed contains. Those in
fewer than three messages are left out, because they may identify a person.
"""

from __future__ import annotations

import datetime
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.dumps.listed import listed_key
from scamdetect.errors import InputError
from scamdetect.frames.columns import INDICATORS_COLUMN
from scamdetect.scored.source import aligned, companions, opened
from scamdetect.share.export import ExportFormat, LeftOut, checked_name
from scamdetect.share.feeds import read_feed
from scamdetect.share.listing import Listing
from scamdetect.share.messages import Dump, days_of
from scamdetect.share.sighting_formats import (
    csv_text,
    has_reference,
    is_safe,
    misp_text,
    stix_text,
)
from scamdetect.share.sightings import Sighting
from scamdetect.share.signals import named_id
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import access_of, write_text
from scamdetect.system.os_errors import written
from scamdetect.text.indicators import IndicatorType

FEWEST_MESSAGES = 3

_FEW = f"seen in fewer than {FEWEST_MESSAGES} messages, which may identify a person"
_UNLISTED = "not listed by this feed"
_NO_REFERENCE = "without an id that a STIX sighting can refer to; use --format csv"
_RUNS = "a spreadsheet would run a cell as a formula; use --format stix or misp"
_FORMATS = (ExportFormat.CSV, ExportFormat.MISP, ExportFormat.STIX)


@dataclass(frozen=True)
class SightingsSummary:
    """The path of the sightings, their numbers by type, and what was left out."""

    destination: Path
    written: dict[str, int]
    left_out: tuple[LeftOut, ...]


@dataclass(slots=True)
class _Seen:
    messages: int = 0
    days: list[int] = field(default_factory=list)  # the first and the last, if any is known

    def add(self, messages: int, days: Sequence[int]) -> None:
        self.messages += messages
        if some := [*self.days, *days]:
            self.days = [min(some), max(some)]


def write_sightings(
    scored: str | Path | Sequence[str | Path],
    destination: str | Path,
    *,
    feed: str | Path,
    organisation: str,
    export_format: ExportFormat | str | None = None,
    time_column: str | None = None,
    sources: Sequence[str | Path] = (),
    overwrite: bool = False,
    today: datetime.date | None = None,
) -> SightingsSummary:
    """Write how many messages of scored files contain each indicator of a feed, and on which days.

    The files are results of ``score_file`` with ``listed``, which stores at most 20 indicators per
    message. ``feed`` is the file from its owner: sightings refer to its ids. ``organisation`` is
    the one that saw them. The format is CSV for the extension ``.csv``, or is given: csv, misp or
    stix. ``time_column`` sets the days; ``sources`` are the original files, one for each scored
    file, if they have the column. The ids of sightings depend on the files' content, so the same
    files give the same ids. Indicators in fewer than 3 messages are not written.

    Raises InputError for files that were scored without indicators or contain only flagged rows,
    for a feed that cannot be read, and if there is nothing to write; OutputError.
    """
    destination = Path(destination)
    kind = _format(destination, export_format)
    organisation = checked_name(organisation)
    given = [scored] if isinstance(scored, str | Path) else list(scored)
    dumps = _opened(given, sources, time_column)
    inputs = [Path(feed), *(path for dump in dumps for path in dump.opened.files)]
    target = file_destination(destination, overwrite=overwrite, inputs=inputs)
    digest = hashlib.sha256()
    cells = _cells(dumps, digest)
    reasons: Counter[str] = Counter()
    counted = _counted(cells, Path(feed), organisation, digest.hexdigest(), kind, reasons)
    found = [one for one in counted if not _is_unfit(one, kind, reasons)]
    if not found:
        told = "; ".join(f"{n:,} {reason}" for reason, n in reasons.most_common())
        raise InputError(
            f"{feed}: none of its indicators has a sighting to write "
            f"({told or 'none was seen'}); no file was written"
        )
    found.sort(key=lambda one: (-one.messages, str(one.type), str(one.value), one.of or ""))
    day = datetime.datetime.now(datetime.UTC).date() if today is None else today
    with written(destination):
        write_text(target, _text(found, kind, day), access_of(inputs))
    types = Counter(str(one.type) for one in found)
    left_out = tuple(LeftOut(count, reason) for reason, count in reasons.most_common())
    return SightingsSummary(destination, dict(types.most_common()), left_out)


def _format(destination: Path, given: ExportFormat | str | None) -> ExportFormat:
    if given is None and destination.suffix.lower() == ".csv":
        return ExportFormat.CSV
    if given not in _FORMATS:
        raise InputError(
            f"{destination}: unknown format of sightings; pass --format csv, misp or stix"
        )
    return ExportFormat(given)


def _opened(
    given: Sequence[str | Path], sources: Sequence[str | Path], time_column: str | None
) -> list[Dump]:
    found = []
    for place, source in zip(given, companions(given, sources), strict=True):
        dump = opened(place, source, "sightings")
        if dump.record.asked.indicators is None:
            raise InputError(
                f"{dump.path}: was scored without a feed, so it has no column {INDICATORS_COLUMN}; "
                "score again with --indicators"
            )
        found.append(Dump(dump, dump.columns(time_column=time_column), {}))
    return found


def _cells(dumps: Sequence[Dump], digest: hashlib._Hash) -> dict[str, _Seen]:
    """Return the sightings in each cell of the column; most cells have the same few indicators."""
    found: dict[str, _Seen] = defaultdict(_Seen)
    row = 0
    for dump in dumps:
        for cells, days in _batches(dump):
            for place, cell in enumerate(cells, row):
                if cell:
                    # With its place, so that two days with equal counts differ.
                    digest.update(f"{place} {cell}\n".encode("utf-8", "backslashreplace"))
                    day = days[place - row]
                    found[cell].add(1, [] if day is None else [day])
            row += len(cells)
    return found


def _batches(dump: Dump) -> Iterator[tuple[list[str | None], Sequence[int | None]]]:
    """Yield the cells of the column, and the days since 1970 in UTC."""
    scores = dump.opened.scores(INDICATORS_COLUMN)
    if dump.columns.time is None:
        for table in scores:
            yield table["text"].to_pylist(), [None] * table.num_rows
        return
    days = (pa.table({"day": days_of(dump.columns, rows)}) for rows in dump.opened.batches())
    for table, values in aligned(scores, days):
        if pc.any(pc.is_valid(table["text"])).as_py():
            yield table["text"].to_pylist(), values["day"].to_pylist()
        else:
            yield [None] * table.num_rows, [None] * table.num_rows


def _counted(
    cells: dict[str, _Seen],
    feed: Path,
    organisation: str,
    digest: str,
    kind: ExportFormat,
    reasons: Counter[str],
) -> list[Sighting]:
    """Return the sightings of the feed's indicators, and count the others."""
    keys = {name: _key(name) for cell in cells for name in cell.split()}
    seen = set(keys.values())
    targets: dict[tuple[str, ...], Listing] = {}
    targets_of: dict[int, set[tuple[str, ...]]] = defaultdict(set)
    for one in read_feed(feed):
        if isinstance(one, Listing) and (key := listed_key(one.type, one.value)) in seen:
            # A STIX object can have several values, and has one count.
            target = (one.id,) if one.id and kind is ExportFormat.STIX else _target(one)
            targets.setdefault(target, one)
            targets_of[key].add(target)
    counts: dict[tuple[str, ...], _Seen] = defaultdict(_Seen)
    for cell, count in cells.items():
        names = cell.split()
        for target in {t for name in names for t in targets_of.get(keys[name], ())}:
            counts[target].add(count.messages, count.days)
    if unlisted := len(seen - targets_of.keys()):
        reasons[_UNLISTED] += unlisted
    return [
        _sighting(targets[target], count, organisation, digest) for target, count in counts.items()
    ]


def _target(one: Listing) -> tuple[str, ...]:
    return (one.id or "", one.type.value, one.value)


def _key(name: str) -> int:
    type, _, value = name.partition(":")
    try:
        return listed_key(IndicatorType(type), value)
    except ValueError as problem:
        raise InputError(
            f"column {INDICATORS_COLUMN}: not written by scamdetect score; score again"
        ) from problem


def _sighting(one: Listing, seen: _Seen, organisation: str, digest: str) -> Sighting:
    days = [datetime.date(1970, 1, 1) + datetime.timedelta(day) for day in seen.days]
    first, last = days or (None, None)
    return Sighting(
        of=one.id,
        type=one.type,
        value=one.value,
        organisation=organisation,
        messages=seen.messages,
        first_day=first,
        last_day=last,
        id=str(named_id("sighting of", *_target(one), organisation, digest)),
    )


def _is_unfit(one: Sighting, kind: ExportFormat, reasons: Counter[str]) -> bool:
    """Return True if a sighting must be left out, and count the reason."""
    reason = None
    if one.messages < FEWEST_MESSAGES:
        reason = _FEW
    elif kind is ExportFormat.STIX and not has_reference(one):
        reason = _NO_REFERENCE
    elif kind is ExportFormat.CSV and not is_safe(one):
        reason = _RUNS
    if reason is not None:
        reasons[reason] += 1
    return reason is not None


def _text(found: Sequence[Sighting], kind: ExportFormat, today: datetime.date) -> str:
    if kind is ExportFormat.STIX:
        return stix_text(found, today)
    return csv_text(found) if kind is ExportFormat.CSV else misp_text(found)
