"""From dumps of two platforms to operations, feeds and fingerprints, on the real command line."""

from __future__ import annotations

import csv
import datetime
from pathlib import Path

import pytest
from command_line import command, score
from dump_files import read_rows

WALLET = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
HANDLE = "telegram:prize_desk"
LURES = (
    f"guaranteed bitcoin profit for client {{}}, pay {WALLET} today and double all that you have",
    f"final notice {{}}: bitcoin profit guaranteed, pay {WALLET} first, then ask t.me/prize_desk",
    "darling send a gift card, guaranteed profit number {}, or write to t.me/prize_desk",
)
FORMATS = {"ours.csv": "csv", "ours.jsonl": "jsonl", "misp.json": "misp", "stix.json": "stix"}


def write_dump(path: Path, sender: str) -> None:
    """Write three campaigns that share a wallet and a handle, and greetings."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("who", "text"))
        for n in range(10):
            for lure in LURES:
                writer.writerow((f"{sender}{n}", lure.format(n)))
            writer.writerow((f"{sender}{n}", f"hello lunch {n}"))


@pytest.fixture(scope="module")
def platforms(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Path:
    """Return a folder with the scored dumps of two platforms, and the campaigns of both."""
    folder = tmp_path_factory.mktemp("platforms")
    for name in ("one", "two"):
        write_dump(folder / f"{name}.csv", name)
        assert score(folder, f"{name}.csv", "--model", tiny_bundle).returncode == 0
        done = command(
            folder, "campaigns", f"{name}.scored.csv", "--sender-column", "who", "--operations"
        )
        assert "\n1 operations: campaigns that share a link, wallet or handle\n" in done.stderr
    return folder


def test_campaigns_that_share_a_wallet_or_a_handle_are_one_operation(platforms: Path) -> None:
    rows = [row for row in read_rows(platforms / "one.scored.campaigns.csv") if row["operation"]]
    assert {row["operation"] for row in rows} == {min(row["campaign"] for row in rows)}
    chat, wallet = f"handle:{HANDLE} link:t.me/prize_desk", f"wallet:{WALLET}"
    assert sorted(row["reasons"] for row in rows) == [chat, f"{chat} {wallet}", wallet]


def test_what_one_platform_publishes_the_other_finds(platforms: Path, tiny_bundle: Path) -> None:
    done = command(
        platforms, "indicators", "propose", "one.scored.csv", "-o", "review.csv",
        "--sender-column", "who", "--types", "wallet", "--types", "handle",
        "--campaigns", "one.scored.campaigns.members.csv",
    )  # fmt: skip
    assert done.stderr.startswith("2 indicators proposed of 40 rows: "), done.stderr
    decide(platforms / "review.csv")
    for name, kind in FORMATS.items():
        done = command(
            platforms, "indicators", "export", "review.csv", "-o", name, "--format", kind,
            "--organisation", "Example Bank",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        counts = "1 indicators written" if kind == "stix" else "2 indicators written"
        assert done.stderr.startswith(counts)
        held = listed(platforms, tiny_bundle, "--indicators", name)
        assert held == (20 if kind == "stix" else 30)  # STIX has no type for wallets
    done = command(
        platforms, "indicators", "withdraw", "ours.csv", "-o", "withdrawn.csv", "--value", WALLET
    )
    assert done.returncode == 0, done.stderr
    assert listed(platforms, tiny_bundle, "--indicators", "ours.csv", "--indicators",
                  "withdrawn.csv") == 20  # fmt: skip


def test_what_the_other_saw_comes_back_to_people(platforms: Path, tiny_bundle: Path) -> None:
    options = ("--sender-column", "who", "--types", "wallet", "--types", "handle")
    propose = ("indicators", "propose", "one.scored.csv", "--overwrite", *options)
    assert command(platforms, *propose, "-o", "first.csv").returncode == 0
    decide(platforms / "first.csv")
    done = command(
        platforms, "indicators", "export", "first.csv", "-o", "feed.csv", "--organisation",
        "Example Bank",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert listed(platforms, tiny_bundle, "--indicators", "feed.csv") == 30
    tell = ("indicators", "sightings", "found.jsonl", "--feed", "feed.csv", "--organisation",
            "Example Telco")  # fmt: skip
    for name, kind in (("seen.csv", "csv"), ("stix-seen.json", "stix"), ("misp-seen.json", "misp")):
        done = command(platforms, *tell, "-o", name, "--format", kind)
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith("2 sightings written to"), done.stderr
        told = (platforms / name).read_text("utf-8")
        assert "two" not in told and "darling" not in told  # who got them, and their texts
        done = command(
            platforms, *propose, "-o", "again.csv", "--sightings", name, "--organisation",
            "Example Bank",
        )  # fmt: skip
        assert f"{name}: 2 sightings by others" in done.stderr, done.stderr
        with (platforms / "again.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = {row["value"]: row["seen_by_others"] for row in csv.DictReader(file)}
        assert rows == {name: "Example Telco: 20 messages" for name in (WALLET, HANDLE)}
    refused = command(platforms, *propose, "-o", "x.csv", "--sightings", "seen.csv")
    assert refused.returncode == 2 and "(--organisation)" in refused.stderr
    refused = command(platforms, "indicators", "sightings", "two.scored.csv", *tell[3:], "-o",
                      "x.csv")  # fmt: skip
    assert refused.returncode == 2 and "score again with --indicators" in refused.stderr
    assert not (platforms / "x.csv").exists()


def decide(review: Path) -> None:
    """Publish all rows of a review file, as a person would."""
    with review.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    with review.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(
            row | {"publish": "yes", "reviewer": "Ada Example", "date": today} for row in rows
        )


def listed(folder: Path, model: Path, *feeds: str) -> int:
    """Score the second dump with feeds and return how many messages have what these list."""
    done = score(
        folder, "two.csv", "-o", "found.jsonl", "--model", model, "--overwrite",
        "--max-listed", "100%", *feeds,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [row for row in read_rows(folder / "found.jsonl") if row["scamdetect_indicators"]]
    assert all(row["scamdetect_decision"] != "pass" for row in rows)
    return len(rows)


def test_fingerprints_of_two_platforms_meet(platforms: Path) -> None:
    assert command(platforms, "fingerprints", "key", "-o", "shared.key").returncode == 0
    for name in ("one", "two"):
        done = command(
            platforms, "fingerprints", "make", f"{name}.scored.campaigns.csv", f"{name}.scored.csv",
            "--key", "shared.key", "-o", f"{name}.fingerprints",
        )  # fmt: skip
        assert done.stderr.startswith("3 fingerprints written"), done.stderr
        assert WALLET.encode() not in (platforms / f"{name}.fingerprints").read_bytes()
    done = command(platforms, "fingerprints", "match", "one.fingerprints", "two.fingerprints")
    pairs = list(csv.DictReader(done.stdout.splitlines()))
    assert [pair["similarity"] for pair in pairs] == ["1.00"] * 3
