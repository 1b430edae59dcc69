"""Exports as an event of MISP, read back by pymisp."""

from __future__ import annotations

import datetime
import json

import pytest
from reviewed_rows import DAY, VALUES, one_of_each, reviewed

from scamdetect.share.misp import event_text, has_type
from scamdetect.share.signals import midnight, signal_of, withdrawn
from scamdetect.text.indicators import IndicatorType

pymisp = pytest.importorskip("pymisp", reason="needs the extra dev")

BANK = "Example Bank"
SIGNALS = [one for row in one_of_each() if has_type(one := signal_of(row, BANK))]


def event(signals):  # noqa: ANN001
    found = pymisp.MISPEvent(strict_validation=True)
    found.from_json(event_text(signals))
    return found


def test_each_type_is_a_native_one_of_misp() -> None:
    found = event(SIGNALS)
    assert {one.type: one.value for one in found.attributes} == {
        "domain": VALUES[IndicatorType.DOMAIN],
        "url": VALUES[IndicatorType.LINK],
        "phone-number": VALUES[IndicatorType.PHONE],
        "email": VALUES[IndicatorType.EMAIL],
        "iban": VALUES[IndicatorType.IBAN],
    }
    assert all(one.to_ids and not one.get("deleted") for one in found.attributes)
    known = pymisp.MISPEvent().describe_types["category_type_mappings"]
    assert all(one.type in known[one.category] for one in found.attributes)


def test_wallets_and_accounts_are_objects_by_their_templates() -> None:
    found = {one.name: one for one in event(SIGNALS).objects}
    coin = {one.object_relation: one.value for one in found["coin-address"].attributes}
    assert coin == {"address-crypto": VALUES[IndicatorType.WALLET], "symbol": "ETH"}
    account = {one.object_relation: one.value for one in found["user-account"].attributes}
    assert account == {"username": "parcel_fee_help", "account-type": "telegram"}
    for name, one in found.items():
        template = pymisp.MISPObject(name, strict=True)
        assert (one.template_uuid, one["meta-category"]) == (
            template.template_uuid, template["meta-category"],
        )  # fmt: skip


def test_a_bitcoin_wallet_needs_no_object() -> None:
    wallet = reviewed(IndicatorType.WALLET, value="bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
    (found,) = event([signal_of(wallet, BANK)]).attributes
    assert found.type == "btc"


@pytest.mark.parametrize(
    ("value", "kind"),
    [("fees@parcel-fee.example", "email-src"), ("+12025550147", "phone-number"), ("Fees", None)],
)
def test_a_sender_is_what_its_form_says(value: str, kind: str | None) -> None:
    sender = signal_of(reviewed(IndicatorType.SENDER, value=value), BANK)
    assert has_type(sender) is (kind is not None)
    assert kind is None or event([sender]).attributes[0].type == kind


def test_the_event_has_the_strictest_label_and_is_not_published() -> None:
    rows = [reviewed(), reviewed(IndicatorType.PHONE, tlp="TLP:AMBER+STRICT")]
    found = event([signal_of(row, BANK) for row in rows])
    assert [tag.name for tag in found.tags] == ["tlp:amber+strict"]
    assert (found.published, str(found.distribution)) == (False, "0")
    green, amber = ({tag.name for tag in one.tags} for one in found.attributes)
    assert {"tlp:green", "retention:1m", 'misp:confidence-level="usually-confident"'} <= green
    assert {"tlp:amber+strict", "retention:7d", 'misp:automation-level="reviewed"'} <= amber


def test_all_events_of_an_organisation_are_one() -> None:
    one, other = event(SIGNALS[:1]), event(SIGNALS[1:])
    assert one.uuid == other.uuid != event([signal_of(reviewed(), "Another Bank")]).uuid
    uuids = [one.uuid for one in (*event(SIGNALS).attributes, *event(SIGNALS).objects)]
    assert len(set(uuids)) == len(uuids)


def test_what_is_withdrawn_is_deleted_and_for_no_detection() -> None:
    now = midnight(DAY) + datetime.timedelta(days=2)
    found = json.loads(event_text([withdrawn(one, now) for one in SIGNALS]))["Event"]
    parts = [*found["Attribute"], *(a for o in found["Object"] for a in o["Attribute"])]
    assert all(one["deleted"] is True and one["to_ids"] is False for one in parts)
    before = {one["uuid"]: one for one in json.loads(event_text(SIGNALS))["Event"]["Attribute"]}
    for one in found["Attribute"]:
        assert int(one["timestamp"]) > int(before[one["uuid"]]["timestamp"])
    assert event([withdrawn(one, now) for one in SIGNALS]).uuid == found["uuid"]


def test_how_often_and_when_it_was_seen_goes_along() -> None:
    (found,) = event([signal_of(reviewed(), BANK)]).attributes
    assert found.comment == "in 12 messages; delivery, phishing"
    seen = (found.first_seen.date(), found.last_seen.date())
    assert seen == (datetime.date(2026, 11, 1), datetime.date(2026, 11, 18))


def test_a_link_with_a_varying_part_has_no_type() -> None:
    link = reviewed(IndicatorType.LINK, value="https://parcel-fee.example/*")
    assert not has_type(signal_of(link, BANK))
    assert not has_type(signal_of(reviewed(IndicatorType.DOMAIN, type=IndicatorType.ACCOUNT), BANK))
