"""Proposed indicators, and the CSV in which people decide about them.

The file survives editing in a spreadsheet. Numbers with leading zeros or a plus have a word before
them, so that they remain text. The column ``check`` is a digest of what the program found: it no
longer matches rows that were mixed up or changed, and they are not published.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import IO

from scamdetect.calibration.statistics import wilson
from scamdetect.dumps.delimited import quote
from scamdetect.dumps.spreadsheet import safe_row
from scamdetect.text.indicators import IndicatorType

Counts = tuple[tuple[str, int], ...]  # names and their numbers of messages, most first

DECIDED = ("publish", "reviewer", "date")  # that people fill in
FOUND = (
    "type", "value", "messages", "flagged", "senders", "first_day", "last_day", "languages",
    "kinds", "campaigns", "labelled", "verified", "model_id",
)  # fmt: skip
# Values that people may change: how widely it may be shared, and how certain they are.
OPEN = ("confidence", "tlp")
COLUMNS = (*DECIDED, *FOUND, *OPEN, "flagged_percent", "note", "check")
SEEN_BY_OTHERS = "seen_by_others"  # an additional column, if sightings of others are given

AMBER = "TLP:AMBER"
# Strictest last; the labels of TLP 2.0, https://www.first.org/tlp/
TLP = ("TLP:CLEAR", "TLP:GREEN", AMBER, "TLP:AMBER+STRICT", "TLP:RED")
# Types that may belong to a person; the others name places on the web.
_PERSONAL = frozenset(
    (
        IndicatorType.PHONE, IndicatorType.EMAIL, IndicatorType.HANDLE, IndicatorType.IBAN,
        IndicatorType.SENDER,
    )
)  # fmt: skip
# Before values that a spreadsheet would treat as numbers or dates.
_WORDS = {
    IndicatorType.PHONE: "tel:",
    IndicatorType.ACCOUNT: "account:",
    IndicatorType.SENDER: "sender:",
}
_CAMPAIGN = "c-"
_LABELLED = 90  # the lowest confidence in an indicator that a person labelled scam
_DELIMITER = ","


@dataclass(frozen=True, slots=True)
class Proposal:
    """An indicator with the evidence of its messages.

    ``labelled`` is True if a person labelled one of its campaigns scam. ``campaigns`` are ids from
    ``scamdetect campaigns``. Values that were not counted are None.
    """

    type: IndicatorType
    value: str
    messages: int
    flagged: int
    senders: int | None
    first_day: datetime.date | None
    last_day: datetime.date | None
    languages: Counts
    kinds: Counts
    campaigns: tuple[str, ...]
    labelled: bool
    verified: bool
    model_id: str | None

    @property
    def confidence(self) -> int:
        """Return the lower end (95 %, Wilson) of the share of flagged messages, 0 to 100."""
        low = int(100 * wilson(self.flagged, self.messages)[0])
        return max(low, _LABELLED) if self.labelled else low

    @property
    def tlp(self) -> str:
        """Return how widely it may be shared unless people decide otherwise."""
        return least_tlp(self.type)


def least_tlp(type: IndicatorType) -> str:
    """Return the least strict label allowed for an indicator of this type."""
    if type is IndicatorType.ACCOUNT:
        return "TLP:RED"
    return AMBER if type in _PERSONAL else "TLP:GREEN"


def found_cells(one: Proposal) -> dict[str, str]:
    """Return the cells of the findings, by column, as written."""
    return {
        "type": one.type.value,
        "value": f"{_WORDS.get(one.type, '')}{one.value}",
        "messages": str(one.messages),
        "flagged": str(one.flagged),
        "senders": "" if one.senders is None else str(one.senders),
        "first_day": "" if one.first_day is None else one.first_day.isoformat(),
        "last_day": "" if one.last_day is None else one.last_day.isoformat(),
        "languages": _counts(one.languages),
        "kinds": _counts(one.kinds),
        "campaigns": " ".join(f"{_CAMPAIGN}{name}" for name in one.campaigns),
        "labelled": "yes" if one.labelled else "no",
        "verified": "yes" if one.verified else "no",
        "model_id": one.model_id or "",
    }


def check_of(cells: dict[str, str]) -> str:
    """Return the digest of the findings; it starts with a letter, so that it remains text."""
    joined = "\x1f".join(cells[name] for name in FOUND)
    return f"k{hashlib.sha256(joined.encode('utf-8', 'backslashreplace')).hexdigest()[:12]}"


def plain_cell(type: IndicatorType, cell: str) -> str:
    """Return the value in a cell of the column ``value``."""
    return cell.removeprefix(_WORDS.get(type, ""))


def write_proposals(
    file: IO[bytes],
    proposals: Iterable[Proposal],
    seen_by_others: Callable[[IndicatorType, str], str] | None = None,
) -> None:
    """Write the review file as CSV in UTF-8, with a byte-order mark for spreadsheets.

    ``seen_by_others`` returns the cell of the column of that name, which is omitted without it.
    """
    columns = COLUMNS if seen_by_others is None else (*COLUMNS, SEEN_BY_OTHERS)
    file.write(_line(columns).encode("utf-8-sig"))
    for one in proposals:
        cells = found_cells(one)
        cells |= {
            "confidence": str(one.confidence),
            "tlp": one.tlp,
            "flagged_percent": str(round(100 * one.flagged / one.messages)),
            "check": check_of(cells),
        }
        if seen_by_others is not None:
            cells[SEEN_BY_OTHERS] = seen_by_others(one.type, one.value)
        line = _line([cells.get(name, "") for name in columns])
        file.write(line.encode("utf-8", "backslashreplace"))


def _line(cells: Sequence[str]) -> str:
    raw = [quote(cell, _DELIMITER) if cell else "" for cell in cells]
    return f"{_DELIMITER.join(safe_row(raw, _DELIMITER))}\r\n"


def _counts(counts: Counts) -> str:
    return " ".join(f"{name}:{count}" for name, count in counts)
