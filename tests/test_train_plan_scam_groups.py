"""Which scams are real, written by us, or labelled by a rule."""

from __future__ import annotations

import pytest
from synthetic_corpus import row, table

from scamdetect.train.plan import scam_groups

OWN = {"verdict_provenance": "authored"}


@pytest.mark.parametrize(
    ("verdict", "columns", "group"),
    [
        ("scam", {}, "real"),
        ("scam", {"verdict_provenance": "read"}, "real"),
        ("scam", {"source": "everyday_en"} | OWN, "everyday"),
        ("scam", {"source": "authored_en"} | OWN, "riddles"),
        ("scam", {"verdict_provenance": "rule"}, "weak"),
        ("scam", {"source": "sms_weak"}, "weak"),
        ("scam", {"source": "sms_weak", "verdict_provenance": "read"}, "real"),
        ("scam", {"not_legit": True}, ""),
        ("spam", {"verdict_provenance": "rule"}, ""),
        ("legit", {"source": "authored_en"} | OWN, ""),
    ],
)
def test_the_group_follows_from_who_made_row_and_label(
    verdict: str, columns: dict[str, object], group: str
) -> None:
    assert scam_groups(table([row(1, verdict, **columns)])) == [group]


def test_a_corpus_without_rows_has_no_groups() -> None:
    assert scam_groups(table([])) == []
