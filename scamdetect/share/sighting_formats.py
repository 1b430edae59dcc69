"""Sightings as CSV, as a STIX 2.1 bundle, and as requests that MISP accepts."""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Sequence
from typing import Any

from scamdetect.share.gse import is_formula
from scamdetect.share.proposals import AMBER
from scamdetect.share.sightings import Sighting, uuid_of
from scamdetect.share.signals import midnight
from scamdetect.share.stix import (
    MOST_COUNTED,
    TLP_MARKINGS,
    bundle_of,
    identity_of,
    instant,
    marking_of,
)
from scamdetect.text.indicators import IndicatorType

CSV_COLUMNS = (
    "signal", "type", "id", "messages", "first_day", "last_day", "organisation", "sighting_id",
)  # fmt: skip


def csv_text(sightings: Sequence[Sighting]) -> str:
    """Return CSV with a header, one sighting per row."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for one in sightings:
        days = (one.first_day or "", one.last_day or "")
        writer.writerow(
            (one.value, one.type, one.of or "", one.messages, *days, one.organisation, one.id)
        )
    return file.getvalue()


def stix_text(sightings: Sequence[Sighting], today: datetime.date) -> str:
    """Return the JSON of a bundle; each sighting must refer to an id with a UUID.

    A sighting without days is created ``today``, others on their last day.
    """
    owner = identity_of(sightings[0].organisation)
    found = [_stix_sighting(one, owner["id"], today) for one in sightings]
    return bundle_of([owner, marking_of(AMBER), *found])


def misp_text(sightings: Sequence[Sighting]) -> str:
    """Return the JSON of requests for ``/sightings/add`` of MISP.

    MISP counts every request as one sighting, so its source contains the number of messages.
    """
    requests = [{"Sighting": _misp_sighting(one)} for one in sightings]
    return json.dumps({"response": requests}, ensure_ascii=False, indent=1) + "\n"


def has_reference(one: Sighting) -> bool:
    """Return True if a STIX sighting can refer to the indicator."""
    return uuid_of(one.of) is not None


def is_safe(one: Sighting) -> bool:
    """Return True if a spreadsheet would run no cell of the sighting as a formula."""
    return not any(map(is_formula, filter(None, (one.value, one.of, one.organisation))))


def _stix_sighting(one: Sighting, owner: str, today: datetime.date) -> dict[str, Any]:
    created = instant(midnight(one.last_day or today))
    days = {"first_seen": one.first_day, "last_seen": one.last_day}
    return {
        "type": "sighting",
        "spec_version": "2.1",
        "id": f"sighting--{one.id}",
        "created_by_ref": owner,
        "created": created,
        "modified": created,
        **{name: instant(midnight(day)) for name, day in days.items() if day is not None},
        "count": min(one.messages, MOST_COUNTED),
        "sighting_of_ref": f"indicator--{uuid_of(one.of)}",
        "where_sighted_refs": [owner],
        "object_marking_refs": [TLP_MARKINGS[AMBER]],
    }


def _misp_sighting(one: Sighting) -> dict[str, str]:
    of, value = uuid_of(one.of), one.value or ""
    if one.type is IndicatorType.HANDLE:  # without the platform, which MISP stores elsewhere
        value = value.partition(":")[2]
    since = "" if one.first_day is None else f" since {one.first_day}"
    day = one.last_day
    found = {"value": value} if of is None else {"uuid": str(of)}
    found |= {"type": "0", "source": f"{one.organisation}: {one.messages} messages{since}"}
    return found | ({} if day is None else {"timestamp": str(int(midnight(day).timestamp()))})
