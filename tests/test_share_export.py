"""Exports of reviewed indicators: only what a person decided, read back by the libraries."""

from __future__ import annotations

import csv
import datetime
import json
from pathlib import Path
from typing import Any

import pymisp
import pytest
import stix2
from reviewed_rows import ALL, DAY, VALUES, proposal, write_review
from stix2patterns.validator import run_validator

from scamdetect.errors import InputError
from scamdetect.share.export import ExportOptions, ExportSummary, write_export
from scamdetect.share.review import read_review
from scamdetect.text.indicators import IndicatorType

NOW = datetime.datetime(2026, 11, 21, 10, tzinfo=datetime.UTC)
MARK = "guaranteed bitcoin profit"


def export(review: Path, name: str, **options: Any) -> tuple[ExportSummary, str]:  # noqa: ANN401
    kind = {"misp.json": "misp", "stix.json": "stix"}.get(name)
    path = review.with_name(name)
    settings = ExportOptions("Example Bank", kind, overwrite=True, **options)
    summary = write_export(review, path, settings, now=NOW)
    return summary, path.read_text("utf-8")


@pytest.fixture
def review(tmp_path: Path) -> Path:
    return write_review(tmp_path / "review.csv", ALL)


# -- the decisions of people -----------------------------------------------------------------------


def test_nothing_is_exported_without_a_decision(tmp_path: Path) -> None:
    for publish in ("", "no", "NO"):
        path = write_review(tmp_path / "review.csv", ALL, publish=publish)
        assert read_review(path, today=DAY) == []
        with pytest.raises(InputError, match="none has yes in the column publish"):
            export(path, "ours.csv")
    assert not (tmp_path / "ours.csv").exists()


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"publish": "maybe"}, "column publish: write yes"),
        ({"id": "i0"}, "column id: not an id of the proposals"),
        ({"reviewer": " "}, "column reviewer: write who decided"),
        ({"date": ""}, "column date: write the day"),
        ({"date": "11/20/2026"}, "column date: write the day"),
        ({"date": "2026-11-23"}, "column date: write the day of the decision, not in the future"),
    ],
)
def test_an_uncertain_row_publishes_nothing(
    tmp_path: Path, cells: dict[str, str], problem: str
) -> None:
    path = write_review(tmp_path / "review.csv", ALL, **cells)
    with pytest.raises(InputError, match=rf"invalid rows \(7\): row 2, {problem}.*; and more"):
        export(path, "ours.csv")
    assert not (tmp_path / "ours.csv").exists()


def test_spreadsheets_change_nothing_but_the_decisions(tmp_path: Path) -> None:
    path = write_review(tmp_path / "review.csv", ALL)
    rows = list(csv.DictReader(path.open(encoding="utf-8", newline="")))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, ["note", *rows[0]], delimiter=";")
        writer.writeheader()
        for row in reversed(rows):  # sorted, with values turned into numbers
            writer.writerow(row | {"value": "1.2E+10", "messages": "12,00", "note": "x"})
        writer.writerow(rows[0])
    reviewed = read_review(path, today=DAY)
    assert [item.value for item, _ in reviewed] == list(VALUES.values())[::-1]
    assert {day for _, day in reviewed} == {DAY}


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("review.parquet", None, "cannot be read as proposals; keep the file"),
        ("review.parquet", f"PAR1 {MARK}", "cannot be read as proposals"),
        ("review.csv", None, "review.csv: cannot be read"),
        ("review.csv", "a,b\r\n1,2", "column 'id' not found"),
        ("review.csv", f'id,publish,reviewer,date\n"{MARK}', "not a CSV in UTF-8"),
    ],
)
def test_broken_files(review: Path, name: str, content: str | None, problem: str) -> None:
    path = review.with_name(name)
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(InputError, match=problem) as raised:
        export(review, "ours.csv")
    assert MARK not in str(raised.value) and raised.value.__cause__ is None or content is None


# -- formats ---------------------------------------------------------------------------------------


