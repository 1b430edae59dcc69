"""How often the indicators of a feed were seen, read back by stix2 and pymisp: counts, no more."""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from feed_files import NAMESPACE, misp_attribute, stix_domain, write_csv, write_misp, write_stix

from scamdetect import ScamDetector
from scamdetect.dumps.job import score_file
from scamdetect.errors import InputError
from scamdetect.share.count_sightings import SightingsSummary, write_sightings
from scamdetect.share.feeds import read_feeds
from scamdetect.share.signals import named_id

BANK = "Example Bank"
TODAY = datetime.date(2026, 11, 25)
UUID = "8b0f3a52-0000-4000-8000-00000000000{}"
FEE, PAY, RARE = "parcel-fee.example", "https://pay.example/now", "rare.example"

Rows = Sequence[tuple[str, str]]  # days and texts


def rows(*counts: tuple[str, int], first: int = 1) -> list[tuple[str, str]]:
    """Return so many messages with each link, one a day, and some without any."""
    found = [(f"2026-11-{first + n:02}", f"pay {link} {n}") for link, count in counts
             for n in range(count)]  # fmt: skip
    return [*found, ("2026-11-30", "hello lunch"), ("", "hello")]


def scored(
    folder: Path,
    detector: ScamDetector,
    some: Rows,
    *feeds: Path,
    name: str = "in",
    extension: str = "parquet",
    **options: Any,  # noqa: ANN401
) -> Path:
    source = folder / f"{name}.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("at", "text"), *some])
    listed = read_feeds(feeds, as_of=TODAY)[0] if feeds else None
    score_file(
        source, folder / f"{name}.out.{extension}", detector=detector, listed=listed,
        max_listed="100%", **options,
    )  # fmt: skip
    return folder / f"{name}.out.{extension}"


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    return write_stix(
        tmp_path / "theirs.json",
        stix_domain(1, FEE),
        stix_domain(2, RARE),
        stix_domain(3, "pay.example"),
    )


def written(
    dump: Path | Sequence[Path],
    feed: Path,
    kind: str,
    **options: Any,  # noqa: ANN401
) -> tuple[Path, SightingsSummary]:
    path = feed.parent / f"seen.{'csv' if kind == 'csv' else 'json'}"
    options = {"time_column": "at", "today": TODAY, "overwrite": True} | options
    summary = write_sightings(
        dump, path, feed=feed, organisation=BANK, export_format=kind, **options
    )
    return path, summary


