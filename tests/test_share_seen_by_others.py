"""What others saw of our indicators: from each format, once, by id or value, and nothing lost."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path
from typing import Any

import pytest
from feed_files import misp_attribute, write_csv, write_misp, write_stix
from hypothesis import given
from hypothesis import strategies as st
from reviewed_rows import VALUES, proposal, reviewed

from scamdetect.errors import InputError
from scamdetect.share import seen_by_others
from scamdetect.share.proposals import write_proposals
from scamdetect.share.review import read_review
from scamdetect.share.seen_by_others import SeenByOthers, read_seen_by_others
from scamdetect.share.sighting_formats import csv_text, misp_text, stix_text
from scamdetect.share.sightings import Sighting
from scamdetect.share.signals import named_id, signal_id, signal_of
from scamdetect.share.stix import bundle_text
from scamdetect.text.indicators import IndicatorType

BANK, TELCO = "Example Bank", "Example Telco"
DOMAIN, LINK = IndicatorType.DOMAIN, IndicatorType.LINK
DAY = datetime.date(2026, 11, 3)
HEAD = "signal,type,id,messages,first_day,last_day,organisation,sighting_id"


def sighting(kind: IndicatorType = DOMAIN, **other: Any) -> Sighting:  # noqa: ANN401
    """Return what the telco saw of an indicator of the bank."""
    return Sighting(
        **{
            "of": str(signal_id(kind, VALUES[kind], BANK)),
            "type": kind,
            "value": VALUES[kind],
            "organisation": TELCO,
            "messages": 42,
            "first_day": DAY,
            "last_day": DAY + datetime.timedelta(4),
            "id": str(named_id("a sighting", kind)),
        }
        | other
    )


def read(*paths: Path, organisation: str = BANK) -> tuple[SeenByOthers, list[str]]:
    """Return what others saw, and what the reports tell of what was left out."""
    seen, reports = read_seen_by_others(paths, organisation)
    return seen, [line for report in reports for line in report.lines()[1:]]


def cell(path: Path, kind: IndicatorType = DOMAIN) -> str:
    return read(path)[0].cell(kind, VALUES[kind])


def write(folder: Path, kind: str, *some: Sighting) -> Path:
    text = stix_text(some, DAY) if kind == "stix" else misp_text(some)
    text = csv_text(some) if kind == "csv" else text
    path = folder / f"{kind}.{'csv' if kind == 'csv' else 'json'}"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["csv", "misp", "stix"])
def test_what_others_write_we_read(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path, kind, sighting(), sighting(LINK, messages=5, first_day=None))
    seen, left = read(path, path)
    assert seen.cell(DOMAIN, VALUES[DOMAIN]) == (
        "Example Telco: 42 messages 2026-11-03 to 2026-11-07"
    )
    assert seen.cell(LINK, VALUES[LINK]) == "Example Telco: 5 messages 2026-11-07"
    assert seen.cell(DOMAIN, "other.example") == "" and seen.unmet == 0
    assert len(left) == 1 and ": 2 left out, the first at " in left[0]  # given twice


@pytest.mark.parametrize("name", ["csv", "stix"])
def test_one_sighting_in_two_formats_counts_once(tmp_path: Path, name: str) -> None:
    paths = [write(tmp_path, kind, sighting()) for kind in ("csv", "stix")]
    seen, _ = read(*(paths if name == "csv" else reversed(paths)))
    assert seen.cell(DOMAIN, VALUES[DOMAIN]).startswith("Example Telco: 42 messages")


def test_organisations_are_told_apart_and_days_add_up(tmp_path: Path) -> None:
    later = DAY + datetime.timedelta(30)
    path = write(
        tmp_path, "csv",
        sighting(), sighting(id="b", first_day=later, last_day=later, messages=1000),
        sighting(id="c", organisation="=Other; Bank", messages=3, first_day=None, last_day=None),
    )  # fmt: skip
    assert cell(path) == (
        "Example Telco: 1,042 messages 2026-11-03 to 2026-12-03; =Other, Bank: 3 messages"
    )


def test_a_value_is_enough_where_ids_are_of_others(tmp_path: Path) -> None:
    path = write(tmp_path, "csv", sighting(LINK, of="row 7", value="http://parcel-fee.example/pay"))
    assert cell(path, LINK).startswith("Example Telco: 42")
    assert cell(path) == ""


def test_misp_counts_each_sighting_and_tells_false_positives(tmp_path: Path) -> None:
    mine = str(signal_id(DOMAIN, VALUES[DOMAIN], BANK))
    told = [
        {"uuid": f"s{n}", "attribute_id": "7", "type": kind, "date_sighting": "1793700000",
         "source": "", "Organisation": {"name": name}}
        for n, (kind, name) in enumerate((("0", TELCO), ("0", TELCO), ("1", "Shop"), ("2", "Shop"),
                                         ("0", ""), ("0", BANK)))
    ]  # fmt: skip
    attribute = misp_attribute("domain", VALUES[DOMAIN], uuid=mine, Sighting=told)
    account = {
        "uuid": str(signal_id(IndicatorType.HANDLE, VALUES[IndicatorType.HANDLE], BANK)),
        "type": "text",
        "value": "parcel_fee_help",
        "Sighting": [told[0] | {"uuid": "other"}],
    }
    obj = {"name": "user-account", "Attribute": [account]}
    seen, left = read(write_misp(tmp_path / "event.json", attribute, objects=[obj]))
    assert seen.cell(DOMAIN, VALUES[DOMAIN]) == (
        "Example Telco: 2 messages 2026-11-03; Shop: 1 false positive"
    )
    handle = seen.cell(IndicatorType.HANDLE, VALUES[IndicatorType.HANDLE])
    assert handle == "Example Telco: 1 message 2026-11-03"
    assert [line.partition(" left out, ")[2] for line in left] == [
        "the first at attribute 1 at line 5, sighting 4: reports that an indicator expired, not "
        "that it was seen",
        "the first at attribute 1 at line 5, sighting 5: without an organisation, so it is "
        "unknown who saw it; add its name",
        "the first at attribute 1 at line 5, sighting 6: of your own organisation",
    ]


def test_an_answer_of_misp_names_the_attribute(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    one = {"uuid": "s1", "attribute_id": "7", "date_sighting": "1793700000", "type": "0",
           "source": "hotline"}  # fmt: skip
    attribute = {"type": "domain", "value": VALUES[DOMAIN]}
    path.write_text(json.dumps({"response": [{"Sighting": one | {"Attribute": attribute}},
                                             {"Sighting": one | {"uuid": "s2"}}]}))  # fmt: skip
    seen, left = read(path)
    assert seen.cell(DOMAIN, VALUES[DOMAIN]) == "hotline: 1 message 2026-11-03"
    assert len(left) == 1 and "ask for these" in left[0]


def test_the_server_says_who_it_was(tmp_path: Path) -> None:
    mine = str(signal_id(DOMAIN, VALUES[DOMAIN], BANK))
    one = {"uuid": "s1", "type": "0", "date_sighting": "1793700000",
           "source": "Example Bank: 9 messages", "Organisation": {"name": TELCO}}  # fmt: skip
    attribute = misp_attribute("domain", VALUES[DOMAIN], uuid=mine, Sighting=[one])
    assert cell(write_misp(tmp_path / "event.json", attribute)) == (
        "Example Telco: 9 messages 2026-11-03"
    )


def test_what_stix2_writes_we_read(tmp_path: Path) -> None:
    stix2 = pytest.importorskip("stix2", reason="needs the extra dev")
    owner = stix2.Identity(name=TELCO, identity_class="organization")
    mine = f"indicator--{signal_id(DOMAIN, VALUES[DOMAIN], BANK)}"
    one = stix2.Sighting(
        sighting_of_ref=mine, where_sighted_refs=[owner.id], count=7,
        first_seen="2026-11-03T22:00:00Z", last_seen="2026-11-05T01:00:00.123Z",
    )  # fmt: skip
    uncounted = stix2.Sighting(sighting_of_ref=mine, created_by_ref=owner.id)
    path = tmp_path / "bundle.json"
    path.write_text(stix2.Bundle(one, uncounted, owner).serialize(), encoding="utf-8")
    assert cell(path) == "Example Telco: 8 messages 2026-11-03 to 2026-11-05"


def test_what_pymisp_writes_we_read(tmp_path: Path) -> None:
    pymisp = pytest.importorskip("pymisp", reason="needs the extra dev")
    event = pymisp.MISPEvent()
    event.info = "an event"
    attribute = event.add_attribute("domain", VALUES[DOMAIN])
    attribute.uuid = str(signal_id(DOMAIN, VALUES[DOMAIN], BANK))
    for _ in range(3):
        attribute.add_sighting({"type": "0", "source": TELCO, "date_sighting": 1793700000})
    path = tmp_path / "event.json"
    path.write_text(json.dumps({"Event": json.loads(event.to_json())}), encoding="utf-8")
    assert cell(path) == "Example Telco: 3 messages 2026-11-03"


def test_of_a_bundle_the_last_version_holds(tmp_path: Path) -> None:
    bundle = json.loads(stix_text([sighting()], DAY))
    *others, first = bundle["objects"]
    newer = first | {"count": 50, "modified": "2026-11-20T00:00:00.000Z"}
    seen, left = read(write_stix(tmp_path / "a.json", newer, first, *others))
    assert seen.cell(DOMAIN, VALUES[DOMAIN]).startswith("Example Telco: 50 messages")
    assert len(left) == 1 and "an earlier version" in left[0]
    seen, left = read(write_stix(tmp_path / "b.json", *others, first, newer | {"revoked": True}))
    assert seen.cell(DOMAIN, VALUES[DOMAIN]) == ""
    assert "withdrawn by those who saw it" in "".join(left)


def test_a_row_is_taken_back_by_its_owner(tmp_path: Path) -> None:
    row = f"{VALUES[DOMAIN]},domain,,4,,,{TELCO},t"
    path = write_csv(tmp_path / "a.csv", f"{HEAD},withdrawn", f"{row},true")
    seen, left = read(path)
    assert seen.cell(DOMAIN, VALUES[DOMAIN]) == "" and "withdrawn by" in left[0]


def test_our_own_export_is_no_sighting_by_others(tmp_path: Path) -> None:
    path = tmp_path / "ours.json"
    path.write_text(bundle_text([signal_of(reviewed(), BANK)]), encoding="utf-8")
    seen, left = read(path)
    assert seen.cell(DOMAIN, VALUES[DOMAIN]) == "" and "of your own organisation" in left[0]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("fee.example,domain,a,many,,,Telco,s", "not an integer"),
        ("fee.example,domain,a,-3,,,Telco,s", "not an integer"),
        ("fee.example,domain,a,3.5,,,Telco,s", "not an integer"),
        ("fee.example,domain,a,99999999999999999999999,,,Telco,s", "not an integer"),
        ("fee.example,domain,a,5,3/11/2026,,Telco,s", "write it as 2026-12-31"),
        ("fee.example,domain,a,5,2026-11-09,2026-11-03,Telco,s", "a last day before the first"),
        ("fee.example,domain,a,5,,0001-01-01T00:00+14:00,Telco,s", "does not exist in UTC"),
        ("fee.example,domain,a,5,,,,s", "add its name"),
        (",domain,a,5,,,Telco,s", "without a value"),
        ("fee.example,sha256,a,5,,,Telco,s", "of the type sha256"),
        ("fee.example,domain,a,5", "row 2"),
    ],
)
def test_a_broken_row_is_counted_and_the_others_hold(tmp_path: Path, row: str, told: str) -> None:
    good = f"{VALUES[DOMAIN]},domain,,4,,,{TELCO},t"
    path = write_csv(tmp_path / "a.csv", HEAD, good, row)
    seen, left = read(path)
    assert seen.cell(DOMAIN, VALUES[DOMAIN]) == "Example Telco: 4 messages"
    assert len(left) == 1 and (told in left[0] or "not readable as CSV" in left[0])


@pytest.mark.parametrize(
    "other",
    [
        {"count": "many"}, {"count": 0}, {"count": True}, {"last_seen": "yesterday"},
        {"last_seen": 7.5}, {"sighting_of_ref": "malware--1"}, {"sighting_of_ref": None},
        {"modified": "x"},
    ],
)  # fmt: skip
def test_a_broken_object_is_counted(tmp_path: Path, other: dict[str, object]) -> None:
    owner, _, one = json.loads(stix_text([sighting()], DAY))["objects"]
    seen, left = read(write_stix(tmp_path / "a.json", owner, one | other, 7))
    assert seen.cell(DOMAIN, VALUES[DOMAIN]) == ""
    assert len(left) == 2 and "object 2 at line " in left[0] and "object 3 at line " in left[1]


def test_who_is_not_in_the_bundle_is_named_by_its_id(tmp_path: Path) -> None:
    _, _, one = json.loads(stix_text([sighting()], DAY))["objects"]
    assert cell(write_stix(tmp_path / "a.json", one)).startswith("identity--")


def test_indicators_that_are_not_proposed_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path, "csv", sighting(), sighting(LINK))
    seen, _ = read(path)
    seen.cell(LINK, VALUES[LINK])
    assert seen.unmet == 1


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.xlsx", "", "name it .csv, .tsv or"),
        ("a.json", '{"type": "bundle", "objects": []}', "contains no sighting"),
        ("a.json", '{"type": "bundle", "objects": [{"type": ', "not valid JSON"),
        ("a.csv", "", "the file is empty"),
        ("a.csv", "first,second\n1,2\n", "no column with indicators"),
        ("a.csv", HEAD + "\n", "contains no sighting"),
        ("a.json", "<stix/>", "XML"),
    ],
)
def test_a_file_without_sightings_is_refused(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        read(tmp_path / name)


def test_too_many_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_by_others, "MOST_SIGHTINGS", 1)
    path = write(tmp_path, "csv", sighting(), sighting(LINK))
    with pytest.raises(InputError, match="more than 1 sightings"):
        read(path)


def test_the_review_file_has_one_more_column_and_is_still_read(tmp_path: Path) -> None:
    seen, _ = read(write(tmp_path, "csv", sighting(organisation="=Telco")))
    file = io.BytesIO()
    write_proposals(file, [proposal(), proposal(LINK)], seen.cell)
    path = tmp_path / "review.csv"
    path.write_bytes(file.getvalue())
    head, one, other = path.read_text("utf-8-sig").splitlines()
    assert head.endswith(",check,seen_by_others")
    assert "'=Telco: 42 messages" in one and other.endswith(",")
    assert read_review(path) == ()


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 10**6)), min_size=1, max_size=6))
def test_counts_add_up_whatever_the_order(counts: list[tuple[str, int]]) -> None:
    seen = SeenByOthers(BANK)
    for name, count in counts:
        seen._add(sighting(organisation=name, messages=count, first_day=None, last_day=None))
    told: dict[str, str] = dict(
        part.split(": ") for part in seen.cell(DOMAIN, VALUES[DOMAIN]).split("; ")
    )
    for name in "ab":
        whole = sum(count for who, count in counts if who == name)
        assert int(told.get(name, "0 messages").split()[0].replace(",", "")) == whole
