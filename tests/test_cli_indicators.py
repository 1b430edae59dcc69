"""Indicators on the real command line: proposals, the review of them, resumption, refusals."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import pytest
from command_line import command, faulty, score

from scamdetect.share.review import read_review

WALLET = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
PROPOSE = ("indicators", "propose", "in.scored.csv", "-o", "review.csv", "--sender-column", "who",
           "--time-column", "at")  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Path:
    """Return a folder with a scored file."""
    folder = tmp_path_factory.mktemp("whole")
    with (folder / "in.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("who", "at", "text"))
        for n in range(40):
            lure = f"guaranteed bitcoin profit, pay {WALLET} or at https://parcel.example/{n}"
            text = lure if n % 2 else f"hello lunch {n}"
            writer.writerow((f"s{n}", 1_700_000_000 + n, text))
    assert score(folder, "in.csv", "--model", tiny_bundle).returncode == 0
    return folder


def _copied(folder: Path, whole: Path) -> Path:
    for name in ("in.scored.csv", "in.scored.csv.job.json"):
        (folder / name).write_bytes((whole / name).read_bytes())
    return folder


def test_what_is_proposed_is_published_only_by_a_person(tmp_path: Path, whole: Path) -> None:
    folder = _copied(tmp_path, whole)
    done = command(folder, *PROPOSE)
    assert done.returncode == 0 and done.stdout == ""
    assert done.stderr.splitlines() == [
        "1 indicators proposed of 40 rows: wallet 1",
        "left out 40: reserved or private name",
        "to publish a row of review.csv, write yes in the column publish, and fill in the reviewer "
        "and the date",
        "next: scamdetect indicators export review.csv -o ours.csv --organisation 'Our Bank'",
    ]
    review = folder / "review.csv"
    assert read_review(review) == ()
    with review.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["value"], row["senders"], row["publish"]) == (WALLET, "20", "")
    row |= {"publish": "yes", "reviewer": "Ada Example", "date": "2024-01-30"}
    with review.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    (found,) = read_review(review)
    assert (found.value, found.reviewer) == (WALLET, "Ada Example")


def test_a_killed_run_goes_on(tmp_path: Path, whole: Path) -> None:
    folder = _copied(tmp_path, whole)
    assert command(folder, *PROPOSE, "--quiet").returncode == 0
    review = (folder / "review.csv").read_bytes()
    (folder / "review.csv").unlink()
    killed = faulty(folder, "SIGKILL@os.rename:run-000000#1", *PROPOSE)
    assert killed.returncode == -signal.SIGKILL
    assert not (folder / "review.csv").exists() and (folder / "review.csv.parts").is_dir()
    refused = command(folder, *PROPOSE)
    assert refused.returncode == 2 and "--resume" in refused.stderr
    done = command(folder, *PROPOSE, "--resume", "--log-json")
    assert done.returncode == 0
    last = json.loads(done.stderr.splitlines()[-1])
    assert (last["event"], last["rows"], last["proposed"]) == ("done", 40, {"wallet": 1})
    assert (folder / "review.csv").read_bytes() == review


def test_what_cannot_be_done_is_told_in_a_line(tmp_path: Path, whole: Path) -> None:
    folder = _copied(tmp_path, whole)
    for arguments, told in (
        (("--types", "cards"), "(--types): unknown cards"),
        (("--labels", "a.csv", "--labels", "b.csv"), "pass one for each scored file"),
        (("--recipient-column", "nobody"), "--recipient-column"),
        (("--types", "phone", "--region", "uk"), "ISO 3166"),
        (("-o", "review.parquet"), "ends in .csv"),
    ):
        done = command(folder, *PROPOSE, *arguments)
        assert done.returncode == 2 and told in done.stderr
        assert "guaranteed" not in done.stderr and len(done.stderr.splitlines()) <= 2
    assert not (folder / "review.csv").exists()
