"""Signals as a bundle of STIX 2.1 with TLP 2.0, for the types that STIX has an equality for.

Sources: the OASIS standard (https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html) and,
for TLP 2.0, the extension of https://github.com/oasis-open/cti-stix-common-objects, whose ids are
those that every producer uses.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any

from scamdetect.share.signals import Signal, has_varying_part, midnight, named_id
from scamdetect.text.indicators import IndicatorType

TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP_MARKINGS = {
    "TLP:CLEAR": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "TLP:GREEN": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "TLP:AMBER": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "TLP:AMBER+STRICT": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "TLP:RED": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
_TLP_CREATED = "2022-10-01T00:00:00.000Z"
# The id of an identity is derived from its name, so its creation time must not change either.
_IDENTITY_CREATED = "2026-01-01T00:00:00.000Z"
MOST_COUNTED = 999_999_999
_PATHS = {
    IndicatorType.DOMAIN: "domain-name:value",
    IndicatorType.LINK: "url:value",
    IndicatorType.EMAIL: "email-addr:value",
}


def has_pattern(signal: Signal) -> bool:
    """Return True if a STIX equality can express the signal."""
    known = (*_PATHS, IndicatorType.HANDLE)
    return signal.type in known and not has_varying_part(signal)


def bundle_text(signals: Sequence[Signal], created: Mapping[str, str] | None = None) -> str:
    """Return the JSON of a bundle; all signals must be of one organisation and have a pattern.

    ``created`` has the creation times of objects that were shared before, by id: all versions of an
    object must have the same one.
    """
    created = created or {}
    owner = identity_of(signals[0].organisation)
    objects = [owner, *(marking_of(label) for label in sorted({one.tlp for one in signals}))]
    for one in signals:
        objects.append(_indicator(one, owner["id"], created))
        if not one.withdrawn:
            objects.append(_sighting(one, owner["id"], created))
    return bundle_of(objects)


def bundle_of(objects: Sequence[Mapping[str, Any]]) -> str:
    """Return the JSON of a bundle, whose id is derived from the objects."""
    content = json.dumps(objects, sort_keys=True)
    bundle = {"type": "bundle", "id": f"bundle--{named_id('bundle', content)}", "objects": objects}
    return json.dumps(bundle, ensure_ascii=False, indent=1) + "\n"


def pattern_of(signal: Signal) -> str:
    """Return the STIX pattern that matches the value."""
    if signal.type is IndicatorType.HANDLE:
        platform, _, name = signal.value.partition(":")
        return (
            f"[user-account:account_type = {_literal(platform)} "
            f"AND user-account:account_login = {_literal(name)}]"
        )
    return f"[{_PATHS[signal.type]} = {_literal(signal.value)}]"


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def identity_of(organisation: str) -> dict[str, Any]:
    """Return the identity of an organisation, whose id is derived from its name."""
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": f"identity--{named_id('organisation', organisation)}",
        "created": _IDENTITY_CREATED,
        "modified": _IDENTITY_CREATED,
        "name": organisation,
        "identity_class": "organization",
    }


def marking_of(label: str) -> dict[str, Any]:
    """Return the marking for a label of TLP 2.0."""
    level = label.removeprefix("TLP:").lower()
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TLP_MARKINGS[label],
        "created": _TLP_CREATED,
        "name": label,
        "extensions": {TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": level}},
    }


def _indicator(signal: Signal, owner: str, created: Mapping[str, str]) -> dict[str, Any]:
    found = _common("indicator", signal, owner, created) | {
        "name": f"{signal.type.value} in scam messages",
        "indicator_types": ["malicious-activity"],
        "pattern": pattern_of(signal),
        "pattern_type": "stix",
        "pattern_version": "2.1",
        "valid_from": _start(signal.report_date),
        "valid_until": _start(signal.valid_until),
        "confidence": signal.confidence,
        "labels": _labels(signal),
    }
    return found | ({"revoked": True} if signal.withdrawn else {})


def _labels(signal: Signal) -> list[str]:
    kinds = [f"kind:{kind}" for kind in signal.kinds]
    return [f"abuse:{signal.abuse_type}", *kinds, *(["predictive"] if signal.predictive else [])]


def _sighting(signal: Signal, owner: str, created: Mapping[str, str]) -> dict[str, Any]:
    """Return how often and when the indicator was seen."""
    days = {"first_seen": signal.first_day, "last_seen": signal.last_day}
    return (
        _common("sighting", signal, owner, created)
        | {name: _start(day) for name, day in days.items() if day is not None}
        | {
            "count": min(signal.messages, MOST_COUNTED),
            "sighting_of_ref": f"indicator--{signal.id}",
            "where_sighted_refs": [owner],
        }
    )


def _common(kind: str, signal: Signal, owner: str, created: Mapping[str, str]) -> dict[str, Any]:
    own = signal.id if kind == "indicator" else named_id(kind, str(signal.id))
    name = f"{kind}--{own}"
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": name,
        "created_by_ref": owner,
        "created": created.get(name, _start(signal.report_date)),
        "modified": instant(signal.changed),
        "object_marking_refs": [TLP_MARKINGS[signal.tlp]],
    }


def _start(day: datetime.date) -> str:
    return instant(midnight(day))


def instant(time: datetime.datetime) -> str:
    """Return a time in UTC in STIX format, to the millisecond."""
    return f"{time.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%S}.000Z"
