"""Read indicators of others from MISP events: one event, an API answer, or a list of events."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scamdetect.share.feed_tables import Entry, time_of
from scamdetect.share.json_values import Keys, values
from scamdetect.share.listing import LeftOut, Listing, Plain, plain_of, type_named
from scamdetect.share.misp import CONFIDENCE
from scamdetect.text.indicators import IndicatorType

_EVENTS: tuple[Keys, ...] = (
    ("Event",), ("response", "Event"), ("response", "*", "Event"), ("*", "Event"),
)  # fmt: skip
ATTRIBUTES = {(*event, "Attribute", "*") for event in _EVENTS} | {("response", "Attribute", "*")}
OBJECTS = {(*event, "Object", "*") for event in _EVENTS}
_TAGS = {(*event, "Tag") for event in _EVENTS}
_ACCOUNT_NAMES = ("username", "user-id")
_TELEGRAM = "telegram-account"
_LEVEL = re.compile(r'misp:confidence-level="?([a-z-]+)"?')
_LEVELS = {name: number for number, name in CONFIDENCE.items()}
_RETENTION = re.compile(r"retention:(\d{1,4})([dwmy])")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
_EXPIRED = "retention:expired"


def read_event(path: Path) -> Iterator[Entry]:
    """Yield the indicators of one or several events; raise InputError if the JSON is broken."""
    # Before the attributes, because MISP writes the tags of an event after them.
    tags = {value.within: _tag_names(value.content) for value in values(path, _TAGS)}
    for value in values(path, ATTRIBUTES | OBJECTS):
        place = f"{value.keys[-2].lower()} {value.number} at line {value.line}"
        common = tags.get(value.within, [])
        if value.problem is not None or not isinstance(value.content, dict):
            yield LeftOut(value.problem or "not a JSON object", place)
        elif value.keys in OBJECTS:
            yield from _of_object(value.content, common, path.name, place)
        else:
            yield _of_attribute(value.content, common, path.name, place)


def _of_object(
    found: Mapping[str, Any], common: list[str], source: str, place: str
) -> Iterator[Entry]:
    """Yield the attributes of an object; the type of an account is in another attribute."""
    parts = [one for one in _list(found.get("Attribute")) if isinstance(one, dict)]
    platforms = [p.get("value") for p in parts if p.get("object_relation") == "account-type"]
    platform = "telegram" if found.get("name") == _TELEGRAM else (*platforms, None)[0]
    for number, part in enumerate(parts, 1):
        where = f"{place}, attribute {number}"
        relation = part.get("object_relation")
        if relation in _ACCOUNT_NAMES and isinstance(platform, str):
            named = {**part, "type": "user-account", "value": f"{platform}:{part.get('value')}"}
            yield _of_attribute(named, common, source, where, found)
        elif relation == "address-crypto":
            wallet = {**part, "type": "address-crypto"}
            yield _of_attribute(wallet, common, source, where, found)
        elif part.get("type") != "text":  # attributes that describe the object
            yield _of_attribute(part, common, source, where, found)


def _of_attribute(
    found: Mapping[str, Any],
    common: list[str],
    source: str,
    place: str,
    within: Mapping[str, Any] | None = None,
) -> Entry:
    kind = type_named(str(found.get("type", "")))
    if not isinstance(kind, IndicatorType):
        return LeftOut(kind, place)
    value = found.get("value")
    plain = plain_of(kind, str(value).partition("|")[0])
    if not isinstance(plain, Plain):
        return LeftOut(plain, place)
    withdrawn = _truth(found.get("deleted")) or _truth((within or {}).get("deleted"))
    if not withdrawn and not _truth(found.get("to_ids", True)):
        return LeftOut("not intended for detection (to_ids is false); ask if it should be", place)
    tags = [*_tag_names(found.get("Tag")), *common]
    try:
        changed = time_of(str(found.get("timestamp") or ""))
        return Listing(
            type=plain.type,
            value=plain.value,
            source=source,
            place=place,
            id=str(found["uuid"]) if found.get("uuid") else None,
            changed=changed,
            confidence=_confidence(tags),
            valid_until=_end(tags, changed),
            withdrawn=withdrawn,
        )
    except ValueError as problem:
        return LeftOut(str(problem), place)


def _confidence(tags: list[str]) -> int | None:
    found = (_LEVEL.fullmatch(tag) for tag in tags)
    return next((_LEVELS[level[1]] for level in found if level and level[1] in _LEVELS), None)


def _end(tags: list[str], changed: datetime.datetime | None) -> datetime.datetime | None:
    """Return when a tag of the retention taxonomy ends it, or None."""
    if _EXPIRED in tags:
        return datetime.datetime.fromtimestamp(0, datetime.UTC)
    periods = (_RETENTION.fullmatch(tag) for tag in tags)
    period = next(filter(None, periods), None)
    if period is None or changed is None:
        return None
    return changed + datetime.timedelta(int(period[1]) * _DAYS[period[2]])


def _tag_names(tags: object) -> list[str]:
    return [str(tag.get("name", "")) for tag in _list(tags) if isinstance(tag, dict)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _truth(value: object) -> bool:
    return value in (True, 1, "1", "true", "True")
