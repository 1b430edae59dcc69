"""Signals as one MISP event (the core format, an IETF draft), with attributes of native types.

An organisation has one event, whose id never changes: MISP rejects an attribute that another event
has, and accepts the later version of one that it knows.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from typing import Any

from scamdetect.share.proposals import TLP
from scamdetect.share.signals import Signal, coin_of, has_varying_part, midnight, named_id
from scamdetect.text.indicators import IndicatorType

_NETWORK, _FRAUD, _SOCIAL = "Network activity", "Financial fraud", "Social network"
_TYPES = {
    IndicatorType.DOMAIN: ("domain", _NETWORK),
    IndicatorType.LINK: ("url", _NETWORK),
    IndicatorType.PHONE: ("phone-number", _FRAUD),
    # "email-src" is the sender of a mail; this address is mentioned in a text.
    IndicatorType.EMAIL: ("email", _SOCIAL),
    IndicatorType.IBAN: ("iban", _FRAUD),
}
# Templates of https://github.com/MISP/misp-objects: name, uuid, version, meta-category.
_COIN = ("coin-address", "d0e6997e-78da-4815-a6a1-cfc1c1cb8a46", "7", "financial")
_ACCOUNT = ("user-account", "49606b06-22f0-4ac8-8eee-2f12ad46f3d3", "6", "misc")
# Numbers of the taxonomy misp:confidence-level.
CONFIDENCE = {
    100: "completely-confident",
    75: "usually-confident",
    50: "fairly-confident",
    25: "rarely-confident",
    0: "unconfident",
}
_PERIODS = {7: "7d", 30: "1m"}  # of the taxonomy retention
_OWN_ORGANISATION_ONLY = "0"
_AS_THE_EVENT = "5"


def has_type(signal: Signal) -> bool:
    """Return True if MISP has a type for the signal."""
    if signal.type is IndicatorType.SENDER:
        return _sender_type(signal.value) is not None
    known = (*_TYPES, IndicatorType.WALLET, IndicatorType.HANDLE)
    return signal.type in known and not has_varying_part(signal)


def event_text(signals: Sequence[Signal]) -> str:
    """Return the JSON of the event; all signals must be of one organisation and have a type.

    The event is not published, and its distribution is "your organisation only", until somebody
    changes that in MISP.
    """
    first = signals[0]
    changed = max(one.changed for one in signals)
    strictest = max((one.tlp for one in signals), key=TLP.index)
    attributes = [_attribute(one) for one in signals if _is_plain(one)]
    event = {
        "uuid": str(named_id("misp event", first.organisation)),
        "info": f"Indicators in scam messages, reviewed by {first.organisation}",
        "date": max(one.report_date for one in signals).isoformat(),
        "timestamp": _timestamp(changed),
        "threat_level_id": "4",  # undefined
        "analysis": "2",  # completed
        "distribution": _OWN_ORGANISATION_ONLY,
        "published": False,
        "Orgc": {
            "name": first.organisation,
            "uuid": str(named_id("organisation", first.organisation)),
        },
        "Tag": _tags(strictest.lower()),
        "Attribute": attributes,
        "Object": [_object(one) for one in signals if not _is_plain(one)],
    }
    return json.dumps({"Event": event}, ensure_ascii=False, indent=1) + "\n"


def _is_plain(signal: Signal) -> bool:
    if signal.type is IndicatorType.WALLET:
        return coin_of(signal.value) == "BTC"
    return signal.type is not IndicatorType.HANDLE


def _native(signal: Signal) -> tuple[str, str]:
    if signal.type is IndicatorType.WALLET:
        return "btc", _FRAUD
    if signal.type is IndicatorType.SENDER:
        found = _sender_type(signal.value)
        assert found is not None
        return found
    return _TYPES[signal.type]


def _sender_type(value: str) -> tuple[str, str] | None:
    if "@" in value:
        return "email-src", "Payload delivery"
    return ("phone-number", _FRAUD) if value.removeprefix("+").isdecimal() else None


def _attribute(signal: Signal) -> dict[str, Any]:
    kind, category = _native(signal)
    return {"uuid": str(signal.id), "type": kind, "category": category} | _body(signal)


def _body(signal: Signal) -> dict[str, Any]:
    level = min(CONFIDENCE, key=lambda known: abs(known - signal.confidence))
    days = (signal.valid_until - signal.report_date).days
    found: dict[str, Any] = {
        "value": signal.value,
        "to_ids": not signal.withdrawn,
        "deleted": signal.withdrawn,
        "timestamp": _timestamp(signal.changed),
        "distribution": _AS_THE_EVENT,
        "comment": _comment(signal),
        "Tag": _tags(
            signal.tlp.lower(),
            f'misp:confidence-level="{CONFIDENCE[level]}"',
            f"retention:{_PERIODS[days]}",
            f'misp:automation-level="{"reviewed" if signal.predictive else "manual"}"',
        ),
    }
    days_seen = {"first_seen": signal.first_day, "last_seen": signal.last_day}
    return found | {name: _instant(day) for name, day in days_seen.items() if day is not None}


def _object(signal: Signal) -> dict[str, Any]:
    """Return the object of a wallet other than Bitcoin, or of an account."""
    if signal.type is IndicatorType.WALLET:
        template, relation = _COIN, "address-crypto"
        also = ("symbol", coin_of(signal.value))
        value = signal.value
    else:
        template, relation = _ACCOUNT, "username"
        platform, _, value = signal.value.partition(":")
        also = ("account-type", platform)
    name, template_uuid, version, meta = template
    category = _FRAUD if template is _COIN else _SOCIAL
    described = {
        "uuid": str(named_id("misp attribute", str(signal.id), also[0])),
        "type": "text", "category": "Other", "object_relation": also[0], "value": also[1],
        "to_ids": False, "deleted": signal.withdrawn, "disable_correlation": True,
        "distribution": _AS_THE_EVENT, "timestamp": _timestamp(signal.changed),
    }  # fmt: skip
    main = {
        "uuid": str(signal.id), "type": "text", "category": category, "object_relation": relation,
    } | _body(signal)  # fmt: skip
    return {
        "uuid": str(named_id("misp object", str(signal.id))),
        "name": name,
        "meta-category": meta,
        "template_uuid": template_uuid,
        "template_version": version,
        "distribution": _AS_THE_EVENT,
        "deleted": signal.withdrawn,
        "timestamp": _timestamp(signal.changed),
        "Attribute": [main | {"value": value}, described],
    }


def _comment(signal: Signal) -> str:
    seen = f"in {signal.messages:,} messages"
    kinds = f"; {', '.join(signal.kinds)}" if signal.kinds else ""
    return f"{seen}{kinds}"


def _tags(*names: str) -> list[dict[str, str]]:
    return [{"name": name} for name in names]


def _timestamp(time: datetime.datetime) -> str:
    return str(int(time.timestamp()))


def _instant(day: datetime.date) -> str:
    return midnight(day).isoformat(timespec="microseconds")
