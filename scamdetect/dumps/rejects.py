"""How many records may be rejected before a job stops."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from scamdetect.dumps.batches import Reject
from scamdetect.dumps.tally import Tally
from scamdetect.errors import InputError

# A share of fewer records says little: one bad line among the first ten is no tenth of a dump.
MIN_RECORDS = 1000

_GIVEN = re.compile(r"(\d{1,18})|(\d{1,18}(?:\.\d{1,18})?)\s*%")
_MOST_QUOTED = 40


@dataclass(frozen=True)
class RejectLimit:
    """The most records, or the largest percentage of them, that may be rejected."""

    given: str
    count: int | None = None
    percent: Decimal | None = None


def reject_limit(given: str | int) -> RejectLimit:
    """Return the limit that ``N`` or ``P%`` says; raise InputError on anything else."""
    found = _GIVEN.fullmatch(str(given).strip())
    percent = Decimal(found[2]) if found is not None and found[2] else None
    if found is None or (percent is not None and percent > 100):
        raise InputError(
            f"max_rejects (--max-rejects) is a number of records or a percentage such as 0.5%; "
            f"got {str(given)[:_MOST_QUOTED]!r}"
        )
    return RejectLimit(str(given), int(found[1]) if found[1] else None, percent)


def check_rejects(
    limit: RejectLimit | None, source: Path | str, tally: Tally, last: Reject | None, *, ended: bool
) -> None:
    """Raise InputError where more records were rejected than the limit allows.

    A percentage counts from 1,000 records on, and of all of them once the source has ``ended``.
    """
    if limit is None or (limit.percent is not None and tally.records < MIN_RECORDS and not ended):
        return
    over = (
        tally.rejected > limit.count
        if limit.count is not None
        else limit.percent is not None and tally.rejected * 100 > limit.percent * tally.records
    )
    if over:
        file = "" if last is None or last.file is None else f" of {last.file}"
        place = "" if last is None else f", the last at line {last.line}{file} ({last.reason})"
        raise InputError(
            f"{source}: {tally.rejected:,} of {tally.records:,} records cannot be read{place}; "
            f"--max-rejects {limit.given} stops there: mend the source or allow more"
        )
