"""The campaigns of a report: those beside the dump, or those of its flagged rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign_rows import campaign_id, make_stale, write_dump, write_dump_with_campaigns

pytest.importorskip("jinja2")

from test_reports_dump import words

from scamdetect.reports.dump import write_report


def _read(path: Path, **options: object) -> str:
    target = path.with_name("page.html")
    write_report(path, target, **options)  # type: ignore[arg-type]
    return words(target.read_text(encoding="utf-8"))


def test_campaigns_beside_the_file_are_shown_flagged_or_not(tmp_path: Path) -> None:
    path = write_dump_with_campaigns(tmp_path / "out.parquet")
    read = _read(path)
    assert "Large and not flagged These campaigns do not show among the flagged" in read
    assert "from out.campaigns.parquet" in read
    assert "Not flagged 1 40 messages 0 of them flagged, mean score 0.200" in read
    assert f"id {campaign_id(path, 'Your parcel')}" in read
    assert "Campaign 1 9 messages 9 flagged, 100 % of the flagged messages" in read
    campaigns = read.partition("Large and not flagged")[2]
    assert "settle the small fee at [link] today" in campaigns and "thanks" not in campaigns
    hidden = _read(path, samples=False)
    assert "settle" not in hidden and "Not flagged 1 40 messages" in hidden


def test_campaigns_that_are_no_longer_of_the_file_are_left_out(tmp_path: Path) -> None:
    path = write_dump_with_campaigns(tmp_path / "out.parquet")
    make_stale(path)
    read = _read(path)
    assert "out.campaigns.parquet does not belong to this file" in read
    assert "Not flagged 1" not in read and "Campaign 1 9 messages 100 % of the flagged" in read
    beside = tmp_path / "out.campaigns.parquet"
    beside.write_bytes(beside.read_bytes()[:-9])
    assert "The file of campaigns next to the scored file cannot be read" in _read(path)


def test_without_campaigns_beside_it_flagged_rows_are_compared(tmp_path: Path) -> None:
    read = _read(write_dump(tmp_path / "out.parquet"))
    assert "To see campaigns that are not flagged, run scamdetect campaigns" in read
    campaigns = read.partition("Top campaigns")[2]
    assert "Campaign 1 9 messages 100 % of the flagged" in campaigns
    assert "parcel" not in campaigns
