"""Read the records of feeds: CSV, TSV, JSONL, text lines, JSON arrays, MISP events, STIX bundles.

All formats give unchecked records with the keys of ``_COLUMNS``; ``problem`` is why one cannot be
used. MISP and STIX are read as plain JSON: their libraries refuse a whole feed for one entry.
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
_TYPED_BY_NAME = ("url", "domain", "hostname", "phone")
_OTHER_ABUSE = ("copyright", "piracy", "trademark")  # rights, not fraud
_TRUE = (True, 1, "1", "true")
_LEVELS = {"completely": 100, "usually": 75, "fairly": 50, "rarely": 25, "unconfident": 0}
_LEVEL = re.compile(r'misp:confidence-level="?([a-z]+)')
_RETENTION = re.compile(r"retention:(\d{1,4})([dwmy])")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
_STIX_TYPES = {"domain-name:value": "domain", "url:value": "url", "email-addr:value": "email"}
# Objects in every bundle that list no indicator.
_STIX_OTHERS = ("identity", "marking-definition", "extension-definition", "sighting")
_VALUE = r"\s*=\s*'((?:[^'\\]|\\.)*)'"
_EQUALITY = re.compile(r"([a-z0-9-]+:[\w.-]+)" + _VALUE)
_ANY_OF = re.compile(r"\[\s*(?:\]?\s*OR\s*\[?\s*)*\]")  # around equalities
_ACCOUNT = re.compile(
    rf"\[user-account:account_type{_VALUE}\s+AND\s+user-account:(?:account_login|user_id){_VALUE}\]"
)


def read_feed(path: Path) -> Records:
    """Yield the records of a feed in order; raise InputError if it cannot be read."""
    if path.suffix.lower() != ".json":
        return _table(path)
    try:
        whole = json.loads(read_text(path, "utf-8-sig"))
    except OSError as problem:
        raise unreadable(path, problem) from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: not JSON in UTF-8; export or download it again") from None
    if events := list(_misp_events(whole)):
        return (record for event in events for record in _misp(event))
    if isinstance(whole, list):
        return ((f"object {n}", _of_members(item)) for n, item in enumerate(whole, 1))
    if isinstance(whole, dict) and isinstance(whole.get("objects"), list):
        return _stix(whole["objects"])
    raise InputError(
        f"{path}: not a STIX bundle with objects, a MISP event or an array of records; use the "
        "extension .jsonl for a file of one JSON object per line"
    )


def _table(path: Path) -> Records:
    """Yield the records of any other format that can be scored; in text # starts a comment."""
    dump, number = open_dump(path), 0
    names = [name.strip().casefold() for name in dump.schema.names]
    is_text = path.suffix.lower() == ".txt"
    if not is_text and not {*_COLUMNS["value"].split(",")} & {*names}:
        raise InputError(
            f"{path}: no column with indicators; name it signal, indicator, value, url or domain"
        )
    for batch in dump.batches():
        for reject in batch.rejects:
            yield f"line {reject.line}", {"problem": f"not readable ({reject.reason})"}
        columns = [column_values(batch.table, name) for name in dump.schema.names]
        for cells in zip(*columns, strict=True):
            number += 1
            if not is_text:
                yield f"row {number}", _of_members(dict(zip(names, cells, strict=True)))
            elif value := str(cells[0] or "").partition("#")[0].strip():
                yield f"row {number}", {"value": value}


def _of_members(item: object) -> Record:
    if not isinstance(item, dict):
        return {"problem": "not a JSON object"}
    extra = item.get("extra_data")
    members = {**(extra if isinstance(extra, dict) else {}), **item}
    row = {str(name).casefold(): value for name, value in members.items()}
    filled = [name for name, value in row.items() if value not in (None, "")]
    names = {
        meaning: next((name for name in names.split(",") if name in filled), "")
        for meaning, names in _COLUMNS.items()
    }
    record: Record = {meaning: row.get(name) for meaning, name in names.items()}
    if record["type"] is None and names["value"] in _TYPED_BY_NAME:
        record["type"] = names["value"]
    if record["value"] is None:
        record["problem"] = "without a value; put it in the column signal"
    elif str(row.get("abuse_type")).casefold() in _OTHER_ABUSE:
        record["problem"] = "about copyright or trademarks, not about scams"
    return record


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
        parts = {part.get("object_relation"): part for part in _dicts(item, "Attribute")}
        platform = parts.get("account-type", {"value": str(item.get("name")).partition("-")[0]})
        for relation, part in parts.items():
            if relation in ("username", "user-id"):
                account = f"{platform.get('value')}:{part.get('value')}"
                part = part | {"type": "user-account", "value": account}
            elif part.get("type") == "text" and relation != "address-crypto":
                continue  # describes the object
            deleted = part.get("deleted") or item.get("deleted")
            yield f"object {number}", _of_attribute(part | {"deleted": deleted}, event)


def _of_attribute(attribute: Mapping[str, Any], event: Mapping[str, Any]) -> Record:
    tags = [str(tag.get("name")) for item in (attribute, event) for tag in _dicts(item, "Tag")]
    level = next(filter(None, map(_LEVEL.match, tags)), None)
    period = next(filter(None, map(_RETENTION.fullmatch, tags)), None)
    kind, changed = str(attribute.get("type")), attribute.get("timestamp")
    record: Record = {
        "value": str(attribute.get("value")).partition("|")[0],
        "type": "" if kind == "text" else kind,  # in which MISP puts what it has no type for
        "id": attribute.get("uuid"),
        "changed": changed,
        "withdrawn": attribute.get("deleted") in _TRUE,
        "confidence": None if level is None else _LEVELS.get(level[1]),
    }
    if not record["withdrawn"] and attribute.get("to_ids", True) not in _TRUE:
        record["problem"] = "not intended for detection (to_ids is false); ask if it should be"
    if "retention:expired" in tags:
        record["valid_until"] = "1970-01-01"
    elif period is not None and str(changed).isdecimal():
        end = int(str(changed)) + 86_400 * int(period[1]) * _DAYS[period[2]]
        record["valid_until"] = datetime.datetime.fromtimestamp(end, datetime.UTC).isoformat()
    return record


def _dicts(item: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    values = item.get(name)
    return [v for v in values if isinstance(v, dict)] if isinstance(values, list) else []


def _stix(objects: list[Any]) -> Records:
    for number, item in enumerate(objects, 1):
        if not isinstance(item, dict) or item.get("type") != "indicator":
            if not isinstance(item, dict) or item.get("type") not in _STIX_OTHERS:
                yield f"object {number}", {"problem": "not an indicator"}
            continue
        equalities = _equalities(str(item.get("pattern")).strip())
        if not equalities:
            yield f"object {number}", {"problem": "with a pattern that is not an equality"}
        names = {"changed": "modified", "withdrawn": "revoked"}
        common = {name: item.get(names.get(name, name)) for name in _COLUMNS}
        for index, (path, value) in enumerate(equalities):
            own = {"type": _STIX_TYPES.get(path, path), "value": re.sub(r"\\(.)", r"\1", value)}
            key = f"{item.get('id')} {index}" if "id" in item else None
            yield f"object {number}", common | own | {"id": key}


def _equalities(pattern: str) -> list[tuple[str, str]]:
    """Return the paths and values of equalities, any of which makes the pattern true."""
    account = _ACCOUNT.fullmatch(pattern)
    if account is not None:
        return [("account", f"{account[1]}:{account[2]}")]
    is_any = _ANY_OF.fullmatch(_EQUALITY.sub("", pattern))
    return _EQUALITY.findall(pattern) if is_any else []
