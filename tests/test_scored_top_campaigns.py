"""Which campaigns nobody sees, and what is no file of campaigns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from campaign_rows import MISSED, write_dump, write_dump_with_campaigns
from scored_rows import scored_row

from scamdetect.errors import InputError
from scamdetect.scored.campaigns import write_campaigns
from scamdetect.scored.read import open_scored
from scamdetect.scored.top_campaigns import (
    GROWN,
    LARGE,
    Campaign,
    campaigns_beside,
    holds_campaigns,
    members_path,
    other_texts,
    read_campaigns,
    unnoticed,
)


def _campaign(**changes: Any) -> Campaign:  # noqa: ANN401
    values: dict[str, Any] = {
        "id": "0" * 16, "template": "your parcel is held at the depot", "messages": 100,
        "templates": 1, "flagged": 9, "review": 0, "mean_probability": 0.2,
        "highest_probability": 0.5, "kinds": (), "languages": (), "first_row": 0,
    }  # fmt: skip
    return Campaign(**values | changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"messages": LARGE, "flagged": 0}, True),
        ({"messages": LARGE - 1, "flagged": 0}, False),
        ({"flagged": 10}, False),
        ({"template": "good morning all"}, False),
        ({"template": "go to [link]"}, True),
        ({"template": "call me on [number]"}, False),
        ({"earlier": 0}, True),
        ({"earlier": 100}, False),
        ({"earlier": 20}, True),
        ({"earlier": 21}, False),
    ],
)
def test_large_new_and_not_flagged(changes: dict[str, Any], expected: bool) -> None:
    assert GROWN == 5
    assert _campaign(**changes).is_unnoticed is expected


def test_growth_is_of_the_earlier_messages() -> None:
    assert _campaign(earlier=50).growth == 2.0
    assert _campaign(earlier=0).growth is None and _campaign().growth is None
    assert _campaign(flagged=25).flagged_share == 0.25


def test_those_with_most_scams_by_their_scores_come_first(tmp_path: Path) -> None:
    path = tmp_path / "a.campaigns.csv"
    head = "campaign,template,messages,templates,flagged,review,flagged_share,"
    head += "mean_scam_probability,highest_scam_probability,languages,kinds,first_row\n"
    rows = [
        "01,see you tomorrow at the usual place,900,1,0,0,0,0.001,0.1,en:900,,0",
        "02,your parcel is held at the depot,50,2,1,0,0.02,0.3,0.9,en:49;es:1,job:1,1",
        "03,what is no number of messages,many,1,0,0,0,0.3,0.3,,,2",
        "04,your parcel is held at the desk,19,1,0,0,0,0.3,0.3,,,2",
    ]
    path.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    found = unnoticed(path, 1)
    assert (found.count, found.compared) == (2, False)
    assert [one.id for one in found.first] == ["02"]
    assert found.first[0].languages == (("en", 49), ("es", 1))
    assert [one.id for one in read_campaigns(path)] == ["01", "02", "04"]


def test_what_lies_beside_a_dump_is_found_by_its_name(tmp_path: Path) -> None:
    path = write_dump_with_campaigns(tmp_path / "out.parquet")
    beside = campaigns_beside(path)
    assert beside == tmp_path / "out.campaigns.parquet" and holds_campaigns(beside)
    assert not holds_campaigns(path) and not list(read_campaigns(path))
    assert campaigns_beside(tmp_path / "other.parquet") is None


def test_other_messages_are_of_other_wordings_first(tmp_path: Path) -> None:
    texts = [MISSED.format(n, n) for n in range(30)]
    texts += [texts[0], texts[0].replace("today", "tonight")]
    path = write_dump(tmp_path / "a.parquet", [{"text": text} | scored_row(0.2) for text in texts])
    write_campaigns(path)
    campaigns = campaigns_beside(path)
    assert campaigns is not None
    (campaign,) = read_campaigns(campaigns)
    found = other_texts(open_scored(path), "text", [campaign], 3)
    assert found == {campaign.id: (texts[-1], texts[1], texts[2])}
    members_path(campaigns).write_bytes(b"PAR1 no more")
    with pytest.raises(InputError, match=members_path(campaigns).name):
        other_texts(open_scored(path), "text", [campaign], 3)
    members_path(campaigns).unlink()
    assert other_texts(open_scored(path), "text", [campaign], 3) == {}
