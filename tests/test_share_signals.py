"""Ids, dates and names of what is exported."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reviewed_rows import DAY, VALUES, reviewed

from scamdetect.share.signals import (
    coin_of,
    has_varying_part,
    midnight,
    signal_id,
    signal_of,
    withdrawn,
)
from scamdetect.text.indicators import IndicatorType

BANK = "Example Bank"


@pytest.mark.parametrize(
    ("kind", "days"),
    [
        (IndicatorType.DOMAIN, 30),
        (IndicatorType.LINK, 30),
        (IndicatorType.WALLET, 30),
        (IndicatorType.PHONE, 7),
        (IndicatorType.IBAN, 7),
        (IndicatorType.EMAIL, 7),
    ],
)
def test_links_hold_for_thirty_days_and_numbers_for_seven(kind: IndicatorType, days: int) -> None:
    found = signal_of(reviewed(kind), BANK)
    assert found.valid_until == DAY + datetime.timedelta(days)
    assert found.changed == midnight(DAY)


@given(
    st.tuples(st.sampled_from(list(IndicatorType)), st.text(max_size=8), st.text(max_size=8)),
    st.tuples(st.sampled_from(list(IndicatorType)), st.text(max_size=8), st.text(max_size=8)),
)
def test_an_id_stands_for_one_type_value_and_organisation(one, other) -> None:  # noqa: ANN001
    nul = any("\x00" in part for part in (*one, *other))
    assert nul or (signal_id(*one) == signal_id(*other)) == (one == other)
    assert signal_id(*one).version == 5


def test_a_later_review_of_the_same_value_has_the_same_id() -> None:
    later = reviewed(messages=90, confidence=90, date=DAY + datetime.timedelta(40))
    assert signal_of(later, BANK).id == signal_of(reviewed(), BANK).id
    assert signal_of(later, "Another Bank").id != signal_of(reviewed(), BANK).id


@pytest.mark.parametrize("hours", [-48, 0, 48])
def test_a_withdrawal_is_a_later_version(hours: int) -> None:
    signal = signal_of(reviewed(), BANK)
    now = signal.changed + datetime.timedelta(hours=hours, microseconds=7)
    found = withdrawn(signal, now)
    assert found.withdrawn and found.id == signal.id
    assert found.changed > signal.changed and found.changed.microsecond == 0


@pytest.mark.parametrize(
    ("kinds", "abuse"),
    [(("phishing", "crypto"), "phishing"), (("crypto", "phishing"), "scam"), ((), "scam")],
)
def test_the_most_frequent_kind_tells_the_abuse_type(kinds: tuple[str, ...], abuse: str) -> None:
    assert signal_of(reviewed(kinds=kinds), BANK).abuse_type == abuse


@pytest.mark.parametrize(
    ("value", "varies"),
    [
        ("https://parcel-fee.example/*/pay", True),
        ("https://parcel-fee.example/*", True),
        ("https://parcel-fee.example/a*b", False),
        ("https://parcel-fee.example/pay", False),
    ],
)
def test_a_star_for_a_part_of_the_path_varies(value: str, varies: bool) -> None:
    link = signal_of(reviewed(IndicatorType.LINK, value=value), BANK)
    assert has_varying_part(link) is varies
    assert not has_varying_part(signal_of(reviewed(value="*"), BANK))


@pytest.mark.parametrize(
    ("wallet", "coin"),
    [
        (VALUES[IndicatorType.WALLET], "ETH"),
        ("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "TRX"),
        ("1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "BTC"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "BTC"),
        ("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", "SOL"),
    ],
)
def test_the_form_of_a_wallet_tells_the_coin(wallet: str, coin: str) -> None:
    assert coin_of(wallet) == coin
