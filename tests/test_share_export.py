"""Exports: only what people decided, in every format, with a word on what is left out."""

from __future__ import annotations

import csv
import datetime
import json
from pathlib import Path

import pytest
from command_line import command
from reviewed_rows import DAY, VALUES, proposal, write_review

from scamdetect.errors import InputError
from scamdetect.share.export import ExportFormat, ExportSummary, write_export
from scamdetect.share.feeds import read_feeds
from scamdetect.text.indicators import IndicatorType

TODAY = DAY + datetime.timedelta(days=1)
ALL = [proposal(kind) for kind in VALUES]
TYPES = {kind.value for kind in VALUES}


def export(review: Path, name: str = "ours.csv", **options) -> ExportSummary:  # noqa: ANN003
    known = {"organisation": "Example Bank", "today": TODAY}
    return write_export(review, review.parent / name, **(known | options))


def reasons(summary: ExportSummary) -> dict[str, int]:
    return {one.reason: one.count for one in summary.left_out}


@pytest.mark.parametrize(
    ("kind", "left_out"),
    [
        ("csv", set()),
        ("jsonl", set()),
        ("misp", {"sender"}),
        ("stix", {"wallet", "phone", "iban", "sender"}),
    ],
)
def test_each_format_has_what_it_has_a_type_for(
    tmp_path: Path, kind: str, left_out: set[str]
) -> None:
    review = write_review(tmp_path / "review.csv", ALL)
    summary = export(review, f"ours-{kind}.{'json' if kind in ('misp', 'stix') else kind}",
                     export_format=kind)  # fmt: skip
    assert set(summary.exported) == TYPES - left_out
    assert reasons(summary) == {
        f"{name}: {kind} has no type for it; use --format csv or jsonl": 1 for name in left_out
    }


@pytest.mark.parametrize("kind", list(ExportFormat))
def test_the_same_review_gives_the_same_bytes_and_ids(tmp_path: Path, kind: ExportFormat) -> None:
    review = write_review(tmp_path / "review.csv", ALL)
    for name in ("one", "other"):
        export(review, name, export_format=kind)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert b"Ada Example" not in (tmp_path / "one").read_bytes()


@pytest.mark.parametrize("publish", ["", "no"])
def test_what_nobody_published_is_not_exported(tmp_path: Path, publish: str) -> None:
    review = write_review(tmp_path / "review.csv", ALL, publish=publish)
    with pytest.raises(InputError, match="the column publish"):
        export(review)
    assert not (tmp_path / "ours.csv").exists()


def test_a_scored_dump_is_no_review(tmp_path: Path) -> None:
    scored = tmp_path / "scored.csv"
    scored.write_text("text,scamdetect_decision\nhello,flag\n", encoding="utf-8")
    with pytest.raises(InputError, match="no column"):
        export(scored)


def test_what_is_left_out_is_told_by_its_reason(tmp_path: Path) -> None:
    rows = [
        proposal(),
        proposal(value="google.com"),
        proposal(IndicatorType.LINK, value="https://parcel-fee.example/*/pay"),
        proposal(IndicatorType.SENDER, value="=DHL"),
        proposal(),
    ]
    review = write_review(tmp_path / "review.csv", rows)
    assert reasons(export(review)) == {
        "domain: among the most visited sites; write no in the column publish": 1,
        "sender: a spreadsheet would run it as a formula; use --format jsonl": 1,
        "listed twice in the review; the first row counts": 1,
    }
    (reason,) = [r for r in reasons(export(review, "a", export_format="misp")) if "varying" in r]
    assert reason.startswith("link with a varying part: misp has no equality for it")


def test_an_old_review_is_not_published_again(tmp_path: Path) -> None:
    review = write_review(tmp_path / "review.csv", ALL)
    later = export(review, today=DAY + datetime.timedelta(days=7))
    assert set(later.exported) == {"domain", "link", "wallet"}
    assert "phone: expired since its review; review it again" in reasons(later)
    with pytest.raises(InputError, match="none of the rows to publish can be exported"):
        export(review, "later.csv", today=DAY + datetime.timedelta(days=30))