def test_csv_and_jsonl_have_the_fields_of_the_exchange(review: Path) -> None:
    summary, text = export(review, "ours.csv")
    rows = list(csv.DictReader(text.splitlines()))
    assert summary.exported == dict.fromkeys(map(str, VALUES), 1) and summary.left_out == {}
    assert {row["signal"]: row["type"] for row in rows} == {v: k for k, v in VALUES.items()}
    assert rows[0] == {
        "signal": "parcel-fee.example", "signal_type": "domain name", "abuse_type": "scam",
        "report_date": "2026-11-20 00:00:00", "confidence_score": "70", "predictive": "true",
        "id": rows[0]["id"], "type": "domain", "valid_until": "2026-12-20", "withdrawn": "false",
        "changed": "2026-11-20T00:00:00+00:00", "tlp": "TLP:GREEN", "messages": "12",
        "first_day": "2026-11-01", "last_day": "2026-11-18", "kinds": "delivery;phishing",
        "languages": "en;de", "verified": "true", "organisation": "Example Bank",
    }  # fmt: skip
    assert rows[3]["valid_until"] == "2026-11-27"  # numbers are reassigned sooner
    lines = [json.loads(line) for line in export(review, "ours.jsonl")[1].splitlines()]
    assert [line["signal"] for line in lines] == [row["signal"] for row in rows]
    assert [line["extra_data"]["id"] for line in lines] == [row["id"] for row in rows]


def test_stix_is_read_by_stix2(review: Path) -> None:
    summary, text = export(review, "stix.json")
    bundle = stix2.parse(text, allow_custom=False, version="2.1")
    owner, *markings = (item for item in bundle.objects if item.type != "indicator")
    indicators = [item for item in bundle.objects if item.type == "indicator"]
    assert [item.pattern for item in indicators] == [
        "[domain-name:value = 'parcel-fee.example']",
        "[url:value = 'https://parcel-fee.example/pay']",
        "[email-addr:value = 'claims@parcel-fee.example']",
        "[user-account:account_type = 'telegram' AND "
        "user-account:account_login = 'parcel_fee_help']",
    ]
    assert not any(run_validator(item.pattern, stix_version="2.1") for item in indicators)
    assert {(item.valid_until - item.valid_from).days for item in indicators} == {7, 30}
    assert {item.created_by_ref for item in indicators} == {owner.id}
    names = {item.id: item.name for item in markings}
    assert {*names.values()} == {"TLP:AMBER", "TLP:GREEN"}
    tlp = {item.name.split()[0]: names[item.object_marking_refs[0]] for item in indicators}
    assert (tlp["domain"], tlp["email"]) == ("TLP:GREEN", "TLP:AMBER")
    assert sum(summary.left_out.values()) == 3
    assert "wallet: stix has no type for it; use --format csv or jsonl" in summary.left_out


def test_misp_is_read_by_pymisp(review: Path) -> None:
    summary, text = export(review, "misp.json")
    event = pymisp.MISPEvent(strict_validation=True)
    event.from_json(text)
    wallet, *attributes = sorted(event.attributes, key=lambda item: item.value[:2] != "0x")
    assert (wallet.type, wallet.value) == ("text", VALUES[IndicatorType.WALLET])
    assert {item.type: item.value for item in attributes} == {
        "domain": VALUES[IndicatorType.DOMAIN],
        "url": VALUES[IndicatorType.LINK],
        "phone-number": VALUES[IndicatorType.PHONE],
        "email": VALUES[IndicatorType.EMAIL],
        "iban": VALUES[IndicatorType.IBAN],
        "text": VALUES[IndicatorType.HANDLE],
    }
    known = pymisp.MISPEvent().describe_types["category_type_mappings"]
    assert all(item.type in known[item.category] for item in event.attributes)
    assert (event.published, str(event.distribution)) == (False, "0")
    assert [tag.name for tag in event.tags] == ["tlp:amber"]  # the strictest
    domain = event.attributes[0]
    assert {tag.name for tag in domain.tags} == {
        "tlp:green", "retention:1m", 'misp:confidence-level="usually-confident"',
    }  # fmt: skip
    assert domain.comment == "in 12 messages; delivery, phishing"
    assert domain.first_seen.date() == datetime.date(2026, 11, 1)
    assert summary.left_out == {}


def test_bitcoin_has_a_type_in_misp(tmp_path: Path) -> None:
    wallet = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
    review = write_review(tmp_path / "review.csv", [proposal(IndicatorType.WALLET, value=wallet)])
    (attribute,) = json.loads(export(review, "misp.json")[1])["Event"]["Attribute"]
    assert (attribute["type"], attribute["value"]) == ("btc", wallet)


