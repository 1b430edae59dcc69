"""Reviewed indicators of a test's own choosing, all invented, and the files that they are in."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scamdetect.share.proposals import COLUMNS, Proposal, write_proposals
from scamdetect.share.review import Reviewed
from scamdetect.text.indicators import IndicatorType

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


def proposal(kind: IndicatorType = IndicatorType.DOMAIN, **other: Any) -> Proposal:  # noqa: ANN401
    """Return what is proposed of this type; keywords replace what it holds else."""
    return Proposal(
        **{
            "type": kind,
            "value": VALUES[kind],
            "messages": 12,
            "flagged": 12,
            "senders": 4,
            "first_day": datetime.date(2026, 11, 1),
            "last_day": datetime.date(2026, 11, 18),
            "languages": (("en", 9), ("de", 3)),
            "kinds": (("delivery", 8), ("phishing", 4)),
            "campaigns": ("0012345678901234",),
            "labelled": False,
            "verified": True,
            "model_id": "tiny@1+abc",
            **other,
        }
    )


def write_review(
    path: Path, proposals: Iterable[Proposal], date: datetime.date = DAY, publish: str = "yes"
) -> Path:
    """Write a review file in which a person has decided on all rows."""
    file = io.BytesIO()
    write_proposals(file, proposals)
    rows = list(csv.DictReader(io.StringIO(file.getvalue().decode("utf-8-sig"))))
    decided = {"publish": publish, "reviewer": "Ada Example", "date": date.isoformat()}
    with path.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(row | decided for row in rows)
    return path
