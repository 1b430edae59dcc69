"""Groups over the files of a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scamdetect import ScamDetector
from scamdetect.dumps.job import score_file
from scamdetect.errors import InputError


@pytest.mark.parametrize("by", ["who", "day", "scamdetect_file"])
def test_groups_run_over_all_files(tmp_path: Path, detector: ScamDetector, by: str) -> None:
    for day in (1, 2):
        folder = tmp_path / "in" / f"day={day}"
        folder.mkdir(parents=True)
        rows = [{"text": "guaranteed bitcoin profit", "who": f"u{n}"} for n in range(day)]
        (folder / "a.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    summary = score_file(
        tmp_path / "in", tmp_path / "out.jsonl", detector=detector, group_by=by, part_rows=1
    )
    assert summary.groups is not None
    found = [json.loads(line) for line in summary.groups.read_text("utf-8").splitlines()]
    expected = {
        "who": [("u0", 2), ("u1", 1)],
        "day": [(2, 2), (1, 1)],
        "scamdetect_file": [("day=2/a.jsonl", 2), ("day=1/a.jsonl", 1)],
    }
    assert [(row[by], row["messages"]) for row in found] == expected[by]
    (campaign,) = summary.campaigns
    assert (campaign.messages, campaign.first_row) == (3, 0)


def test_groups_that_the_next_run_would_read_are_refused(
    tmp_path: Path, detector: ScamDetector
) -> None:
    (tmp_path / "a.csv").write_text("who,text\nu,hello\n", "utf-8")
    with pytest.raises(InputError, match="would itself be read"):
        score_file(f"{tmp_path}/*.csv", tmp_path / "b.csv", detector=detector, group_by="who")
