"""Withdrawals: of exports and reviews, in every format, of all or of some indicators."""

from __future__ import annotations

import csv
import datetime
import json
from pathlib import Path

import pytest
from reviewed_rows import DAY, VALUES, proposal, write_review

from scamdetect.errors import InputError
from scamdetect.share.export import write_export
from scamdetect.share.feeds import read_feed
from scamdetect.share.listing import Listing
from scamdetect.share.signals import midnight
from scamdetect.share.withdraw import write_withdrawal
from scamdetect.text.indicators import IndicatorType

NOW = midnight(DAY) + datetime.timedelta(days=2, hours=3)
NAMES = {"csv": "a.csv", "jsonl": "a.jsonl", "misp": "a.json", "stix": "a.json"}


def exported(folder: Path, kind: str) -> Path:
    review = write_review(folder / "review.csv", [proposal(type_) for type_ in VALUES])
    path = folder / NAMES[kind]
    write_export(review, path, organisation="Example Bank", export_format=kind, today=DAY)
    return path


def listings(path: Path) -> dict[tuple[str, str | None], Listing]:
    found = (one for one in read_feed(path) if isinstance(one, Listing))
    return {(one.value, one.id): one for one in found}


@pytest.mark.parametrize("kind", list(NAMES))
@pytest.mark.parametrize("of_review", [True, False])
def test_everything_is_taken_back_under_the_same_ids(
    tmp_path: Path, kind: str, of_review: bool
) -> None:
    path = exported(tmp_path, kind)
    gone = tmp_path / f"gone-{path.name}"
    if of_review:
        options = {"organisation": "Example Bank", "export_format": kind}
        summary = write_withdrawal(tmp_path / "review.csv", gone, now=NOW, **options)
    else:
        summary = write_withdrawal(path, gone, now=NOW)
    before, after = listings(path), listings(gone)
    assert before.keys() == after.keys() and summary.indicators >= len(after) > 3
    for name, old in before.items():
        new = after[name]
        assert new.withdrawn and not old.withdrawn
        assert old.changed is not None and new.changed is not None and new.changed > old.changed


@pytest.mark.parametrize("kind", ["csv", "misp", "stix"])
def test_the_two_ways_give_the_same_withdrawal(tmp_path: Path, kind: str) -> None:
    path = exported(tmp_path, kind)
    write_withdrawal(path, tmp_path / "one", now=NOW)
    write_withdrawal(
        tmp_path / "review.csv", tmp_path / "other", now=NOW, organisation="Example Bank",
        export_format=kind,
    )  # fmt: skip
    one, other = ((tmp_path / name).read_text("utf-8") for name in ("one", "other"))
    assert one == other


@pytest.mark.parametrize("kind", list(NAMES))
def test_one_value_is_taken_back_alone(tmp_path: Path, kind: str) -> None:
    path = exported(tmp_path, kind)
    gone = tmp_path / f"gone-{path.name}"
    for value in (VALUES[IndicatorType.LINK].upper(), VALUES[IndicatorType.HANDLE]):
        write_withdrawal(path, gone, values=[value], now=NOW, overwrite=True)
        assert [name.casefold() for name, _ in listings(gone)] == [value.casefold()]
    with pytest.raises(InputError, match=r"has no indicator other\.example"):
        write_withdrawal(path, gone, values=["other.example"], now=NOW, overwrite=True)


def test_a_withdrawal_on_the_day_of_the_review_is_still_later(tmp_path: Path) -> None:
    path = exported(tmp_path, "stix")
    write_withdrawal(path, tmp_path / "gone.json", now=midnight(DAY))
    before, after = listings(path), listings(tmp_path / "gone.json")
    assert all(after[name].changed > before[name].changed for name in before)
    assert {one["type"] for one in json.loads((tmp_path / "gone.json").read_text())["objects"]} == {
        "identity", "marking-definition", "indicator",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n", "not a review file"),
        ("", "not a review file"),
        (
            '{"Event": {"Attribute": [{"type": "domain"}]}}',
            r"changed since it was exported \(KeyError\)",
        ),
        ('{"type": "bundle", "objects": [', "changed since it was exported"),
        ('{"signal": "a.example"}\n', "changed since it was exported"),
        ("signal,signal_type\na.example,url\n", "changed since it was exported"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_what_is_no_export_is_refused(tmp_path: Path, content: str | bytes, said: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=said):
        write_withdrawal(path, tmp_path / "gone", now=NOW)
    assert not (tmp_path / "gone").exists()


def test_wrong_use_is_told(tmp_path: Path) -> None:
    path = exported(tmp_path, "csv")
    with pytest.raises(InputError, match="--organisation"):
        write_withdrawal(tmp_path / "review.csv", tmp_path / "gone.csv", now=NOW)
    with pytest.raises(InputError, match="an export in csv"):
        write_withdrawal(path, tmp_path / "gone.json", export_format="stix", now=NOW)
    with pytest.raises(InputError, match="an input would be overwritten"):
        write_withdrawal(path, path, overwrite=True, now=NOW)


def test_cells_stay_to_the_letter(tmp_path: Path) -> None:
    path = exported(tmp_path, "csv")
    write_withdrawal(path, tmp_path / "gone.csv", now=NOW)

    def rows(name: Path) -> list[dict[str, str]]:
        with name.open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        return [row | {"withdrawn": "", "changed": ""} for row in found]

    assert rows(path) == rows(tmp_path / "gone.csv")
