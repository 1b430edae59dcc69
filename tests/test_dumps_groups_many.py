"""Groups over the files of a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
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


def test_files_and_groups_keep_the_first_delimiter_and_are_safe_for_spreadsheets(
    tmp_path: Path, detector: ScamDetector
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text('who;text\n=1+A1;"hello; lunch"\n', "utf-8")
    (tmp_path / "in" / "b.csv").write_bytes("who,text\né,hello\n".encode("cp1252") * 20)
    summary = score_file(
        tmp_path / "in", tmp_path / "out.csv",
        detector=detector, group_by="who", spreadsheet_safe=True, encoding="cp1252",
    )  # fmt: skip
    lines = summary.destination.read_text("utf-8").splitlines()
    assert lines[0].startswith("who;text;scamdetect_file;scamdetect_verdict")
    assert lines[1].startswith('\'=1+A1;"hello; lunch";a.csv;legit')
    assert lines[2].startswith("é;hello;b.csv;legit")
    assert summary.groups is not None
    groups = summary.groups.read_text("utf-8").splitlines()
    assert groups[0].startswith("who;messages;flagged")
    assert sorted(line.split(";")[0] for line in groups[1:]) == ["'=1+A1", "who", "é"]
    assert any("delimiter" in note and "(in 1 of 2 files)" in note for note in summary.notes)


def test_groups_of_an_earlier_run_go_with_its_rows(tmp_path: Path, detector: ScamDetector) -> None:
    (tmp_path / "a.csv").write_text("who,text\nu,hello\n", "utf-8")
    target = tmp_path / "out.csv"
    grouped = score_file(tmp_path / "a.csv", target, detector=detector, group_by="who").groups
    assert grouped is not None
    target.unlink()
    with pytest.raises(InputError, match=r"out\.groups\.csv: is there already"):
        score_file(tmp_path / "a.csv", target, detector=detector)
    summary = score_file(tmp_path / "a.csv", target, detector=detector, overwrite=True)
    assert summary.groups is None and not grouped.exists()


def test_names_of_groups_that_are_not_utf8_are_escaped_in_text(
    tmp_path: Path, detector: ScamDetector
) -> None:
    names = pa.array([b"a\xff", b"b"], pa.binary()).cast(pa.string(), safe=False)
    pq.write_table(pa.table({"who": names, "text": ["hello", "lunch"]}), tmp_path / "in.parquet")
    summary = score_file(
        tmp_path / "in.parquet", tmp_path / "out.csv",
        detector=detector, group_by="who", columns=["text"],
    )  # fmt: skip
    assert summary.groups is not None
    lines = summary.groups.read_text("utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["who", r"a\xff", "b"]
