"""The labels of campaigns: counted for all messages, and part of no rate of the dump."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from campaign_rows import write_dump_with_campaigns
from command_line import command

from scamdetect.adapt.campaign_labels import LabelledCampaigns, labelled_campaigns
from scamdetect.adapt.labels import estimates, read_answers
from scamdetect.errors import InputError


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Return a queue in which people have labelled everything."""
    write_dump_with_campaigns(tmp_path / "scored.parquet")
    done = command(tmp_path, "queue", "scored.parquet", "-n", "20")
    assert "one row each for 1 campaigns that are large and not flagged, of 40 messages" in (
        done.stdout
    )
    path = tmp_path / "queue.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows([row | {"label": "scam" if row["campaign"] else "legit"} for row in rows])
    return path


def test_one_decision_counts_for_all_messages_of_a_campaign(labelled: Path) -> None:
    done = command(labelled.parent, "labels", "queue.csv", "-o", "own.csv")
    assert done.returncode == 0
    assert "campaigns labelled scam: 1, of 40 messages, 40 of them not flagged" in done.stdout
    with (labelled.parent / "own.csv").open(encoding="utf-8", newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row["campaign"]]
    assert (row["label"], row["campaign_messages"]) == ("scam", "40")


def test_the_rates_are_those_of_the_random_part(labelled: Path) -> None:
    usable = read_answers(labelled).usable
    assert labelled_campaigns(usable) == (LabelledCampaigns("scam", 1, 40, 0),)
    drawn = [answer for answer in usable if answer.audited]
    assert estimates(usable) == estimates(drawn)
    assert len(drawn) < len(usable)


def test_a_count_that_was_changed_is_named(labelled: Path) -> None:
    usable = read_answers(labelled).usable
    changed = [replace(a, cells={**a.cells, "campaign_messages": "many"}) for a in usable]
    with pytest.raises(InputError, match="campaign_messages"):
        labelled_campaigns(changed)
