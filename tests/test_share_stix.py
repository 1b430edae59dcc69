"""Exports as a bundle of STIX 2.1, read back by the libraries stix2 and stix2-patterns."""

from __future__ import annotations

import datetime
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reviewed_rows import DAY, one_of_each, reviewed

from scamdetect.share.proposals import TLP
from scamdetect.share.signals import midnight, signal_of, withdrawn
from scamdetect.share.stix import TLP_EXTENSION, bundle_text, has_pattern, pattern_of
from scamdetect.share.stix_patterns import equalities
from scamdetect.text.indicators import IndicatorType

stix2 = pytest.importorskip("stix2", reason="needs the extra dev")
validator = pytest.importorskip("stix2patterns.validator", reason="needs the extra dev")

BANK = "Example Bank"
NUMBERS = (IndicatorType.PHONE, IndicatorType.IBAN, IndicatorType.WALLET)
SIGNALS = [one for row in one_of_each() if has_pattern(one := signal_of(row, BANK))]


def parsed(signals, **created):  # noqa: ANN001, ANN003
    return stix2.parse(bundle_text(signals, created), allow_custom=False, version="2.1")


def of_type(bundle, kind: str):  # noqa: ANN001
    return [one for one in bundle.objects if one.type == kind]


def test_four_types_have_a_pattern() -> None:
    found = of_type(parsed(SIGNALS), "indicator")
    assert [one.pattern for one in found] == [
        "[domain-name:value = 'parcel-fee.example']",
        "[url:value = 'https://parcel-fee.example/pay']",
        "[email-addr:value = 'claims@parcel-fee.example']",
        "[user-account:account_type = 'telegram' AND "
        "user-account:account_login = 'parcel_fee_help']",
    ]
    for one in found:
        assert not validator.run_validator(one.pattern, stix_version="2.1")
        assert (one.valid_until - one.valid_from).days in (7, 30)
        assert one.confidence == 70 and "predictive" in one.labels


@given(st.text(min_size=1, max_size=40))
def test_every_value_can_be_in_a_pattern(value: str) -> None:
    pattern = pattern_of(signal_of(reviewed(IndicatorType.LINK, value=value), BANK))
    assert equalities(pattern) == (("url:value", value),)
    if value.isprintable():
        assert not validator.run_validator(pattern, stix_version="2.1")


@pytest.mark.parametrize("label", TLP)
def test_the_markings_are_those_of_tlp_2(label: str) -> None:
    bundle = parsed([signal_of(reviewed(tlp=label), BANK)])
    (marking,) = of_type(bundle, "marking-definition")
    level = label.removeprefix("TLP:").lower()
    assert marking.name == label and marking.extensions[TLP_EXTENSION]["tlp_2_0"] == level
    old = (stix2.TLP_WHITE, stix2.TLP_GREEN, stix2.TLP_AMBER, stix2.TLP_RED)  # of TLP 1
    assert marking.id not in {one.id for one in old}
    (indicator,) = of_type(bundle, "indicator")
    assert indicator.object_marking_refs == [marking.id]


def test_sightings_say_how_often_and_when() -> None:
    bundle = parsed([signal_of(reviewed(), BANK)])
    (sighting,), (indicator,) = of_type(bundle, "sighting"), of_type(bundle, "indicator")
    (identity,) = of_type(bundle, "identity")
    assert sighting["count"] == 12 and sighting.sighting_of_ref == indicator.id
    seen = sighting.first_seen.date(), sighting.last_seen.date()
    assert seen == (datetime.date(2026, 11, 1), datetime.date(2026, 11, 18))
    assert sighting.where_sighted_refs == [identity.id] == [indicator.created_by_ref]


def test_the_same_rows_give_the_same_bytes() -> None:
    assert bundle_text(SIGNALS) == bundle_text(SIGNALS) != bundle_text(SIGNALS[:1])


def test_what_is_withdrawn_is_a_revoked_later_version() -> None:
    now = midnight(DAY)
    after = of_type(parsed([withdrawn(one, now) for one in SIGNALS]), "indicator")
    before = of_type(parsed(SIGNALS), "indicator")
    for old, new in zip(before, after, strict=True):
        assert new.revoked and not old.revoked
        assert (new.id, new.created) == (old.id, old.created) and new.modified > old.modified


def test_an_object_that_was_shared_before_keeps_its_time_of_creation() -> None:
    row = signal_of(reviewed(), BANK)
    name = f"indicator--{row.id}"
    (found,) = of_type(parsed([row], **{name: "2026-10-01T00:00:00.000Z"}), "indicator")
    assert found.created.date() == datetime.date(2026, 10, 1)


def test_no_identity_differs_between_exports() -> None:
    later = reviewed(date=DAY + datetime.timedelta(9))
    one, other = (
        of_type(parsed([signal_of(row, BANK)]), "identity")[0] for row in (reviewed(), later)
    )
    assert json.loads(one.serialize()) == json.loads(other.serialize())


def test_what_stix_has_no_equality_for_has_no_pattern() -> None:
    link = reviewed(IndicatorType.LINK, value="https://parcel-fee.example/*/pay")
    assert not has_pattern(signal_of(link, BANK))
    assert not any(has_pattern(signal_of(reviewed(kind), BANK)) for kind in NUMBERS)
