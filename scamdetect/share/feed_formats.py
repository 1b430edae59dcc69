"""Read the records of feeds: CSV, TSV, JSONL, text lines, JSON arrays, MISP events, STIX bundles.

All formats give unchecked records with the keys of ``_COLUMNS``; ``problem`` is why one cannot be
used.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scamdetect.dumps.batch import column_values
from scamdetect.dumps.source import open_dump
from scamdetect.errors import InputError
from scamdetect.system.files import read_text
from scamdetect.system.os_errors import unreadable

Record = dict[str, Any]
Records = Iterator[tuple[str, Record]]  # each with its position

# The names of columns and members by meaning; the first that is not empty counts.
_COLUMNS = {
    "value": "signal,indicator,value,ioc,ioc_value,url,domain,hostname,phone",
    "type": "type,signal_type,indicator_type,ioc_type",
    "confidence": "confidence_score,confidence,confidence_level",
    "valid_until": "valid_until,expires,expiration,expiration_date,expiry",
    "valid_from": "valid_from",
    "withdrawn": "withdrawn,revoked,deleted",
    "changed": "changed,modified,updated,last_updated",
    "id": "id",
}
_TYPED_BY_NAME = frozenset(("url", "domain", "hostname", "phone"))
_OTHER_ABUSE = frozenset(("copyright", "piracy", "trademark"))  # rights, not fraud
_MISP_LEVELS = {
    "completely-confident": 100, "usually-confident": 75, "fairly-confident": 50,
    "rarely-confident": 25, "unconfident": 0,
}  # fmt: skip
_LEVEL = re.compile(r'misp:confidence-level="?([a-z-]+)"?')
_RETENTION = re.compile(r"retention:(\d{1,4})([dwmy])")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
_STIX_TYPES = {"domain-name:value": "domain", "url:value": "url", "email-addr:value": "email"}
# Objects in every bundle that list no indicator.
_STIX_OTHERS = frozenset(("identity", "marking-definition", "extension-definition", "sighting"))
_EQUALITY = re.compile(r"([a-z0-9-]+:[\w.-]+)\s*=\s*'((?:[^'\\]|\\.)*)'")
_JOINED = re.compile(r"\s*(?:\]\s*OR\s*\[|OR|AND)\s*")
_NOT_EQUAL = "with a pattern that is not an equality; messages are only checked for whole values"


def read_feed(path: Path) -> Records:
    """Yield the records of a feed in order; raise InputError if it cannot be read."""
    if path.suffix.lower() != ".json":
        return _table(path)
    try:
        text = read_text(path, "utf-8-sig")
    except OSError as problem:
        raise unreadable(path, problem) from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8; download it again") from None
    return _json(path, text)


def _table(path: Path) -> Records:
    """Yield the records of any other format that can be scored; in text # starts a comment."""
    dump = open_dump(path)
    names = [name.strip().casefold() for name in dump.schema.names]
    is_text = path.suffix.lower() == ".txt"
    if not is_text and not {*_COLUMNS["value"].split(",")} & {*names}:
        raise InputError(
            f"{path}: no column with indicators; name it signal, indicator, value, url or domain"
        )
    number = 0
    for batch in dump.batches():
        for reject in batch.rejects:
            yield f"line {reject.line}", {"problem": f"not readable ({reject.reason})"}
        columns = [column_values(batch.table, name) for name in dump.schema.names]
        for cells in zip(*columns, strict=True):
            number += 1
            if not is_text:
                yield f"row {number}", _of_member(dict(zip(names, cells, strict=True)))
            elif value := str(cells[0] or "").partition("#")[0].strip():
                yield f"row {number}", {"value": value}


def _json(path: Path, text: str) -> Records:
    if text.lstrip().startswith("<"):
        raise InputError(f"{path}: XML is not supported; ask for STIX 2.1, MISP or CSV")
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as problem:
        line = getattr(problem, "lineno", 1)
        raise InputError(f"{path}:{line}: not valid JSON; export or download it again") from None
    events = list(_misp_events(whole))
    objects = whole.get("objects") if isinstance(whole, dict) else None
    if events:
        return (item for event in events for item in _misp(event))
    if isinstance(whole, list):
        return ((f"object {n}", _of_member(item)) for n, item in enumerate(whole, 1))
    if isinstance(objects, list) and objects:
        return _stix(objects, whole.get("spec_version"))
    raise InputError(
        f"{path}: not a STIX bundle with objects, a MISP event or an array of records; use the "
        "extension .jsonl for a file of one JSON object per line"
    )


def _of_member(item: object) -> Record:
    if not isinstance(item, dict):
        return {"problem": "not a JSON object"}
    extra = item.get("extra_data")
    members = {**(extra if isinstance(extra, dict) else {}), **item}
    row = {str(name).casefold(): value for name, value in members.items()}
    record: Record = {}
    for meaning, names in _COLUMNS.items():
        name = next((name for name in names.split(",") if row.get(name) not in (None, "")), "")
        record[meaning] = row.get(name)
        if name in _TYPED_BY_NAME:
            record["named"] = name
    record["type"] = record["type"] or record.get("named")
    if record["value"] is None:
        record["problem"] = "without a value; put it in the column signal"
    elif str(row.get("abuse_type")).casefold() in _OTHER_ABUSE:
        record["problem"] = "about copyright or trademarks, not about scams"
    return record


