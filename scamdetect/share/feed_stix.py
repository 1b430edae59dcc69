"""Read indicators of others from bundles of STIX 2.0 and 2.1, object by object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scamdetect.errors import InputError
from scamdetect.share.feed_tables import Entry, time_of
from scamdetect.share.json_values import Value, values
from scamdetect.share.listing import LeftOut, Listing, Plain, plain_of
from scamdetect.share.stix_patterns import ACCOUNT, Equality, equalities
from scamdetect.text.indicators import IndicatorType

OBJECTS = ("objects", "*")
_VERSION = ("spec_version",)  # of a bundle of 2.0, whose objects have none
_VERSIONS = ("2.0", "2.1")
_PATHS = {
    "domain-name:value": IndicatorType.DOMAIN,
    "url:value": IndicatorType.LINK,
    "email-addr:value": IndicatorType.EMAIL,
    ACCOUNT: IndicatorType.HANDLE,
}
# Objects in every bundle that list no indicator.
_COMPANIONS = frozenset(("identity", "marking-definition", "extension-definition", "sighting"))


def read_bundle(path: Path) -> Iterator[Entry]:
    """Yield the indicators of a bundle; raise InputError if the JSON is broken."""
    bundle_version: object = None
    empty = True
    for value in values(path, [OBJECTS, _VERSION]):
        if value.keys == _VERSION:
            bundle_version = value.content
        else:
            empty = False
            yield from _entries(path.name, value, bundle_version)
    if empty:
        raise InputError(f"{path}: the bundle has no objects; download it again")


def _entries(source: str, value: Value, bundle_version: object) -> Iterator[Entry]:
    place = f"object {value.number} at line {value.line}"
    found = value.content
    if value.problem is not None or not isinstance(found, dict):
        yield LeftOut(value.problem or "not a JSON object", place)
        return
    kind = found.get("type")
    if kind in _COMPANIONS:
        return
    if kind != "indicator":
        shown = str(kind)[:40] if isinstance(kind, str) else "without a type"
        yield LeftOut(f"{shown}: not an indicator, so messages cannot be checked for it", place)
        return
    version = found.get("spec_version", bundle_version)
    if version is not None and version not in _VERSIONS:
        yield LeftOut("of another STIX version than 2.0 and 2.1; ask for one of these", place)
        return
    pattern = found.get("pattern")
    if found.get("pattern_type", "stix") != "stix" or not isinstance(pattern, str):
        yield LeftOut("with a pattern in another language than STIX; ask for a STIX pattern", place)
        return
    equal = equalities(pattern)
    if equal is None:
        yield LeftOut(
            "with a pattern that is not an equality; messages can only be checked for complete "
            "values",
            place,
        )
        return
    for one in equal:
        yield _entry(one, found, source, place)


def _entry(one: Equality, found: Mapping[str, Any], source: str, place: str) -> Entry:
    kind = _PATHS.get(one.path)
    if kind is None:
        return LeftOut(
            f"with a pattern on {one.path[:40]}, for which messages are not checked", place
        )
    plain = plain_of(kind, one.value)
    if not isinstance(plain, Plain):
        return LeftOut(plain, place)
    confidence = found.get("confidence")
    if confidence is not None and not _is_percent(confidence):
        return LeftOut("with a confidence that is not a number from 0 to 100; correct it", place)
    revoked = found.get("revoked", False)
    if not isinstance(revoked, bool):
        return LeftOut("with a value other than true or false for revoked; correct it", place)
    try:
        return Listing(
            type=plain.type,
            value=plain.value,
            source=source,
            place=place,
            id=str(found["id"]) if "id" in found else None,
            changed=time_of(_text(found, "modified")),
            confidence=confidence,
            valid_from=time_of(_text(found, "valid_from")),
            valid_until=time_of(_text(found, "valid_until")),
            withdrawn=revoked,
        )
    except ValueError as problem:
        return LeftOut(str(problem), place)


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name, "")
    return value if isinstance(value, str) else "no time"


def _is_percent(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100
