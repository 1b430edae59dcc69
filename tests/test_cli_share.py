"""Sharing on the command line: propose, decide, export, and what never appears in errors."""

from __future__ import annotations

import csv
import datetime
import json
from pathlib import Path

import pytest
from command_line import run
from scored_rows import scored_row, write_scored

from scamdetect.share.feeds import read_feeds

WALLET = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
PROPOSE = ("share", "propose", "in.parquet", "-o", "review.csv", "--sender-column", "who",
           "--time-column", "at")  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        scored_row(
            0.95 if n % 2 else 0.1, who=f"s{n}", at=f"2026-04-{n % 28 + 1:02}",
            text=f"guaranteed profit, pay {WALLET} or at https://parcel.example/{n}" if n % 2
            else f"hello lunch {n}",
        )
        for n in range(40)
    ]  # fmt: skip
    write_scored(tmp_path / "in.parquet", rows)
    return tmp_path


def test_a_proposal_is_published_by_a_person(folder: Path) -> None:
    done = run(*PROPOSE, cwd=folder)
    assert done.exit_code == 0 and done.stdout == ""
    assert done.stderr.splitlines() == [
        "1 indicators proposed of 40 rows: wallet 1",
        "left out 40: reserved or private name",
        "to publish a row of review.csv, write yes in the column publish, and fill in the reviewer "
        "and the date",
        "next: scamdetect share export review.csv -o ours.csv --organisation 'Our Bank'",
    ]
    export = ("share", "export", "review.csv", "-o", "ours.csv", "--organisation", "Our Bank")
    refused = run(*export, cwd=folder)
    assert refused.exit_code == 2 and "none has yes in the column publish" in refused.stderr
    review = folder / "review.csv"
    with review.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["value"], row["senders"], row["publish"]) == (WALLET, "20", "")
    today = datetime.datetime.now(datetime.UTC).date()
    row |= {"publish": "yes", "reviewer": "Ada Example", "date": today.isoformat()}
    with review.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    done = run(*export, cwd=folder)
    assert done.stderr == "1 indicators written to ours.csv: wallet 1\n", done.stderr
    assert set(read_feeds([folder / "ours.csv"])[0].feeds) == {f"wallet:{WALLET}"}
    done = run(*export, "--revoke", "--overwrite", "--format", "misp", cwd=folder)
    event = json.loads((folder / "ours.csv").read_text("utf-8"))["Event"]
    assert done.exit_code == 0 and event["Attribute"][0]["deleted"]


def test_the_summary_as_json(folder: Path) -> None:
    done = run(*PROPOSE, "--log-json", cwd=folder)
    summary = json.loads(done.stderr)
    assert (summary["event"], summary["rows"], summary["proposed"]) == ("done", 40, {"wallet": 1})
    assert run(*PROPOSE, "--quiet", "--overwrite", cwd=folder).stderr == ""


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--types", "cards"), "(--types): unknown cards"),
        (("--recipient-column", "nobody"), "nobody"),
        (("--types", "phone", "--region", "uk"), "ISO 3166"),
        (("-o", "review.parquet"), "ends in .csv"),
        (("--campaigns", "in.parquet"), "not the members of these dumps"),
    ],
)
def test_wrong_use(folder: Path, arguments: tuple[str, ...], problem: str) -> None:
    done = run(*PROPOSE, *arguments, cwd=folder)
    assert done.exit_code == 2 and problem in " ".join(done.stderr.split())
    assert "guaranteed" not in done.stderr and not (folder / "review.csv").exists()
