"""Signals as CSV and JSONL with the fields of the Global Signal Exchange.

Source of the fields: https://www.globalsignalexchange.org/docs/sending-signals (2025-03-24), which
names ``url``, ``hostname``, ``domain name`` and ``ip address`` as types; the other names are ours.
Values are not defanged, because they are for machines.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Iterable
from typing import Any

from scamdetect.share.signals import Signal, has_varying_part
from scamdetect.text.indicators import IndicatorType

SIGNAL_TYPES = {
    IndicatorType.DOMAIN: "domain name",
    IndicatorType.LINK: "url",
    IndicatorType.WALLET: "crypto wallet",
    IndicatorType.PHONE: "phone number",
    IndicatorType.EMAIL: "email address",
    IndicatorType.HANDLE: "account",
    IndicatorType.IBAN: "iban",
    IndicatorType.SENDER: "sender",
}
_PATTERN = "url pattern"
# How a spreadsheet formula starts. A plus sign and digits are a phone number.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_text(signals: Iterable[Signal]) -> str:
    """Return CSV with a header, one signal per row; semicolons separate kinds and languages."""
    records = [_fields(one) | _more(one) for one in signals]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows([_cell(record[name]) for name in CSV_COLUMNS] for record in records)
    return file.getvalue()


def jsonl_text(signals: Iterable[Signal]) -> str:
    """Return one JSON object per line; fields that the exchange lacks are its ``extra_data``."""
    records = (_fields(one) | {"extra_data": _more(one)} for one in signals)
    return "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records)


def is_formula(value: str) -> bool:
    """Return True if a spreadsheet would run the value as a formula."""
    phone = value.removeprefix("+").isdecimal()
    return value.startswith(_FORMULA) and not phone


def _fields(signal: Signal) -> dict[str, Any]:
    return {
        "signal": signal.value,
        "signal_type": _PATTERN if has_varying_part(signal) else SIGNAL_TYPES[signal.type],
        "abuse_type": signal.abuse_type,
        "report_date": f"{signal.report_date.isoformat()} 00:00:00",
        "confidence_score": signal.confidence,
        "predictive": signal.predictive,
    }


def _more(signal: Signal) -> dict[str, Any]:
    return {
        "id": str(signal.id),
        "type": signal.type.value,
        "valid_until": signal.valid_until.isoformat(),
        "withdrawn": signal.withdrawn,
        "changed": signal.changed.isoformat(timespec="seconds"),
        "tlp": signal.tlp,
        "messages": signal.messages,
        "first_day": _day(signal.first_day),
        "last_day": _day(signal.last_day),
        "kinds": list(signal.kinds),
        "languages": list(signal.languages),
        "verified": signal.verified,
        "organisation": signal.organisation,
    }


CSV_COLUMNS = (
    "signal", "signal_type", "abuse_type", "report_date", "confidence_score", "predictive",
    "id", "type", "valid_until", "withdrawn", "changed", "tlp", "messages", "first_day", "last_day",
    "kinds", "languages", "verified", "organisation",
)  # fmt: skip


def _day(day: datetime.date | None) -> str | None:
    return None if day is None else day.isoformat()


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(value)
    return "" if value is None else str(value)