# -- MISP: plain JSON, because pymisp refuses a whole event for one unknown type -------------------


def _misp_events(whole: object) -> Iterator[dict[str, Any]]:
    """Yield the events of one event, an API answer, or a list of either."""
    if isinstance(whole, list):
        for item in whole:
            yield from _misp_events(item)
    elif isinstance(whole, dict) and isinstance(whole.get("Attribute"), list):
        yield whole
    elif isinstance(whole, dict):
        yield from _misp_events(whole.get("Event", whole.get("response")))


def _misp(event: Mapping[str, Any]) -> Records:
    for number, attribute in enumerate(_dicts(event, "Attribute"), 1):
        yield f"attribute {number}", _of_attribute(attribute, event)
    for number, item in enumerate(_dicts(event, "Object"), 1):
        attributes = {part.get("object_relation"): part for part in _dicts(item, "Attribute")}
        platform = attributes.get("account-type", {}).get("value", "")
        if item.get("name") == "telegram-account":
            platform = "telegram"
        for relation, attribute in attributes.items():
            if relation in ("username", "user-id"):
                account = f"{platform}:{attribute.get('value')}"
                attribute = attribute | {"type": "user-account", "value": account}
            elif relation == "address-crypto":
                attribute = attribute | {"type": "address-crypto"}
            elif attribute.get("type") == "text":
                continue  # describes the object
            deleted = attribute.get("deleted") or item.get("deleted")
            yield f"object {number}", _of_attribute(attribute | {"deleted": deleted}, event)


def _of_attribute(attribute: Mapping[str, Any], event: Mapping[str, Any]) -> Record:
    tags = [str(tag.get("name")) for item in (attribute, event) for tag in _dicts(item, "Tag")]
    levels = [_MISP_LEVELS.get(match[1]) for match in map(_LEVEL.fullmatch, tags) if match]
    changed = attribute.get("timestamp")
    withdrawn = attribute.get("deleted") in (True, 1, "1", "true")
    record: Record = {
        "value": str(attribute.get("value")).partition("|")[0],
        "type": str(attribute.get("type")),
        "id": attribute.get("uuid"),
        "changed": changed,
        "withdrawn": withdrawn,
        "confidence": levels[0] if levels else None,
    }
    if not withdrawn and attribute.get("to_ids", True) not in (True, 1, "1", "true"):
        record["problem"] = "not intended for detection (to_ids is false); ask if it should be"
    period = next(filter(None, map(_RETENTION.fullmatch, tags)), None)
    if "retention:expired" in tags:
        record["valid_until"] = "1970-01-01"
    elif period is not None and str(changed).isdecimal():
        end = int(str(changed)) + 86_400 * int(period[1]) * _DAYS[period[2]]
        record["valid_until"] = datetime.datetime.fromtimestamp(end, datetime.UTC).isoformat()
    return record


def _dicts(item: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    values = item.get(name)
    return [v for v in values if isinstance(v, dict)] if isinstance(values, list) else []


# -- STIX ----------------------------------------------------------------------------------------


def _stix(objects: list[Any], bundle_version: object) -> Records:
    """Yield the records of a bundle; objects of STIX 2.0 have no version of their own."""
    for number, item in enumerate(objects, 1):
        item = item if isinstance(item, dict) else {"type": "not a JSON object"}
        pattern, problem = item.get("pattern"), None
        if item.get("type") in _STIX_OTHERS:
            continue
        if item.get("type") != "indicator":
            problem = "not an indicator, so messages cannot be checked for it"
        elif item.get("spec_version", bundle_version) not in (None, "2.0", "2.1"):
            problem = "of another STIX version than 2.0 and 2.1; ask for one of these"
        elif item.get("pattern_type", "stix") != "stix" or not isinstance(pattern, str):
            problem = "with a pattern in another language than STIX; ask for a STIX pattern"
        elif not (equalities := _equalities(pattern)):
            problem = _NOT_EQUAL
        if problem is not None:
            yield f"object {number}", {"problem": problem}
            continue
        names = {"changed": "modified", "withdrawn": "revoked"}
        common = {name: item.get(names.get(name, name)) for name in _COLUMNS}
        for index, (path, value) in enumerate(equalities):
            own = {"type": _STIX_TYPES.get(path, path), "value": value}
            key = f"{item.get('id')} {index}" if "id" in item else None
            yield f"object {number}", common | own | {"id": key}


def _equalities(pattern: str) -> list[tuple[str, str]]:
    """Return the paths and values of equalities, any of which makes the pattern true."""
    text = pattern.strip()
    pairs = [(path, re.sub(r"\\(.)", r"\1", value)) for path, value in _EQUALITY.findall(text)]
    joints = _EQUALITY.sub("\x00", text).removeprefix("[").removesuffix("]").split("\x00")
    if joints[0].strip() or joints[-1].strip() or not all(map(_JOINED.fullmatch, joints[1:-1])):
        return []
    if not any("AND" in joint for joint in joints):
        return pairs
    parts = {path.removeprefix("user-account:"): value for path, value in pairs}
    login = parts.get("account_login") or parts.get("user_id")
    is_account = len(pairs) == 2 and "account_type" in parts and login
    return [("account", f"{parts['account_type']}:{login}")] if is_account else []
