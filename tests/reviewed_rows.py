"""Reviewed indicators of a test's own choosing, all invented."""

from __future__ import annotations

import datetime
from typing import Any

from scamdetect.share.review import Reviewed
from scamdetect.text.indicators import IndicatorType

DAY = datetime.date(2026, 11, 20)
# Addresses without a key: the digits of pi in hexadecimal, and the examples of the standards.
VALUES = {
    IndicatorType.DOMAIN: "parcel-fee.example",
    IndicatorType.LINK: "https://parcel-fee.example/pay",
    IndicatorType.WALLET: "0x243F6a8885a308d313198a2e03707344A4093822",
    IndicatorType.PHONE: "+12025550147",
    IndicatorType.EMAIL: "claims@parcel-fee.example",
    IndicatorType.HANDLE: "telegram:parcel_fee_help",
    IndicatorType.IBAN: "DE89370400440532013000",
    IndicatorType.SENDER: "ParcelFee",
}


def reviewed(kind: IndicatorType = IndicatorType.DOMAIN, **other: Any) -> Reviewed:  # noqa: ANN401
    """Return a reviewed row of this type; keywords replace what it holds else."""
    return Reviewed(
        **{
            "type": kind,
            "value": VALUES[kind],
            "share_flagged": 0.9,
            "messages": 12,
            "senders": 4,
            "first_day": datetime.date(2026, 11, 1),
            "last_day": datetime.date(2026, 11, 18),
            "languages": ("en", "de"),
            "kinds": ("delivery", "phishing"),
            "confidence": 70,
            "tlp": "TLP:GREEN",
            "predictive": True,
            "verified": True,
            "model_id": "tiny@1+abc",
            "reviewer": "Ada Example",
            "date": DAY,
            **other,
        }
    )


def one_of_each() -> list[Reviewed]:
    """Return a row of each type."""
    return [reviewed(kind) for kind in VALUES]
