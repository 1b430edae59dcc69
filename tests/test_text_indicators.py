"""Indicators of a message: types, spans, normal forms; no value contains a payment card."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.errors import InputError
from scamdetect.text.handles import plain_handle
from scamdetect.text.indicators import DEFAULT, IndicatorType, indicators_of, plain_value
from scamdetect.text.numbers import find_ibans, find_phones, has_card, plain_digits
from scamdetect.text.wallets import find_wallets, wallet_of

ALL = tuple(IndicatorType)
BITCOIN = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
MESSAGE = (
    f"Pay at hxxps://login.parcel[.]example/pay?id=1 or send BTC to {BITCOIN}, call +44 7700 "
    "900123, mail Help[at]Parcel[.]example, t.me/prof_smith, GB29 NWBK 6016 1331 9268 19"
)
CARD = "4111-1111-1111-1111"


def values(text: str, *types: IndicatorType) -> list[tuple[str, str]]:
    return [(item.type.value, item.value) for item in indicators_of(text, types or ALL, "GB")]


def test_each_type_in_the_order_of_the_text() -> None:
    spelt = [(item.type, item.value, MESSAGE[item.start : item.end])
             for item in indicators_of(MESSAGE, ALL)]  # fmt: skip
    assert spelt == [
        ("link", "https://login.parcel.example/pay", "hxxps://login.parcel[.]example/pay?id=1"),
        ("domain", "parcel.example", "parcel[.]example"),
        ("wallet", BITCOIN, BITCOIN),
        ("phone", "+447700900123", "+44 7700 900123"),
        ("email", "help@parcel.example", "Help[at]Parcel[.]example"),
        ("handle", "telegram:prof_smith", "t.me/prof_smith"),
        ("link", "t.me/prof_smith", "t.me/prof_smith"),
        ("domain", "t.me", "t.me"),
        ("iban", "GB29NWBK60161331926819", "GB29 NWBK 6016 1331 9268 19"),
    ]
    assert {item.type for item in indicators_of(MESSAGE)} == set(DEFAULT)
    for kind in ALL:
        assert values(MESSAGE, kind) == [item for item in values(MESSAGE) if item[0] == kind]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("visit login.parcel.example now", [("domain", "parcel.example")]),
        ("http://203.0.113.5/x", [("link", "http://203.0.113.5/x")]),
        ("GB29 NWBK 6016 1331 9268 19", [("iban", "GB29NWBK60161331926819")]),
        ("https://ann@parcel.example/x",
         [("link", "https://parcel.example/x"), ("domain", "parcel.example")]),
        (f"https://parcel.example/pay/{CARD}/now",
         [("link", "https://parcel.example/pay/*/now"), ("domain", "parcel.example")]),
        ("a＠b.example", [("email", "a@b.example")]),
        ("mail a at b dot example", [("email", "a@b.example")]),
        ("a " * 9_990 + "https://parcel.example/x", []),  # only 20,000 characters are read
    ],
)  # fmt: skip
def test_messages(text: str, expected: list[tuple[str, str]]) -> None:
    assert values(text) == expected


def test_unknown_region() -> None:
    with pytest.raises(InputError, match="'UK' is not a country"):
        indicators_of("hello", ALL, "UK")


@pytest.mark.parametrize(
    "text",
    [f"https://{CARD}.example/x", f"a{CARD}@parcel.example", "wa.me/4111111111111111",
     "t.me/a4111111111111111", f"wa.me/hxxphttps://{CARD}", f"parcel.example/a://{CARD}",
     f"account {CARD} or {CARD} 123", "pay 378282246310005", "5500 0000 0000 0004"],
)  # fmt: skip
def test_no_value_contains_a_card(text: str) -> None:
    assert has_card(text)
    for region in (None, "US", "HK", "SG", "IN", "CN"):
        assert not [item for item in indicators_of(text, ALL, region) if has_card(item.value)]


PLAIN = {
    IndicatorType.DOMAIN: ("Parcel.Example", "parcel.example", "login.parcel.example"),
    IndicatorType.LINK: ("http://A.example/x?q", "http://a.example/x", "a.example"),
    IndicatorType.WALLET: (BITCOIN, BITCOIN, BITCOIN[:-1]),
    IndicatorType.PHONE: ("+44 7700 900123", "+447700900123", "07700900123"),
    IndicatorType.EMAIL: ("Help@Parcel.example", "help@parcel.example", "help"),
    IndicatorType.HANDLE: ("Telegram:Prof_Smith", "telegram:prof_smith", "prof_smith"),
    IndicatorType.IBAN: ("gb29 nwbk 6016 1331 9268 19", "GB29NWBK60161331926819", "GB29"),
}  # fmt: skip


@pytest.mark.parametrize("kind", IndicatorType)
def test_normal_form_of_a_value(kind: IndicatorType) -> None:
    typed, plain, other = PLAIN[kind]
    assert plain_value(kind, typed) == plain == plain_value(kind, plain)
    assert plain_value(kind, other) is None


_WORDS = st.sampled_from(
    ["https://", "hxxp", "www.", ".", "[.]", "parcel", "example", "test", "/", "a", "?q=1", " ",
     "请点击", "คลิก", "\u200b", "@", "t.me/", "telegram ", "+44", "7700", "900123", BITCOIN, "ｅ",
     "٠١٢٣٤", "\u202e", "GB29NWBK60161331926819", ":", ",", "。", "е", "wa.me/", CARD]
)  # fmt: skip


@given(st.lists(_WORDS, max_size=14).map("".join), st.sampled_from([None, "GB", "US"]))
def test_values_are_normal_and_spans_in_order(text: str, region: str | None) -> None:
    before = 0
    for item in indicators_of(text, ALL, region):
        assert plain_value(item.type, item.value) == item.value
        assert before <= item.start < item.end <= len(text)
        before = item.start
        assert not has_card(item.value) or item.type in ("iban", "phone")


# -- handles -------------------------------------------------------------------------------------

HANDLES = [
    ("join https://t.me/+AbCdEf123", "telegram:+AbCdEf123"),
    ("t.me/joinchat/AbCdEf123", "telegram:+AbCdEf123"),
    ("t.me/Prof_Smith?start=1", "telegram:prof_smith"),
    ("https://t.me/s/prof_smith/12", "telegram:prof_smith"),
    ("tg://resolve?domain=Evil_bot&start=1", "telegram:evil_bot"),
    ("hxxps://t[.]me/prof_smith", "telegram:prof_smith"),
    ("https://wa.me/447700900123?text=hi", "whatsapp:+447700900123"),
    ("https://api.whatsapp.com/send?phone=447700900123&text=x", "whatsapp:+447700900123"),
    ("whatsapp://send?phone=447700900123", "whatsapp:+447700900123"),
    ("https://chat.whatsapp.com/AbCdEf0123456789XyZ1", "whatsapp:invite/AbCdEf0123456789XyZ1"),
    ("wa.me/message/ABCDEF123", "whatsapp:message/ABCDEF123"),
    ("https://line.me/ti/p/~abc.99", "line:abc.99"),
    ("https://line.me/R/ti/p/%40shop123", "line:@shop123"),
    ("https://lin.ee/AbCdE12", "line:invite/AbCdE12"),
    ("https://open.kakao.com/o/gAbCdE", "kakao:o/gAbCdE"),
    ("zalo.me/g/abcdef123", "zalo:g/abcdef123"),
    ("discord.gg/AbCdEf", "discord:invite/AbCdEf"),
    ("instagram.com/some.body/", "instagram:some.body"),
    ("https://www.facebook.com/profile.php?id=100012345678901", "facebook:100012345678901"),
    ("m.me/some.body", "facebook:some.body"),
    ("https://t.me/share?url=x", None),
    ("https://www.facebook.com/sharer/sharer.php?u=x", None),
    ("https://www.instagram.com/p/AbCdEf/", None),
    ("https://wa.me/4111111111111", None),
]


@pytest.mark.parametrize(("text", "value"), HANDLES)
def test_handles_in_links(text: str, value: str | None) -> None:
    handles = [item.value for item in indicators_of(text, (IndicatorType.HANDLE,))]
    assert handles == ([] if value is None else [value])
    assert value is None or plain_handle(value) == value


@pytest.mark.parametrize("value", ["telegram", "nowhere:abc", "telegram:a b", "telegram:", ""])
def test_invalid_handles(value: str) -> None:
    assert plain_handle(value) is None


# -- numbers: fictional, of Ofcom, the North American plan, the ACMA ------------------------------

GB, US, AU = "+447700900123", "+12025550123", "+61491570156"
PHONES = [
    ("call +44 7700 900123 10 May", None, [GB]),
    ("call 07700 900123 now", "GB", [GB]),
    ("07700 900123 10", "GB", [GB]),
    ("0044 (7700) 900-123", None, [GB]),
    ("+44(0)7700900123", None, [GB]),
    ("(202) 555-0123", "US", [US]),
    ("tel:+1-202-555-0123,", None, [US]),
    ("٠٠٤٤ ٧٧٠٠ ٩٠٠١٢٣", None, [GB]),
    ("+৪৪ ৭৭০০ ৯০০১২৩", None, [GB]),
    ("+၄၄၇၇ဝဝ၉ဝဝ၁၂၃", None, [GB]),
    ("12025550123+", None, [US]),
    ("＋44（0）7700 900123", None, [GB]),
    ("+4 4 7 7 0 0 9 0 0 1 2 3", None, [GB]),
    ("请拨打+61491570156咨询", None, [AU]),
    ("+61 491\u2011570\u2011156", None, [AU]),
    ("+12025550123/+12025550124", None, [US, "+12025550124"]),
    ("07700 900123, order 1234567890, 2024-05-06 12:30, +44 12, id=12025550123", None, []),
    ("2024-05-06 12, 06/05/2024, 2.025.550, 1,234,567", "US", []),
    ("Tel 234 - 8055 - 124 - 041, 0800 555111", "US", []),
]


@pytest.mark.parametrize(("text", "region", "expected"), PHONES)
def test_phone_numbers(text: str, region: str | None, expected: list[str]) -> None:
    assert [value for value, *_ in find_phones(plain_digits(text), region)] == expected


def test_a_number_outside_the_numbering_plan_is_not_verified() -> None:
    assert [*find_phones("+44 7700 900123", None)] == [(GB, 0, 15, False)]
    assert [*find_phones("+1 202 555 0123", None)] == [(US, 0, 15, True)]


@pytest.mark.parametrize(
    "iban",  # the examples of the registry of SWIFT
    ["GB29NWBK60161331926819", "NO9386011117947", "BR1800360305000010009795493C1"],
)
def test_ibans(iban: str) -> None:
    groups = " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))
    for text in (f"to {iban}.", f"IBAN: {groups} PLEASE", f"至{iban.lower()}。"):
        ((value, start, end, verified),) = find_ibans(text)
        assert (value, verified) == (iban, True)
        assert [*find_ibans(text[start:end])] == [(iban, 0, end - start, True)]
    assert not [*find_ibans(f"to {iban[:-1]}{(int(iban[-1], 36) + 1) % 10}")]


# -- wallets: of BIP 173, BIP 350, EIP-55, and the documentation of Bitcoin and Tron ---------------

SEGWIT = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
ETHEREUM = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
TRON = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
SOLANA = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
VERIFIED = [
    BITCOIN, "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", SEGWIT, TRON, ETHEREUM,
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]  # fmt: skip
BROKEN = [
    "1BoatSLRHtKNngkdXEeobR76b53LETtpyU", f"{ETHEREUM[:-1]}D", SEGWIT.capitalize(),
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",  # Bech32m of version 0
    "bc1zw508d6qejxtdg4y5r3zarvaryvqyzf3du",  # Bech32 of version 2
    "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",  # of the test network
    "Donaudampfschifffahrtsgesellschaft", "a" * 43,
]  # fmt: skip


@pytest.mark.parametrize("address", VERIFIED)
def test_an_address_with_a_checksum_is_verified(address: str) -> None:
    ((wallet, start, _),) = find_wallets(f"转到{address}即可")
    assert (wallet.value, wallet.verified, start) == (address, True, 2)


@pytest.mark.parametrize("address", BROKEN)
def test_an_address_with_a_wrong_checksum_is_none(address: str) -> None:
    assert wallet_of(address) is None


@given(st.sampled_from(VERIFIED), st.integers(2, 60), st.sampled_from("123BCDacd"))
def test_another_character_breaks_a_checksum(address: str, index: int, other: str) -> None:
    index = 2 + index % (len(address) - 2)
    changed = address[:index] + other + address[index + 1 :]
    wallet = wallet_of(changed)
    assert changed == address or wallet is None or not wallet.verified


def test_segregated_witness_in_capitals_is_the_same_address() -> None:
    wallet = wallet_of(SEGWIT.upper())
    assert wallet is not None and wallet.value == SEGWIT


@pytest.mark.parametrize("address", [SOLANA, ETHEREUM.lower()])
def test_an_address_without_checksum_needs_a_word_for_coins(address: str) -> None:
    assert not [*find_wallets(f"your code is {address}")]
    for text in ("send USDT to", "мой кошелёк", "请转到钱包", "ส่งเหรียญไปที่", "ví USDT:"):
        ((wallet, _, _),) = find_wallets(f"{text} {address}")
        assert (wallet.value, wallet.verified) == (address, False)
