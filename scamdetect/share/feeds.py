"""Read indicators of others in any format into one list to check messages against.

Expiry, confidence and withdrawal are respected, the guard lists filter, and everything left out is
counted with the reason and the first place.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path

from scamdetect.dumps.json import opened
from scamdetect.dumps.listed import MOST_FEEDS, Listed
from scamdetect.errors import InputError
from scamdetect.share.feed_misp import read_event
from scamdetect.share.feed_stix import read_bundle
from scamdetect.share.feed_tables import (
    Entry,
    read_array,
    read_lines_of_json,
    read_table,
    read_text_lines,
)
from scamdetect.share.feed_versions import FeedReport, Versions
from scamdetect.share.listing import LeftOut, Listing, blocked
from scamdetect.text.indicators import IndicatorType

LEAST_CONFIDENCE = 30  # where "low" ends in the STIX scale
_TABLES: dict[str, Callable[[Path], Iterator[Entry]]] = {
    ".csv": read_table,
    ".tsv": read_table,
    ".jsonl": read_lines_of_json,
    ".ndjson": read_lines_of_json,
    ".txt": read_text_lines,
}
_HEAD = 64 << 10
_KEY = re.compile(rb'"(objects|spec_version|type|id|Event|response|Sighting)"\s*:')
_OF_MISP = (b"Event", b"response", b"Sighting")


class JsonKind(Enum):
    """The type of a JSON file, judged by its start."""

    MISP = "MISP"
    STIX = "STIX"
    ARRAY = "array"


_JSON_READERS: dict[JsonKind, Callable[[Path], Iterator[Entry]]] = {
    JsonKind.MISP: read_event,
    JsonKind.STIX: read_bundle,
    JsonKind.ARRAY: read_array,
}
Blocked = Callable[[IndicatorType, str], str | None]  # why a guard list blocks it


def read_feed(path: str | Path) -> Iterator[Entry]:
    """Yield the entries of a feed, and those left out, in the order of the file.

    The extension sets the format: CSV, TSV, JSONL, text with one value per line, and JSON, which is
    a MISP event, a bundle of STIX 2.0 or 2.1, or an array of records. The file is read piece by
    piece. Raises InputError if it cannot be read as a whole.
    """
    path = Path(path)
    read = _TABLES.get(path.suffix.lower())
    if read is None and path.suffix.lower() != ".json":
        raise InputError(
            f"{path}: the extension does not set the format; name it .csv, .tsv, .jsonl, .txt "
            "or, for MISP and STIX, .json"
        )
    return (read or _JSON_READERS[json_kind(path)])(path)


def read_feeds(
    paths: Sequence[str | Path],
    *,
    as_of: datetime.date | None = None,
    least_confidence: int = LEAST_CONFIDENCE,
    region: str | None = None,
    blocked: Blocked = blocked,
) -> tuple[Listed, list[FeedReport]]:
    """Return the indicators of all feeds that are valid on a day, and a report on each feed.

    ``as_of`` is today, in UTC, by default. Indicators that expired before, are not valid yet, were
    withdrawn or have less than ``least_confidence`` are not used; those without a confidence are.
    The last of several versions with one id counts, in any feed. ``blocked`` returns why a guard
    list excludes a value, or None. Phone numbers in messages without a country code belong to the
    ``region`` (ISO 3166).

    Raises InputError for feeds that cannot be read, and if no indicator is left.
    """
    if len(paths) > MOST_FEEDS:
        raise InputError(
            f"got {len(paths)} feeds, but at most {MOST_FEEDS} can be read at once; combine some"
        )
    day = datetime.datetime.now(datetime.UTC).date() if as_of is None else as_of
    start = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
    names = _names([Path(path) for path in paths])
    reports = [FeedReport(name) for name in names]
    versions = Versions()
    for number, path in enumerate(paths):
        for entry in read_feed(path):
            if isinstance(entry, LeftOut):
                reports[number].leave_out(entry.reason, entry.place)
            else:
                reason = _reason(entry, start, least_confidence, blocked)
                versions.add(entry, number, reason)
    listed = versions.listed(reports, region)
    if not len(listed):
        told = "; ".join(line for report in reports for line in report.lines())
        raise InputError(f"no usable indicator is left: {told}")
    return listed, reports


def json_kind(path: Path) -> JsonKind:
    """Return the type of a JSON file, judged by its start; raise InputError."""
    with opened(path) as window:
        window.grow()
        head = window.data[:_HEAD]
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] == b"<":
        raise InputError(
            f"{path}: XML, as in STIX 1, is not supported; ask for STIX 2.1, MISP or CSV"
        )
    found = _KEY.search(start)
    if start[:1] == b"{" and found is not None:
        return JsonKind.MISP if found[1] in _OF_MISP else JsonKind.STIX
    if start[:1] == b"[":
        return JsonKind.MISP if found is not None and found[1] in _OF_MISP else JsonKind.ARRAY
    raise InputError(
        f"{path}: not a STIX bundle, a MISP event or an array of records; use the extension "
        ".jsonl for a file of one JSON object per line"
    )


def _reason(
    one: Listing, start: datetime.datetime, least_confidence: int, blocked: Blocked
) -> str | None:
    """Return why a readable entry is not used, or None."""
    if one.withdrawn:
        return "withdrawn"
    if one.valid_until is not None and one.valid_until <= start:
        return "expired; ask if it is still valid"
    if one.valid_from is not None and one.valid_from >= start + datetime.timedelta(1):
        return "not valid yet"
    if one.confidence is not None and one.confidence < least_confidence:
        return f"of a confidence below {least_confidence}; --min-confidence sets the limit"
    return blocked(one.type, one.value)


def _names(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return a name for each feed: that of its file, or the full path if two are equal."""
    names = [path.name for path in paths]
    return tuple(path.name if names.count(path.name) == 1 else str(path) for path in paths)
