"""Feeds of others: what is used, what is left out and why, and files that are none."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path
from typing import Any

import pytest
from reviewed_rows import ALL, VALUES, write_review

from scamdetect.errors import InputError
from scamdetect.share.export import ExportOptions, write_export
from scamdetect.share.feeds import FeedReport, read_feeds
from scamdetect.text.indicators import IndicatorType

TODAY = datetime.date(2026, 11, 25)
MARK = "guaranteed bitcoin profit"
TRON = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"


def indicator(number: int, pattern: str, **other: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "type": "indicator", "spec_version": "2.1", "pattern": pattern, "pattern_type": "stix",
        "id": f"indicator--00000000-0000-4000-8000-{number:012}",
        "modified": "2026-11-01T00:00:00.000Z", **other,
    }  # fmt: skip


def domain(number: int, name: str, **other: Any) -> dict[str, Any]:  # noqa: ANN401
    return indicator(number, f"[domain-name:value = '{name}']", **other)


def attribute(kind: str, value: str, **other: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"type": kind, "value": value, "uuid": f"uuid of {value}", "timestamp": "1795564800",
            "to_ids": True, **other}  # fmt: skip


def write(path: Path, *content: object) -> Path:
    """Write lines or, in JSON, a bundle of objects, an event, or a list."""
    if path.suffix == ".json":
        text = json.dumps(content[0] if len(content) == 1 else {"objects": content})
    else:
        text = "\n".join(map(str, content)) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def used(*paths: Path, **options: Any) -> set[str]:  # noqa: ANN401
    """Return the keys of the indicators that are used; links have no scheme."""
    try:
        return set(read_feeds(paths, **{"as_of": TODAY, **options})[0].feeds)
    except InputError as problem:
        assert "no usable indicator is left" in str(problem)
        return set()


def left_out(path: Path) -> dict[str, tuple[int, str]]:
    """Return the reasons; a valid indicator is added, so that there is always one."""
    other = write(path.with_name("other.txt"), "other-scam.example")
    reports: list[FeedReport] = read_feeds([path, other], as_of=TODAY)[1]
    return reports[0].reasons


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "key"),
    [
        ("domain", "PARCEL-Fee.Example.", "domain:parcel-fee.example"),
        ("hostname", "*.parcel-fee[.]example", "domain:parcel-fee.example"),
        ("domain", "bücher.example", "domain:xn--bcher-kva.example"),
        ("fqdn", "login.parcel-fee.example", "domain:login.parcel-fee.example"),
        ("url", "hxxps://parcel-fee[.]example/pay?x=1#y", "link:parcel-fee.example/pay"),
        ("url", "parcel-fee.example/pay/*", "link:parcel-fee.example/pay/*"),
        ("url", "http://8.8.4.4/pay", "link:8.8.4.4/pay"),
        ("Phone Number", "+1 (202) 555-0147", "phone:+12025550147"),
        ("email-src", "Claims@Parcel-Fee.example", "email:claims@parcel-fee.example"),
        ("iban", "DE89 3704 0044 0532 0130 00", "iban:DE89370400440532013000"),
        ("account", "Telegram:Prof_Smith", "handle:telegram:prof_smith"),
        ("", "+12025550147", "phone:+12025550147"),
        ("", "a@parcel-fee.example", "email:a@parcel-fee.example"),
        ("", "DE89370400440532013000", "iban:DE89370400440532013000"),
        ("", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "wallet:1BoatSLRHtKNngkdXEeobR76b53LETtpyT"),
    ],
)
def test_values_get_the_form_of_a_message(tmp_path: Path, kind: str, value: str, key: str) -> None:
    assert used(write(tmp_path / "a.csv", "type,value", f"{kind},{value}")) == {key}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("10.0.0.8", "not a valid domain"),
        ("printer.local", "reserved or private name"),
        ("http://192.168.0.1/pay", "reserved or private name"),
        ("co.uk", "not a valid domain"),
        ("par\u202ecel.example", "with hidden or direction characters"),
        ("not a domain", "not a valid domain"),
        ("", "without a value"),
        ("x" * 3_000 + ".example", "not a valid domain"),
        ("https://parcel.example/?id=7", "not a valid link"),
        ("https://parcel.example/4111111111111111", "not a valid link"),
        ("google.com", "official domain|most visited"),
        ("accounts.google.com", "official domain|most visited"),
        ("lin.ee", "shared host|most visited"),
        ("phone;0170 1234567", "without its country"),
        ("md5;0", "of a type for which messages are not checked"),
        (";a.example;high;;", "an invalid date, confidence or withdrawn"),
        (";a.example;101;;", "an invalid date, confidence or withdrawn"),
        (";a.example;;soon;", "an invalid date"),
        (";a.example;;;maybe", "an invalid date, confidence or withdrawn"),
        (";a.example;29;;", "of a confidence below 30"),
        (";a.example;;2026-11-25;", "expired"),
        (";a.example;;;yes", "withdrawn"),
    ],
)
def test_reasons_to_leave_out(tmp_path: Path, value: str, reason: str) -> None:
    cells = value.split(";") if ";" in value else ["", value]
    cells += [""] * (5 - len(cells))
    path = write(tmp_path / "a.csv", "type;value;confidence;valid_until;withdrawn", ";".join(cells))
    ((shown, (count, position)),) = left_out(path).items()
    assert re.search(reason, shown) and (count, position) == (1, "row 1")
    assert "parcel" not in shown and "google" not in shown


# -- formats ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ours.csv", "ours.jsonl", "misp.json", "stix.json"])
def test_our_exports_and_withdrawals_are_read_back(tmp_path: Path, name: str) -> None:
    review = write_review(tmp_path / "review.csv", ALL, TODAY)
    kind = {"misp.json": "misp", "stix.json": "stix"}.get(name)
    now = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)
    for path, revoke in ((tmp_path / name, False), (tmp_path / f"gone-{name}", True)):
        write_export(review, path, ExportOptions("Bank", kind, revoke=revoke), now=now)
    missing = {
        "stix.json": {"wallet", "phone", "iban"},
    }.get(name, set())
    expected = {
        f"{kind}:{value.removeprefix('https://')}"
        for kind, value in VALUES.items() if kind not in missing
    }  # fmt: skip
    assert used(tmp_path / name) == expected
    for paths in ((name, f"gone-{name}"), (f"gone-{name}", name)):
        assert used(*(tmp_path / path for path in paths)) == set()


def test_tables_text_and_arrays(tmp_path: Path) -> None:
    table = write(tmp_path / "a.csv", "note;IOC;Type", "x;a.example;domain", "y;1.2;md5")
    assert used(table) == {"domain:a.example"}
    plain = write(tmp_path / "a.txt", "# a list", "a.example", "", "https://b.example/x # b")
    assert used(plain) == {"domain:a.example", "link:b.example/x"}
    rows = [{"signal": "a.example", "abuse_type": "copyright"}, {"signal": "b.example"}, 5]
    array = write(tmp_path / "a.json", rows)
    assert used(array) == {"domain:b.example"}
    assert [position for _, position in left_out(array).values()] == ["object 1", "object 3"]
    lines = write(tmp_path / "a.jsonl", json.dumps(rows[1]), "{broken", "[]")
    assert used(lines) == {"domain:b.example"} and len(left_out(lines)) == 2


def test_stix_bundles(tmp_path: Path) -> None:
    old = domain(11, "old.example")
    del old["spec_version"]
    path = write(
        tmp_path / "a.json",
        {"type": "identity"},
        {"type": "malware"},
        indicator(1, "[url:value LIKE '%pay%']"),
        indicator(2, "[file:name = 'a.exe']"),
        indicator(3, "alert tcp", pattern_type="snort"),
        indicator(5, "[domain-name:value = 'b.example' AND url:value = 'http://b.example/x']"),
        indicator(6, "[domain-name:value = 'b.example'] FOLLOWEDBY [url:value = 'http://b.co/x']"),
        "no object",
        domain(7, "plain.example"),
        indicator(8, "[domain-name:value = 'c.example' OR url:value = 'https://d.example/x']"),
        indicator(9, "[domain-name:value='e.example'] OR [url:value = 'https://f.example/it']"),
        indicator(10, "[user-account:account_type = 'telegram' AND "
                      "user-account:account_login = 'prof_smith']"),
        old,
    )  # fmt: skip
    assert used(path) == {
        "domain:plain.example", "domain:c.example", "link:d.example/x", "domain:e.example",
        "link:f.example/it", "handle:telegram:prof_smith", "domain:old.example",
    }  # fmt: skip
    reasons = {reason.partition(";")[0]: count for reason, (count, _) in left_out(path).items()}
    assert reasons == {
        "not an indicator": 2,
        "with a pattern that is not an equality": 4,
        "of a type for which messages are not checked": 1,
    }


def test_stix_expiry_confidence_and_revocation(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.json",
        domain(1, "expired.example", valid_until="2026-11-25T00:00:00Z"),
        domain(2, "valid.example", valid_until="2026-11-25T00:00:01Z"),
        domain(3, "early.example", valid_from="2026-11-26T00:00:00Z"),
        domain(4, "unsure.example", confidence=29),
        domain(5, "sure.example", confidence=30),
        domain(6, "revoked.example", revoked=True),
    )
    assert used(path) == {"domain:valid.example", "domain:sure.example"}
    assert "domain:unsure.example" in used(path, least_confidence=0)
    assert "domain:expired.example" in used(path, as_of=TODAY - datetime.timedelta(1))


def test_misp_events(tmp_path: Path) -> None:
    wallet = {
        "name": "coin-address",
        "Attribute": [
            attribute(
                "text", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", object_relation="address-crypto"
            ),
            attribute("text", "TRX", object_relation="symbol"),
        ],
    }
    event = {
        "Tag": [{"name": "tlp:green"}, {"name": 'misp:confidence-level="usually-confident"'},
                {"name": "retention:2w"}],
        "Attribute": [
            attribute("domain|ip", "a.example|203.0.113.7"),
            attribute("md5", "0" * 32),
            attribute("domain", "quiet.example", to_ids=False),
            attribute("url", "https://b.example/x", Tag=[{"name": "retention:expired"}]),
            attribute("domain", "c.example", Tag=[{"name": "misp:confidence-level=unconfident"}]),
            attribute("domain", "old.example", timestamp="1700000000"),
        ],
        "Object": [
            wallet,
            {"deleted": True, "Attribute": [attribute("domain", "gone.example")]},
            {"name": "telegram-account",
             "Attribute": [attribute("text", "prof_smith", object_relation="username")]},
        ],
    }  # fmt: skip
    for number, whole in enumerate(({"Event": event}, {"response": [{"Event": event}]}, [event])):
        path = write(tmp_path / f"{number}.json", whole)
        assert used(path) == {
            "domain:a.example", f"wallet:{TRON}",
            "handle:telegram:prof_smith",
        }  # fmt: skip
    counts = {reason[:12]: count for reason, (count, _) in left_out(path).items()}
    assert counts == {
        "of a type fo": 1, "not intended": 1, "expired; ask": 2, "of a confide": 1, "withdrawn": 1,
    }  # fmt: skip


# -- versions --------------------------------------------------------------------------------------


def test_the_last_version_of_an_id_counts_in_any_order(tmp_path: Path) -> None:
    first = write(tmp_path / "monday.json", domain(1, "a.example"), domain(2, "b.example"))
    new = domain(1, "c.example", modified="2026-11-02T00:00:00.000Z")
    second = write(tmp_path / "tuesday.json", new, {"type": "identity"})
    for paths in ((first, second), (second, first)):
        assert used(*paths) == {"domain:c.example", "domain:b.example"}
    third = write(tmp_path / "others.csv", "domain", "b.example")
    feeds = read_feeds([first, third], as_of=TODAY)[0].feeds
    assert feeds["domain:b.example"] == ("monday.json", "others.csv")


def test_later_rows_without_an_id_replace_earlier_ones_of_the_feed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "domain,withdrawn", "a.example,", "b.example,", "a.example,1")
    _, (report,) = read_feeds([path], as_of=TODAY)
    assert report.lines() == [
        "a.csv: 1 indicators are used",
        "a.csv: 1 left out, the first at row 1: an earlier version of another",
        "a.csv: 1 left out, the first at row 3: withdrawn",
    ]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.json", '{"objects": [', "not JSON in UTF-8"),
        ("a.json", "[" * 100_000, "not JSON in UTF-8"),
        ("a.json", f'{{"x": "{MARK}"}}', "not a STIX bundle with objects"),
        ("a.csv", f"name,text\n1,{MARK}\n", "no column with indicators"),
        ("a.csv", "", "empty"),
        ("a.txt", "# only comments\n", "no usable indicator is left"),
        ("missing.json", None, "cannot be read"),
    ],
)
def test_files_that_are_no_feed(
    tmp_path: Path, name: str, content: str | None, problem: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=problem) as raised:
        read_feeds([path], as_of=TODAY)
    assert name in str(raised.value) and MARK not in str(raised.value)


def test_a_feed_finds_messages(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "value", "parcel-fee.example", "https://q.example/a/*/z")
    listed, _ = read_feeds([path], as_of=TODAY)
    types = frozenset((IndicatorType.DOMAIN, IndicatorType.LINK))
    assert set(listed.find("pay at hxxp://x.parcel-fee[.]example/1", types)) == {
        "domain:parcel-fee.example"
    }
    assert listed.find("see www.q.example/a/17/z", types)
    assert not listed.find("see q.example/a/17/y or other.example", types)
