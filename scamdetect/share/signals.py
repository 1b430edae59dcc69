"""The content of an exported indicator in any format: its id, its dates, its names.

Ids depend only on the type, the value and the organisation. So the same row gives the same object
in every export, and a later one replaces or withdraws the earlier one.
"""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass, replace

from scamdetect.labels import Kind
from scamdetect.share.review import Reviewed
from scamdetect.text.indicators import IndicatorType
from scamdetect.text.wallets import wallet_of

# Links change owners quickly and numbers are reassigned: an indicator expires unless renewed.
LINK_DAYS, NUMBER_DAYS = 30, 7
_LASTING = frozenset((IndicatorType.DOMAIN, IndicatorType.LINK, IndicatorType.WALLET))

# The abuse types of the Global Signal Exchange that match a kind; others are "scam".
_ABUSE = {
    Kind.PHISHING: "phishing",
    Kind.ACCOUNT_TAKEOVER: "phishing",
    Kind.IMPERSONATION: "impersonation",
}
_COINS = {"bitcoin": "BTC", "ethereum": "ETH", "tron": "TRX", "solana": "SOL"}
_NAMESPACE = uuid.UUID("6f0c2a3e-9d7b-5c41-8a56-2b1f7f7f0e24")


@dataclass(frozen=True, slots=True)
class Signal:
    """An indicator to export.

    ``valid_until`` is the first day on which it is no longer valid, in UTC. ``changed`` is the time
    of the version: the start of the day of the review or, if ``withdrawn``, of the withdrawal.
    """

    type: IndicatorType
    value: str
    id: uuid.UUID
    organisation: str
    abuse_type: str
    report_date: datetime.date
    valid_until: datetime.date
    changed: datetime.datetime
    confidence: int
    predictive: bool
    verified: bool
    tlp: str
    messages: int
    first_day: datetime.date | None
    last_day: datetime.date | None
    kinds: tuple[str, ...]
    languages: tuple[str, ...]
    withdrawn: bool = False


def signal_of(row: Reviewed, organisation: str) -> Signal:
    """Return the organisation's signal for a reviewed row."""
    days = LINK_DAYS if row.type in _LASTING else NUMBER_DAYS
    return Signal(
        type=row.type,
        value=row.value,
        id=signal_id(row.type, row.value, organisation),
        organisation=organisation,
        abuse_type=next((_ABUSE[Kind(k)] for k in row.kinds[:1] if k in _ABUSE), "scam"),
        report_date=row.date,
        valid_until=row.date + datetime.timedelta(days),
        changed=midnight(row.date),
        confidence=row.confidence,
        predictive=row.predictive,
        verified=row.verified,
        tlp=row.tlp,
        messages=row.messages,
        first_day=row.first_day,
        last_day=row.last_day,
        kinds=row.kinds,
        languages=row.languages,
    )


def withdrawn(signal: Signal, now: datetime.datetime) -> Signal:
    """Return the signal as withdrawn at that time; always later than the shared version."""
    later = max(now, signal.changed + datetime.timedelta(seconds=1))
    return replace(signal, withdrawn=True, changed=later.replace(microsecond=0))


def has_varying_part(signal: Signal) -> bool:
    """Return True if a part of the path is ``*``, for content that differs by message."""
    return signal.type is IndicatorType.LINK and "*" in signal.value.split("/")[3:]


def midnight(day: datetime.date) -> datetime.datetime:
    """Return the start of a day in UTC."""
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)


def signal_id(kind: IndicatorType, value: str, organisation: str) -> uuid.UUID:
    """Return the UUID (version 5) of an organisation's indicator."""
    return named_id("indicator", kind.value, value, organisation)


def named_id(*names: str) -> uuid.UUID:
    """Return a UUID (version 5) for the names in this order."""
    return uuid.uuid5(_NAMESPACE, "\x00".join(names))


def coin_of(wallet: str) -> str:
    """Return the symbol of a wallet's coin: BTC, ETH, TRX or SOL."""
    found = wallet_of(wallet)
    assert found is not None, "not a wallet in its normal form"
    return _COINS[found.coin]