@pytest.mark.parametrize("label", ["green", "TLP:GREEN"])
def test_stricter_labels_are_left_out_where_asked(tmp_path: Path, label: str) -> None:
    summary = export(write_review(tmp_path / "review.csv", ALL), strictest=label)
    assert set(summary.exported) == {"domain", "link", "wallet"}
    assert reasons(summary) == {"TLP:AMBER: stricter than --tlp allows": 5}
    with pytest.raises(InputError, match="unknown TLP label 'WHITE'"):
        export(tmp_path / "review.csv", strictest="WHITE", overwrite=True)


def test_objects_of_an_earlier_export_keep_their_creation(tmp_path: Path) -> None:
    first = write_review(tmp_path / "first.csv", [proposal()])
    export(first, "first.json", export_format="stix")
    later = DAY + datetime.timedelta(days=9)
    second = write_review(tmp_path / "second.csv", [proposal(messages=30, flagged=30)], later)
    options = {"export_format": "stix", "today": later}
    export(second, "second.json", previous=tmp_path / "first.json", **options)

    def indicator(name: str) -> dict[str, str]:
        objects = json.loads((tmp_path / name).read_text("utf-8"))["objects"]
        return next(one for one in objects if one["type"] == "indicator")

    one, other = indicator("first.json"), indicator("second.json")
    assert (one["id"], one["created"]) == (other["id"], other["created"])
    assert other["modified"] > one["modified"]
    with pytest.raises(InputError, match="not a STIX bundle"):
        export(second, "third.json", previous=_empty(tmp_path / "empty.json"), **options)


def _empty(path: Path) -> Path:
    path.write_text('{"a": []}', encoding="utf-8")
    return path


def test_the_export_may_be_read_by_nobody_who_may_not_read_the_review(tmp_path: Path) -> None:
    review = write_review(tmp_path / "review.csv", [proposal()])
    review.chmod(0o600)
    export(review)
    assert (tmp_path / "ours.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("ours.json", {}, "the extension does not set the format"),
        ("ours.csv", {"export_format": "xml"}, "unknown format 'xml'"),
        ("ours.csv", {"organisation": " "}, "organisation"),
        ("review.csv", {}, "an input would be overwritten"),
        ("there.csv", {}, "already exists"),
    ],
)
def test_wrong_use_is_told(
    tmp_path: Path, name: str, options: dict[str, object], said: str
) -> None:
    review = write_review(tmp_path / "review.csv", [proposal()])
    (tmp_path / "there.csv").touch()
    with pytest.raises(InputError, match=said):
        export(review, name, **options)


def test_a_review_exported_here_is_looked_up_there(tmp_path: Path) -> None:
    day = datetime.datetime.now(datetime.UTC).date()
    write_review(tmp_path / "review.csv", ALL, day)
    done = command(
        tmp_path, "indicators", "export", "review.csv", "-o", "ours.json", "--format", "stix",
        "--organisation", "Example Bank",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [
        "4 indicators written to ours.json: domain 1, link 1, email 1, handle 1",
        "left out 1: wallet: stix has no type for it; use --format csv or jsonl",
        "left out 1: phone: stix has no type for it; use --format csv or jsonl",
        "left out 1: iban: stix has no type for it; use --format csv or jsonl",
        "left out 1: sender: stix has no type for it; use --format csv or jsonl",
    ]
    listed, _ = read_feeds([tmp_path / "ours.json"])
    (found,) = listed.found(["write to claims@parcel-fee.example"])
    assert found is not None and found.names == ("email:claims@parcel-fee.example",)
    done = command(
        tmp_path, "indicators", "withdraw", "ours.json", "-o", "gone.json", "--value",
        VALUES[IndicatorType.EMAIL],
    )  # fmt: skip
    assert done.stderr == "1 withdrawn indicators written to gone.json\n"
    listed, _ = read_feeds([tmp_path / "ours.json", tmp_path / "gone.json"])
    assert listed.found(["write to claims@parcel-fee.example"]) == [None]


def test_a_row_that_a_spreadsheet_broke_publishes_nothing(tmp_path: Path) -> None:
    path = write_review(tmp_path / "review.csv", ALL)
    rows = list(csv.reader(path.open(encoding="utf-8", newline="")))
    place = rows[0].index("value")
    rows[1][place], rows[2][place] = rows[2][place], rows[1][place]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    done = command(
        tmp_path, "indicators", "export", "review.csv", "-o", "ours.csv", "--organisation", "B"
    )
    assert done.returncode == 2 and "no row is published" in done.stderr
    assert not (tmp_path / "ours.csv").exists()
