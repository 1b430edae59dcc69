"""Invented indicators, and the review files that they are in."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scamdetect.share import review
from scamdetect.share.review import Proposal
from scamdetect.text.indicators import DEFAULT, IndicatorType

DAY = datetime.date(2026, 11, 20)
# Wallets and accounts are the examples of the standards (EIP-55, the registry of IBANs).
VALUES = {
    IndicatorType.DOMAIN: "parcel-fee.example",
    IndicatorType.LINK: "https://parcel-fee.example/pay",
    IndicatorType.WALLET: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    IndicatorType.PHONE: "+12025550147",
    IndicatorType.EMAIL: "claims@parcel-fee.example",
    IndicatorType.HANDLE: "telegram:parcel_fee_help",
    IndicatorType.IBAN: "DE89370400440532013000",
}


def proposal(kind: IndicatorType = IndicatorType.DOMAIN, **other: Any) -> Proposal:  # noqa: ANN401
    """Return a proposal of this type; keywords replace its other values."""
    return Proposal(
        **{
            "id": f"i{kind}{other.get('value', '')}",
            "type": kind,
            "value": VALUES[kind],
            "messages": 12,
            "flagged": 12,
            "senders": 4,
            "confidence": 70,
            "tlp": "TLP:GREEN" if kind in DEFAULT else "TLP:AMBER",
            "first_day": datetime.date(2026, 11, 1),
            "last_day": datetime.date(2026, 11, 18),
            "languages": ("en", "de"),
            "kinds": ("delivery", "phishing"),
            "campaigns": ("0012345678901234",),
            "verified": True,
            "model_id": "tiny@1+abc",
            **other,
        }
    )


ALL = [proposal(kind) for kind in VALUES]


def write_review(
    path: Path, proposals: Iterable[Proposal], day: datetime.date = DAY, **cells: str
) -> Path:
    """Write a review file in which a person has decided on all rows; cells replace theirs."""
    review.write_review(path, proposals, 0o666)
    decided = {"publish": "yes", "reviewer": "Ada Example", "date": day.isoformat(), **cells}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row | decided for row in csv.DictReader(file)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0] if rows else ["id", *decided])
        writer.writeheader()
        writer.writerows(rows)
    return path
