"""Feeds of others: what is taken over, what is left out and why, and files that are none."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from feed_files import (
    misp_attribute,
    stix_domain,
    stix_indicator,
    write_csv,
    write_misp,
    write_stix,
)
from reviewed_rows import one_of_each

from scamdetect.errors import InputError
from scamdetect.share import feed_versions, gse, misp, stix
from scamdetect.share.feeds import read_feed, read_feeds
from scamdetect.share.listing import LeftOut, Listing
from scamdetect.share.signals import midnight, signal_of, withdrawn
from scamdetect.text.indicators import IndicatorType

TODAY = datetime.date(2026, 11, 25)
DOMAIN = IndicatorType.DOMAIN


def listings(path: Path) -> list[tuple[str, str]]:
    return [(one.type.value, one.value) for one in read_feed(path) if isinstance(one, Listing)]


def reasons(path: Path) -> list[tuple[str, str]]:
    return [(one.reason, one.place) for one in read_feed(path) if isinstance(one, LeftOut)]


def found(text: str, *paths: Path, **options) -> tuple[str, ...]:  # noqa: ANN003
    listed, _ = read_feeds(paths, **{"as_of": TODAY, **options})
    (has,) = listed.found([text])
    return () if has is None else has.names


@pytest.mark.parametrize("name", ["ours.csv", "ours.jsonl", "ours-misp.json", "ours-stix.json"])
def test_what_we_export_others_read_back(tmp_path: Path, name: str) -> None:
    signals = [signal_of(row, "Example Bank") for row in one_of_each()]
    if "misp" in name:
        signals = [one for one in signals if misp.has_type(one)]
        text = misp.event_text(signals)
    elif "stix" in name:
        signals = [one for one in signals if stix.has_pattern(one)]
        text = stix.bundle_text(signals)
    else:
        text = gse.csv_text(signals) if name.endswith("csv") else gse.jsonl_text(signals)
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    wanted = [one for one in signals if one.type is not IndicatorType.SENDER]
    assert sorted(listings(path)) == sorted((one.type.value, one.value) for one in wanted)
    senders = [one for one in signals if one.type is IndicatorType.SENDER]
    assert [reason for reason, _ in reasons(path)] == [
        "of the type sender, for which messages are not checked"
    ] * len(senders)
    ends = {one.type: one.valid_until for one in wanted}
    for one in read_feed(path):
        if isinstance(one, Listing):
            assert one.valid_until == midnight(ends[one.type]) and not one.withdrawn
            assert one.confidence == (75 if "misp" in name else 70)
            assert one.source == name and one.id is not None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("10.0.0.8", "an IP address instead of a domain"),
        ("printer.local", "a private or reserved name or address"),
        ("intranet", "a private or reserved name or address"),
        ("localhost", "a private or reserved name or address"),
        ("http://192.168.0.1/pay", "a private or reserved name or address"),
        ("co.uk", "a public suffix"),
        ("github.io", "a public suffix"),
        ("par\u202ecel.example", "with hidden or direction characters"),
        ("par\u200bcel.example", "with hidden or direction characters"),
        ("not a domain", "not a valid domain"),
        ("", "without a value"),
        ("x" * 3_000 + ".example", "empty, or longer than"),
        ("https://parcel.example/?id=7", "only in its query"),
        ("https://parcel.example/4111111111111111", "payment card number"),
    ],
)
def test_what_no_message_can_be_looked_up_for_is_told(
    tmp_path: Path, value: str, said: str
) -> None:
    path = write_csv(tmp_path / "a.csv", "signal,id", f'"{value}",7')
    ((reason, place),) = reasons(path)
    assert said in reason and place == "row 1" and not listings(path)


@pytest.mark.parametrize(
    ("kind", "value", "plain"),
    [
        ("domain", "PARCEL-Fee.Example.", ("domain", "parcel-fee.example")),
        ("hostname", "*.parcel-fee[.]example", ("domain", "parcel-fee.example")),
        ("domain", "bücher.example", ("domain", "xn--bcher-kva.example")),
        ("fqdn", "login.parcel-fee.example", ("domain", "login.parcel-fee.example")),
        (
            "url",
            "hxxps://parcel-fee[.]example/pay?x=1#y",
            ("link", "https://parcel-fee.example/pay"),
        ),
        ("url", "parcel-fee.example/pay/*", ("link", "http://parcel-fee.example/pay/*")),
        ("url", "http://203.0.114.9/pay", ("link", "http://203.0.114.9/pay")),
        ("Phone Number", "+1 (202) 555-0147", ("phone", "+12025550147")),
        ("email-src", "Claims@Parcel-Fee.example", ("email", "claims@parcel-fee.example")),
        ("iban", "DE89 3704 0044 0532 0130 00", ("iban", "DE89370400440532013000")),
    ],
)
def test_values_are_brought_into_the_form_that_messages_have(
    tmp_path: Path, kind: str, value: str, plain: tuple[str, str]
) -> None:
    assert listings(write_csv(tmp_path / "a.csv", "type,value", f"{kind},{value}")) == [plain]


def test_a_number_without_its_country_is_left_out(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "type;value", "phone;0170 1234567", "phone;+4917012345")
    ((reason, place),) = reasons(path)
    assert "without its country" in reason and place == "row 1"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a.example,101,,", "not a number from 0 to 100"),
        ("a.example,high,,", "not a number from 0 to 100"),
        ("a.example,,soon,", "an invalid date"),
        ("a.example,,,maybe", "other than true or false"),
    ],
)
def test_a_cell_that_cannot_be_read_costs_its_row(tmp_path: Path, line: str, said: str) -> None:
    header = "domain,confidence,valid_until,withdrawn"
    path = write_csv(tmp_path / "a.csv", header, line, "b.example,,,")
    assert said in reasons(path)[0][0] and listings(path) == [("domain", "b.example")]


def test_other_delimiters_columns_and_broken_rows(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "a.csv", "note;IOC;Type", "x;a.example;domain", "only one", "y;1.2;md5"
    )
    assert listings(path) == [("domain", "a.example")]
    assert [place for _, place in reasons(path)] == ["line 3", "row 3"]
    assert "of the type md5" in reasons(path)[1][0]


def test_text_lists_json_arrays_and_lines(tmp_path: Path) -> None:
    plain = write_csv(tmp_path / "a.txt", "# a list", "a.example", "", "https://b.example/x # b")
    assert listings(plain) == [("domain", "a.example"), ("link", "https://b.example/x")]
    rows = [{"signal": "a.example", "abuse_type": "copyright"}, {"signal": "b.example"}, 5]
    array = tmp_path / "a.json"
    array.write_text(json.dumps(rows), encoding="utf-8")
    assert listings(array) == [("domain", "b.example")]
    assert [place for _, place in reasons(array)] == ["object 1 at line 1", "object 3 at line 1"]
    lines = write_csv(tmp_path / "a.jsonl", json.dumps(rows[1]), "{broken", "[]")
    assert listings(lines) == [("domain", "b.example")]
    assert [place for _, place in reasons(lines)] == ["line 2", "line 3"]


def test_stix_objects_that_list_nothing_are_counted_by_their_kind(tmp_path: Path) -> None:
    path = write_stix(
        tmp_path / "a.json",
        {"type": "identity"},
        {"type": "malware"},
        stix_indicator(1, "[url:value LIKE '%pay%']"),
        stix_indicator(2, "[file:name = 'a.exe']"),
        stix_indicator(3, "alert tcp", pattern_type="snort"),
        stix_domain(4, "a.example", spec_version="3.0"),
        stix_domain(5, "a.example", confidence=400),
        stix_domain(6, "a.example", valid_until="never"),
        "no object",
        stix_domain(7, "b.example"),
    )
    told = [reason for reason, _ in reasons(path)]
    for said, reason in zip(
        [
            "malware: not an indicator", "a pattern that is not an equality", "a pattern on file",
            "another language than STIX", "another STIX version", "not a number from 0 to 100",
            "an invalid date", "not a JSON object",
        ],
        told,
        strict=True,
    ):  # fmt: skip
        assert said in reason
    assert listings(path) == [("domain", "b.example")]


@pytest.mark.parametrize(("bundle", "read"), [("2.0", True), ("1.2", False)])
def test_the_version_of_a_bundle_holds_for_objects_without_one(
    tmp_path: Path, bundle: str, read: bool
) -> None:
    old = stix_domain(1, "a.example")
    del old["spec_version"]
    path = write_stix(tmp_path / "a.json", old, spec_version=bundle)
    assert listings(path) == ([("domain", "a.example")] if read else [])


def test_a_pattern_of_several_values_lists_each(tmp_path: Path) -> None:
    pattern = "[domain-name:value = 'a.example' OR url:value = 'https://b.example/x']"
    path = write_stix(tmp_path / "a.json", stix_indicator(1, pattern))
    assert found("see a.example", path) == ("domain:a.example",)
    assert found("see b.example/x now", path) == ("link:b.example/x",)
    assert not found("see b.example/other", path)


def test_misp_attributes_objects_and_tags(tmp_path: Path) -> None:
    wallet = {
        "name": "coin-address",
        "Attribute": [
            misp_attribute("text", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
                           object_relation="address-crypto"),
            misp_attribute("text", "TRX", object_relation="symbol"),
        ],
    }  # fmt: skip
    gone = {"deleted": True, "Attribute": [misp_attribute("domain", "gone.example")]}
    path = write_misp(
        tmp_path / "a.json",
        misp_attribute("domain|ip", "a.example|203.0.113.7"),
        misp_attribute("md5", "0" * 32),
        misp_attribute("domain", "quiet.example", to_ids=False),
        misp_attribute("url", "https://b.example/x", Tag=[{"name": "retention:expired"}]),
        objects=[wallet, gone],
        tags=("tlp:green", 'misp:confidence-level="rarely-confident"', "retention:2w"),
    )
    entries = {one.value: one for one in read_feed(path) if isinstance(one, Listing)}
    assert set(entries) == {
        "a.example", "https://b.example/x", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "gone.example",
    }  # fmt: skip
    first = entries["a.example"]
    assert first.confidence == 25 and first.changed is not None
    assert first.valid_until == first.changed + datetime.timedelta(14)
    assert entries["gone.example"].withdrawn and not first.withdrawn
    assert [reason[:15] for reason, _ in reasons(path)] == ["of the type md5", "not intended fo"]
    listed, (report,) = read_feeds([path], as_of=TODAY, least_confidence=0)
    assert len(listed) == report.taken == 2
    assert {reason: count for reason, (count, _) in report.reasons.items()} == {
        reasons(path)[0][0]: 1,
        reasons(path)[1][0]: 1,
        "expired; ask if it is still valid": 1,
        "withdrawn": 1,
    }


def test_expiry_confidence_and_withdrawal_are_honoured(tmp_path: Path) -> None:
    path = write_stix(
        tmp_path / "a.json",
        stix_domain(1, "expired.example", valid_until="2026-11-25T00:00:00Z"),
        stix_domain(2, "holds.example", valid_until="2026-11-25T00:00:01Z"),
        stix_domain(3, "early.example", valid_from="2026-11-26T00:00:00Z"),
        stix_domain(4, "unsure.example", confidence=29),
        stix_domain(5, "sure.example", confidence=30),
        stix_domain(6, "revoked.example", revoked=True),
    )
    names = "expired holds early unsure sure revoked".split()
    text = " ".join(f"{name}.example" for name in names)
    assert found(text, path) == ("domain:holds.example", "domain:sure.example")
    assert "domain:unsure.example" in found(text, path, least_confidence=0)
    assert "domain:expired.example" in found(text, path, as_of=TODAY - datetime.timedelta(1))


def test_the_last_version_of_an_id_holds_in_whatever_order(tmp_path: Path) -> None:
    old = stix_domain(1, "a.example")
    new = stix_domain(1, "a.example", modified="2026-11-02T00:00:00.000Z", revoked=True)
    other = stix_domain(2, "b.example")
    first = write_stix(tmp_path / "monday.json", old, other)
    second = write_stix(tmp_path / "tuesday.json", new)
    for paths in ((first, second), (second, first)):
        assert found("a.example b.example", *paths) == ("domain:b.example",)
    # Who lists it by another id still does.
    third = write_csv(tmp_path / "others.csv", "domain", "a.example")
    assert found("see a.example", first, second, third) == ("domain:a.example",)


def test_our_withdrawal_takes_back_our_export(tmp_path: Path) -> None:
    signals = [signal_of(row, "Example Bank") for row in one_of_each()[:2]]
    (tmp_path / "ours.csv").write_text(gse.csv_text(signals), encoding="utf-8")
    gone = [withdrawn(one, midnight(TODAY)) for one in signals[:1]]
    (tmp_path / "gone.csv").write_text(gse.csv_text(gone), encoding="utf-8")
    paths = tmp_path / "gone.csv", tmp_path / "ours.csv"
    text = "https://parcel-fee.example/pay"
    assert found(text, *paths[1:]) == (
        "domain:parcel-fee.example", "link:https://parcel-fee.example/pay",
    )  # fmt: skip
    assert found(text, *paths) == ("link:https://parcel-fee.example/pay",)


def test_rows_without_an_id_are_replaced_by_later_ones_of_the_same_feed(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "a.csv", "domain,withdrawn", "a.example,", "b.example,", "a.example,true"
    )
    assert found("a.example b.example", path) == ("domain:b.example",)
    _, (report,) = read_feeds([path], as_of=TODAY)
    assert report.lines() == [
        "a.csv: 1 indicators are used",
        "a.csv: 1 left out, the first at row 3: withdrawn",
        "a.csv: 1 left out, the first at several places: an earlier version of another",
    ]


def test_honest_organisations_are_kept_out(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "a.csv", "value", "google.com", "accounts.google.com", "bit.ly",
        "https://bit.ly/3xYzAbC", "parcel-fee.example",
    )  # fmt: skip
    listed, (report,) = read_feeds([path], as_of=TODAY)
    assert report.taken == 2
    assert listed.found(["https://accounts.google.com/x", "bit.ly/other"]) == [None, None]
    assert found("see bit.ly/3xYzAbC", path) == ("link:bit.ly/3xYzAbC",)


def test_nothing_left_to_look_for_is_told_with_the_reasons(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "value", "google.com", "10.0.0.1")
    with pytest.raises(
        InputError, match="no usable indicator is left.*2 left out|1 left out"
    ) as raised:
        read_feeds([path], as_of=TODAY)
    assert "google" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", "<stix:STIX_Package/>", "XML, as in STIX 1"),
        ("a.json", '{"a": 1}', "not a STIX bundle, a MISP event"),
        ("a.json", '{"type": "bundle", "id": "x"}', "no objects"),
        ("a.json", '{"type": "bundle", "objects": [{"a": 1}', "its end is missing"),
        ("a.json", "", "not a STIX bundle"),
        ("a.csv", "", "the file is empty"),
        ("a.csv", "name,when\nx,y\n", "no column with indicators"),
        ("a.xml", "x", "the extension does not set the format"),
    ],
)
def test_files_that_are_no_feeds_are_refused(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        list(read_feed(path))


def test_too_many_indicators_and_reasons_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"a{n}.example,kind{n}" for n in range(200)]
    path = write_csv(tmp_path / "a.csv", "value,type", *lines, "b.example,domain")
    _, (report,) = read_feeds([path], as_of=TODAY)
    assert len(report.reasons) == 101 and report.reasons["for other reasons"][0] == 100
    monkeypatch.setattr(feed_versions, "MOST_INDICATORS", 3)
    path = write_csv(tmp_path / "b.csv", "domain", *(f"a{n}.example" for n in range(4)))
    with pytest.raises(InputError, match="more than 3 indicators"):
        read_feeds([path], as_of=TODAY)