# -- what is left out ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ours.csv", "ours.jsonl", "misp.json", "stix.json"])
def test_reasons_to_leave_out(tmp_path: Path, name: str) -> None:
    rows = [
        proposal(),
        proposal(value="paypal.com"),
        proposal(value="forms.gle"),
        proposal(IndicatorType.LINK, value="https://www.paypal.com/x"),
        proposal(IndicatorType.LINK, value="https://parcel-fee.example/*/pay"),
    ]
    summary, text = export(write_review(tmp_path / "review.csv", rows), name)
    expected = {
        "domain: official domain of an organisation; write no in the column publish": 1,
        "domain: among the most visited sites; write no in the column publish": 1,
        "link: official domain of an organisation; write no in the column publish": 1,
    }
    kind = name.partition(".")[0]
    if kind != "ours":
        varying = f"link: {kind} has no equality for a varying part; its domain covers it"
        expected[varying] = 1
    assert summary.left_out == expected
    assert "paypal" not in text and "parcel-fee.example" in text


def test_a_review_expires(tmp_path: Path) -> None:
    for date, expired in (
        (datetime.date(2026, 10, 22), True),
        (datetime.date(2026, 10, 23), False),
    ):
        path = write_review(tmp_path / "review.csv", [proposal()], date)
        if expired:
            with pytest.raises(InputError, match="1 domain: expired since its review"):
                export(path, "ours.csv")
        else:
            assert export(path, "ours.csv")[0].exported == {"domain": 1}


# -- versions and withdrawals ----------------------------------------------------------------------


def test_ids_depend_on_the_organisation_and_the_value_only(review: Path) -> None:
    def ids(name: str, text: str) -> list[str]:
        return [row["id"] for row in csv.DictReader(text.splitlines())]

    first = ids("a", export(review, "a.csv")[1])
    later = write_review(review.with_name("later.csv"), ALL, DAY + datetime.timedelta(1))
    assert ids("b", export(later, "b.csv")[1]) == first
    path = review.with_name("c.csv")
    write_export(review, path, ExportOptions("Another Bank"), now=NOW)
    assert not set(ids("c", path.read_text())) & set(first)


@pytest.mark.parametrize("name", ["ours.csv", "ours.jsonl", "misp.json", "stix.json"])
def test_revoked_indicators_are_later_versions_of_the_same_objects(review: Path, name: str) -> None:
    before, after = export(review, name)[1], export(review, name, revoke=True)[1]
    if name == "stix.json":
        pairs = zip(
            *(
                [i for i in stix2.parse(text).objects if i.type == "indicator"]
                for text in (before, after)
            ),
            strict=True,
        )
        for old, new in pairs:
            assert (new.id, new.created) == (old.id, old.created) and new.modified > old.modified
            assert new.revoked and not old.revoked
    elif name == "misp.json":
        old_event, event = (json.loads(text)["Event"] for text in (before, after))
        assert event["uuid"] == old_event["uuid"]
        for old, new in zip(old_event["Attribute"], event["Attribute"], strict=True):
            assert old["uuid"] == new["uuid"] and int(new["timestamp"]) > int(old["timestamp"])
            assert new["deleted"] and not new["to_ids"]
    else:
        assert after.count("true") > before.count("true")


def test_revoking_needs_neither_a_valid_review_nor_an_unlisted_name(tmp_path: Path) -> None:
    old = datetime.date(2025, 1, 1)
    path = write_review(tmp_path / "review.csv", [proposal(value="paypal.com")], old)
    summary, text = export(path, "gone.csv", revoke=True)
    (row,) = csv.DictReader(text.splitlines())
    assert summary.exported == {"domain": 1}
    assert (row["withdrawn"], row["changed"]) == ("true", "2026-11-21T10:00:00+00:00")


@pytest.mark.parametrize("name", ["misp.json", "stix.json"])
def test_errors_of_a_library_are_replaced(
    review: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(library: str) -> None:
        raise ValueError(MARK)

    monkeypatch.setattr("scamdetect.share.export._library", fail)
    with pytest.raises(InputError, match=r"not fit for .* \(ValueError\)") as raised:
        export(review, name)
    assert MARK not in str(raised.value) and raised.value.__suppress_context__


def test_the_export_is_as_private_as_the_review(review: Path) -> None:
    review.chmod(0o600)
    export(review, "ours.csv")
    assert review.with_name("ours.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "organisation", "problem"),
    [
        ("ours.json", "B", "format not set; pass --format csv, jsonl, misp, stix"),
        ("ours.csv", " ", "organisation"),
        ("review.csv", "B", "would be overwritten"),
        ("there.csv", "B", "already exists"),
    ],
)
def test_wrong_use(review: Path, name: str, organisation: str, problem: str) -> None:
    review.with_name("there.csv").touch()
    with pytest.raises(InputError, match=problem):
        write_export(review, review.with_name(name), ExportOptions(organisation), now=NOW)
