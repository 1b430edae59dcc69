"""Sightings: how often, and on which days, an organisation saw another's indicator."""

from __future__ import annotations

import datetime
import re
import uuid
from dataclasses import dataclass

from scamdetect.text.indicators import IndicatorType

_UUID = re.compile(r"(?:indicator--)?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")


@dataclass(frozen=True, slots=True)
class Sighting:
    """An organisation's number of messages with an indicator, and the first and last day in UTC.

    ``of`` is the owner's id of the indicator, ``type`` and ``value`` describe it; one of the two
    may be unknown. ``id`` is that of the sighting. ``false_positive`` is True if the organisation
    reports that the messages were not scams.
    """

    of: str | None
    type: IndicatorType | None
    value: str | None
    organisation: str
    messages: int
    first_day: datetime.date | None = None
    last_day: datetime.date | None = None
    id: str | None = None
    false_positive: bool = False


def uuid_of(name: str | None) -> uuid.UUID | None:
    """Return the UUID in an id of an indicator, or None.

    STIX ids are ``indicator--`` and a UUID. Converters between MISP and STIX keep the UUID, and so
    do our own exports.
    """
    found = _UUID.fullmatch(name or "")
    return uuid.UUID(found[1]) if found else None
