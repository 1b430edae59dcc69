"""The limit on rejected records."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from scamdetect.dumps.batches import Reject
from scamdetect.dumps.tally import Tally, check_rejects, reject_limit
from scamdetect.errors import InputError
from scamdetect.labels import Decision

LAST = Reject(7, 8, 1, "1 cells, but the header has 2", b"secret\n")


def _stops(given: str | int, rows: int, rejected: int, *, ended: bool = False) -> bool:
    tally = Tally(Counter({Decision.PASS: rows}), rejected=rejected)
    try:
        check_rejects(reject_limit(given), Path("in.csv"), tally, LAST, ended=ended)
    except InputError:
        return True
    return False


@pytest.mark.parametrize(("given", "rejected"), [("3", 3), (3, 3), ("0", 0), ("29%", 290)])
def test_the_limit_itself_is_allowed(given: str | int, rejected: int) -> None:
    assert not _stops(given, 1000 - rejected, rejected)
    assert _stops(given, 999 - rejected, rejected + 1)


def test_a_percentage_of_few_records_waits_for_the_end() -> None:
    assert not _stops("1%", 1, 1)
    assert not _stops("1%", 500, 499)
    assert _stops("1%", 501, 499)
    assert _stops("1%", 98, 2, ended=True)
    assert not _stops("1 %", 99, 1, ended=True)


@pytest.mark.parametrize("given", ["", "-1", "many", "1.5", "101%", "%", "1e3", "nan%"])
def test_what_is_no_limit_is_refused(given: str) -> None:
    with pytest.raises(InputError, match=r"--max-rejects"):
        reject_limit(given)


def test_the_error_names_the_place_and_holds_no_text() -> None:
    with pytest.raises(InputError) as caught:
        check_rejects(reject_limit("0.5%"), Path("in.csv"), Tally(rejected=2), LAST, ended=True)
    message = str(caught.value)
    assert message.startswith("in.csv: 2 of 2 records cannot be read, the last at line 8 (1 cells")
    assert "--max-rejects is 0.5%" in message
    assert "secret" not in message
