"""Read others' sightings: our own CSV, STIX bundles, and MISP events, answers and requests."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scamdetect.errors import InputError
from scamdetect.share.feed_misp import ATTRIBUTES, OBJECTS
from scamdetect.share.feed_stix import OBJECTS as STIX_OBJECTS
from scamdetect.share.feed_tables import entry_of, first_of, table_rows, time_of
from scamdetect.share.feeds import JsonKind, json_kind
from scamdetect.share.json_values import Keys, values
from scamdetect.share.listing import LeftOut, Plain, plain_of, type_named
from scamdetect.share.sightings import Sighting
from scamdetect.share.stix import MOST_COUNTED
from scamdetect.system.shown import visible_line
from scamdetect.text.indicators import IndicatorType

_MESSAGES = ("messages", "count", "sightings")
_FIRST_DAY, _LAST_DAY = ("first_day", "first_seen"), ("last_day", "last_seen")
_ORGANISATION = ("organisation", "organization", "source")
_NO_COUNT = "with a count that is not an integer of at least 1; write the number of messages"
_NO_DAY = "with a date that does not exist in UTC; correct it"
_BACKWARDS = "with a last day before the first; correct them"
_NOBODY = "without an organisation, so it is unknown who saw it; add its name"
_ANSWERS: tuple[Keys, ...] = (("response", "*", "Sighting"), ("*", "Sighting"), ("Sighting",))
_LONGEST_NAME = 60
_SEEN, _FALSE_POSITIVE = "0", "1"  # types of sightings in MISP
# As our own requests name their source, because MISP has no count.
_SOURCE = re.compile(r"(.+): (\d{1,9}) messages(?: since (\d{4}-\d\d-\d\d))?")


@dataclass(frozen=True, slots=True)
class Found:
    """A sighting in a file: its id, its place, and the time of this version.

    ``taken_back`` is True if those who saw it withdrew it.
    """

    sighting: Sighting
    id: str | None
    place: str
    changed: datetime.datetime | None = None
    taken_back: bool = False


def read_sightings(path: Path) -> Iterator[Found | LeftOut]:
    """Yield the sightings of a file, and those left out with the reason.

    The extension sets the format: CSV and TSV with the columns of our own files, and JSON, which is
    a STIX bundle, a MISP event with its sightings, an answer of its API, or requests to it. Raises
    InputError if the file cannot be read as a whole, or has no sighting.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".tsv", ".json"):
        raise InputError(
            f"{path}: the extension does not set the format of sightings; name it .csv, .tsv "
            "or, for MISP and STIX, .json"
        )
    if suffix != ".json":
        found = _of_table(path)
    else:
        found = _of_bundle(path) if json_kind(path) is JsonKind.STIX else _of_misp(path)
    empty = True
    for one in found:
        empty = False
        yield one
    if empty:
        raise InputError(f"{path}: contains no sighting; ask for sightings, or leave it out")


def _of_table(path: Path) -> Iterator[Found | LeftOut]:
    for found in table_rows(path):
        if isinstance(found, LeftOut):
            yield found
            continue
        row, place = found
        listed = entry_of(row, path.name, place)
        if isinstance(listed, LeftOut):
            yield listed
            continue
        try:
            days = _days(first_of(row, _FIRST_DAY), first_of(row, _LAST_DAY))
            sighting = Sighting(
                listed.id, listed.type, listed.value,
                _organisation(first_of(row, _ORGANISATION)),
                _count(first_of(row, _MESSAGES)),
                *days,
            )  # fmt: skip
        except ValueError as problem:
            yield LeftOut(str(problem), place)
        else:
            id = first_of(row, ("sighting_id",)) or None
            yield Found(sighting, id, place, listed.changed, listed.withdrawn)


def _of_bundle(path: Path) -> Iterator[Found | LeftOut]:
    """Yield the sightings of a bundle, whose organisations may come later in it."""
    names = {}
    for value in values(path, [STIX_OBJECTS]):
        one = value.content
        if isinstance(one, dict) and one.get("type") == "identity":
            names[str(one.get("id"))] = str(one.get("name"))
    for value in values(path, [STIX_OBJECTS]):
        place = f"object {value.number} at line {value.line}"
        if value.problem is not None or not isinstance(value.content, dict):
            yield LeftOut(value.problem or "not a JSON object", place)
        elif value.content.get("type") == "sighting":
            yield _of_object(value.content, names, place)


