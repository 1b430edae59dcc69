"""Sightings: how often, and on which days, an organisation saw an indicator of somebody else."""

from __future__ import annotations

import datetime
import re
import uuid
from dataclasses import dataclass

from scamdetect.text.indicators import IndicatorType

_UUID = re.compile(r"(?:indicator--)?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")


@dataclass(frozen=True, slots=True)
class Sighting:
    """How many messages with an indicator an organisation saw, and the first and last day in UTC.

    ``of`` is the id that the owner of the indicator gave it, ``type`` and ``value`` what it is; one
    of the two may be unknown. ``id`` is that of the sighting. With ``false_positive`` the
    organisation says that the messages were no scams.
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
    """Return the UUID in an id of an indicator, None where it has none.

    Ids of STIX are ``indicator--`` and a UUID. Converters between MISP and STIX keep the UUID, and
    so do our own exports.
    """
    found = _UUID.fullmatch(name or "")
    return uuid.UUID(found[1]) if found else None