def cells(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_bundle_refers_to_the_objects_of_the_feed(
    tmp_path: Path, detector: ScamDetector, feed: Path
) -> None:
    stix2 = pytest.importorskip("stix2", reason="needs the extra dev")
    dump = scored(tmp_path, detector, rows((FEE, 5), (RARE, 2), (PAY, 3)), feed)
    path, summary = written(dump, feed, "stix")
    bundle = stix2.parse(path.read_text("utf-8"), allow_custom=False, version="2.1")
    identity, marking, *found = bundle.objects
    assert [(one.sighting_of_ref, one["count"]) for one in found] == [
        (NAMESPACE.format(1), 5), (NAMESPACE.format(3), 3),
    ]  # fmt: skip
    assert found[0].first_seen.date() == datetime.date(2026, 11, 1)
    assert found[0].last_seen.date() == datetime.date(2026, 11, 5)
    assert found[0].where_sighted_refs == [identity.id] and identity.name == BANK
    assert marking.name == "TLP:AMBER" and found[0].object_marking_refs == [marking.id]
    assert summary.written == {"domain": 2}
    assert [one.count for one in summary.left_out] == [1]
    assert summary.left_out[0].reason.startswith("seen in fewer than 3 messages")


def test_misp_takes_each_request(tmp_path: Path, detector: ScamDetector) -> None:
    pymisp = pytest.importorskip("pymisp", reason="needs the extra dev")
    feed = write_misp(
        tmp_path / "theirs.json",
        misp_attribute("domain", FEE, uuid=UUID.format(1)),
        misp_attribute("url", PAY),
    )
    dump = scored(tmp_path, detector, rows((FEE, 4), (PAY, 3)), feed)
    path, _ = written(dump, feed, "misp")
    found = []
    for request in json.loads(path.read_text("utf-8"))["response"]:
        found.append(pymisp.MISPSighting())
        found[-1].from_dict(**request)
    one, other = found
    assert (one.uuid, one.type, one.source) == (
        UUID.format(1), "0", "Example Bank: 4 messages since 2026-11-01",
    )  # fmt: skip
    day = datetime.datetime.fromtimestamp(int(one.timestamp), datetime.UTC)
    assert day == datetime.datetime(2026, 11, 4, tzinfo=datetime.UTC)
    assert other.value == PAY and not hasattr(other, "uuid")


@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_csv_tells_nothing_else(tmp_path: Path, detector: ScamDetector, extension: str) -> None:
    feed = write_csv(tmp_path / "theirs.csv", "signal,id", f"{PAY},a1", f"{FEE},=cmd", f"{RARE},")
    some = rows((PAY, 4), (FEE, 3), (RARE, 5))
    dump = scored(tmp_path, detector, some, feed, extension=extension)
    path, summary = written(dump, feed, "csv")
    rare, pay = cells(path)
    assert pay.pop("sighting_id") != rare.pop("sighting_id")
    assert pay == {
        "signal": PAY, "type": "link", "id": "a1", "messages": "4", "first_day": "2026-11-01",
        "last_day": "2026-11-04", "organisation": BANK,
    }  # fmt: skip
    assert (rare["signal"], rare["id"], rare["messages"]) == (RARE, "", "5")
    assert [one.reason for one in summary.left_out] == [
        "a spreadsheet would run a cell as a formula; use --format stix or misp"
    ]


def test_without_a_time_column_no_days_are_written(
    tmp_path: Path, detector: ScamDetector, feed: Path
) -> None:
    dump = scored(tmp_path, detector, rows((FEE, 4)), feed)
    path, _ = written(dump, feed, "csv", time_column=None)
    assert [(row["messages"], row["first_day"], row["last_day"]) for row in cells(path)] == [
        ("4", "", "")
    ]
    path, _ = written(dump, feed, "stix", time_column=None)
    (found,) = (o for o in json.loads(path.read_text("utf-8"))["objects"] if "count" in o)
    assert "first_seen" not in found and found["created"] == "2026-11-25T00:00:00.000Z"


def test_the_same_dump_gives_the_same_ids_and_another_day_others(
    tmp_path: Path, detector: ScamDetector, feed: Path
) -> None:
    one = scored(tmp_path, detector, rows((FEE, 3)), feed, name="one")
    two = scored(tmp_path, detector, [("", "hello"), *rows((FEE, 3))], feed, name="two")
    first = written(one, feed, "stix")[0].read_bytes()
    assert first == written(one, feed, "stix")[0].read_bytes()
    without = {"time_column": None}
    ids = [cells(written(dump, feed, "csv", **without)[0])[0]["sighting_id"] for dump in (one, two)]
    assert len(set(ids)) == 2
    both = cells(written([one, two], feed, "csv")[0])
    assert [row["messages"] for row in both] == ["6"]


def test_a_link_is_named_as_the_feed_names_it(tmp_path: Path, detector: ScamDetector) -> None:
    feed = write_csv(
        tmp_path / "theirs.csv", "signal", "https://pay.example/now", "https://fee.example/*/pay"
    )
    some = [("", f"see http://www.pay.example/now?to={n} or fee.example/{n}/pay") for n in range(3)]
    path, _ = written(scored(tmp_path, detector, some, feed), feed, "csv")
    assert {(row["signal"], row["messages"]) for row in cells(path)} == {
        ("https://pay.example/now", "3"), ("https://fee.example/*/pay", "3"),
    }  # fmt: skip


def test_days_may_come_from_what_was_scored(
    tmp_path: Path, detector: ScamDetector, feed: Path
) -> None:
    dump = scored(tmp_path, detector, rows((FEE, 3)), feed)
    path, _ = written(dump, feed, "csv", sources=[tmp_path / "in.csv"])
    assert [row["last_day"] for row in cells(path)] == ["2026-11-03"]


def test_nobody_learns_what_another_feed_lists(
    tmp_path: Path, detector: ScamDetector, feed: Path
) -> None:
    other = write_csv(tmp_path / "others.csv", "domain", "secret.example")
    dump = scored(tmp_path, detector, rows((FEE, 3), ("secret.example", 9)), feed, other)
    path, summary = written(dump, feed, "csv")
    assert "secret" not in path.read_text("utf-8")
    assert [(one.count, one.reason) for one in summary.left_out] == [(1, "not listed by this feed")]


def test_an_object_of_several_values_has_one_count(tmp_path: Path, detector: ScamDetector) -> None:
    pattern = f"[domain-name:value = '{FEE}' OR domain-name:value = '{RARE}']"
    feed = write_stix(tmp_path / "theirs.json", stix_domain(1, FEE) | {"pattern": pattern})
    some = [("2026-11-02", f"{FEE} and {RARE} {n}") for n in range(3)]
    dump = scored(tmp_path, detector, [*some, *rows((FEE, 1))], feed)
    path, _ = written(dump, feed, "stix")
    assert [o["count"] for o in json.loads(path.read_text("utf-8"))["objects"] if "count" in o] == [
        4
    ]


def test_uuids_of_others_are_those_of_their_objects(tmp_path: Path, detector: ScamDetector) -> None:
    feed = write_csv(
        tmp_path / "theirs.csv", "signal,id", f"{FEE},{UUID.format(1)}", f"{RARE},row 7"
    )
    dump = scored(tmp_path, detector, rows((FEE, 3), (RARE, 4)), feed)
    path, summary = written(dump, feed, "stix")
    (found,) = (o for o in json.loads(path.read_text("utf-8"))["objects"] if "count" in o)
    assert found["sighting_of_ref"] == f"indicator--{UUID.format(1)}"
    assert found["created_by_ref"] == f"identity--{named_id('organisation', BANK)}"
    assert [one.reason for one in summary.left_out] == [
        "without an id that a STIX sighting can refer to; use --format csv"
    ]


def test_what_cannot_be_told_is_said(tmp_path: Path, detector: ScamDetector, feed: Path) -> None:
    plain = scored(tmp_path, detector, rows((FEE, 3)), name="plain")
    flagged = scored(tmp_path, detector, rows((FEE, 3)), feed, name="some", only_flagged=True)
    few = scored(tmp_path, detector, rows((FEE, 2)), feed, name="few")
    for dump, kind, told in (
        (plain, "csv", "score again with --indicators"),
        (flagged, "csv", "only flagged rows"),
        (few, "csv", "1 seen in fewer than 3 messages"),
        (few, "jsonl", "--format csv, misp or stix"),
    ):
        with pytest.raises(InputError, match=told):
            written(dump, feed, kind)
    assert not (tmp_path / "seen.csv").exists()
    for options, told in (
        ({"time_column": "when"}, "has no column 'when'"),
        ({"sources": ["a.csv", "b.csv"]}, "one for each scored file"),
    ):
        with pytest.raises(InputError, match=told):
            written(few, feed, "csv", **options)