def _of_object(one: Mapping[str, Any], names: Mapping[str, str], place: str) -> Found | LeftOut:
    of, where = one.get("sighting_of_ref"), one.get("where_sighted_refs")
    if not isinstance(of, str) or not of.startswith("indicator--"):
        return LeftOut("of something other than an indicator", place)
    seen_at = where[0] if isinstance(where, list) and where else one.get("created_by_ref")
    name = str(seen_at or "")
    try:
        changed = time_of(_text(one.get("modified")))
        sighting = Sighting(
            of, None, None,
            _organisation(names.get(name, name)),
            _count(_text(one.get("count", 1))),
            *_days(_text(one.get("first_seen")), _text(one.get("last_seen"))),
        )  # fmt: skip
    except ValueError as problem:
        return LeftOut(str(problem), place)
    id = str(one.get("id") or "").removeprefix("sighting--") or None
    return Found(sighting, id, place, changed, one.get("revoked") is True)


def _of_misp(path: Path) -> Iterator[Found | LeftOut]:
    for value in values(path, {*_ANSWERS, *ATTRIBUTES, *OBJECTS}):
        what = next(name for name in reversed(value.keys) if name != "*").lower()
        place = f"{what} {value.number} at line {value.line}"
        if value.problem is not None or not isinstance(value.content, dict):
            yield LeftOut(value.problem or "not a JSON object", place)
        elif value.keys in _ANSWERS:
            yield _of_answer(value.content, _dict(value.content.get("Attribute")), place)
        else:
            inner = value.content.get("Attribute") if value.keys in OBJECTS else [value.content]
            for attribute in map(_dict, inner if isinstance(inner, list) else []):
                given = attribute.get("Sighting")
                for number, one in enumerate(given if isinstance(given, list) else [], 1):
                    yield _of_answer(_dict(one), attribute, f"{place}, sighting {number}")


def _of_answer(one: Mapping[str, Any], attribute: Mapping[str, Any], place: str) -> Found | LeftOut:
    """Return one sighting of an attribute; requests to MISP name it by its uuid or value."""
    kind = str(one.get("type", _SEEN))
    if kind not in (_SEEN, _FALSE_POSITIVE):
        return LeftOut("reports that an indicator expired, not that it was seen", place)
    is_request = not attribute and "attribute_id" not in one and "attribute_uuid" not in one
    of = one.get("uuid") if is_request else attribute.get("uuid", one.get("attribute_uuid"))
    plain = _plain(attribute.get("type"), attribute.get("value", one.get("value")))
    if of is None and plain is None:
        return LeftOut("without the uuid or the value of its attribute; ask for these", place)
    source = _text(one.get("source"))
    told = _SOURCE.fullmatch(source)
    owner = _text(_dict(one.get("Organisation")).get("name"))
    seen = _text(one.get("date_sighting", one.get("timestamp")))
    try:
        sighting = Sighting(
            None if of is None else str(of),
            plain.type if plain else None,
            plain.value if plain else None,
            # The server's name for its users has precedence over their own.
            _organisation(owner or (told[1] if told else source)),
            _count(told[2]) if told else 1,
            *_days(told[3] or seen if told else seen, seen),
            false_positive=kind == _FALSE_POSITIVE,
        )
    except ValueError as problem:
        return LeftOut(str(problem), place)
    id = None if is_request else str(one.get("uuid") or "") or None
    return Found(sighting, f"{of or plain}\n{source}\n{seen}" if told else id, place)


def _plain(kind: object, value: object) -> Plain | None:
    """Return the indicator in its normal form, None if we do not know its type."""
    type = type_named(kind) if isinstance(kind, str) else None
    if not isinstance(value, str) or (kind is not None and not isinstance(type, IndicatorType)):
        return None
    found = plain_of(type if isinstance(type, IndicatorType) else None, value)
    return found if isinstance(found, Plain) else None


def _organisation(name: str) -> str:
    """Return an organisation's name in a form safe for a cell; raise ValueError if empty."""
    found = visible_line(" ".join(name.split()).replace(";", ","))[:_LONGEST_NAME]
    if not found:
        raise ValueError(_NOBODY)
    return found


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:20]) <= MOST_COUNTED):
        raise ValueError(_NO_COUNT)
    return int(text)


def _days(first: str, last: str) -> tuple[datetime.date | None, datetime.date | None]:
    """Return both days in UTC; raise ValueError if one is not a time, or they are out of order."""
    times = [time_of(text) for text in (first, last)]
    try:
        days = [None if time is None else time.astimezone(datetime.UTC).date() for time in times]
    except OverflowError as problem:  # at an end of the calendar, in another zone
        raise ValueError(_NO_DAY) from problem
    if days[0] is not None and days[1] is not None and days[1] < days[0]:
        raise ValueError(_BACKWARDS)
    return days[0], days[1]


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
