"""Indicators of a message: which types, where, in which form; nothing with a card in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.errors import InputError
from scamdetect.text.indicators import DEFAULT, Indicator, IndicatorType, indicators_of, plain_value
from scamdetect.text.numbers import has_card

ALL = tuple(one for one in IndicatorType if one is not IndicatorType.SENDER)
BITCOIN = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
MESSAGE = (
    f"Pay at hxxps://login.parcel[.]example/pay?id=1 or send BTC to {BITCOIN}, call +44 7700 "
    "900123, mail Help[at]Parcel[.]example, Telegram @prof_smith, GB29 NWBK 6016 1331 9268 19, "
    "account 0123456789"
)
CARD = "4111-1111-1111-1111"


def values(text: str, *types: IndicatorType) -> list[tuple[str, str]]:
    return [(one.type.value, one.value) for one in indicators_of(text, types or ALL, "GB")]


def test_each_type_is_found_in_the_order_of_the_text() -> None:
    assert values(MESSAGE) == [
        ("link", "https://login.parcel.example/pay"),
        ("domain", "parcel.example"),
        ("wallet", BITCOIN),
        ("phone", "+447700900123"),
        ("email", "help@parcel.example"),
        ("handle", "telegram:prof_smith"),
        ("iban", "GB29NWBK60161331926819"),
        ("account", "0123456789"),
    ]


def test_by_default_links_domains_and_wallets_are_found() -> None:
    found = indicators_of(MESSAGE)
    assert [one.type for one in found] == [
        IndicatorType.LINK, IndicatorType.DOMAIN, IndicatorType.WALLET,
    ]  # fmt: skip
    assert set(DEFAULT) == {one.type for one in found}


@pytest.mark.parametrize("type", ALL)
def test_a_type_is_found_by_itself_as_among_all(type: IndicatorType) -> None:
    assert values(MESSAGE, type) == [one for one in values(MESSAGE) if one[0] == type]


def test_places_are_those_of_the_message() -> None:
    typed = {one.type.value: MESSAGE[one.start : one.end] for one in indicators_of(MESSAGE, ALL)}
    assert typed == {
        "link": "hxxps://login.parcel[.]example/pay?id=1",
        "domain": "parcel[.]example",
        "wallet": BITCOIN,
        "phone": "+44 7700 900123",
        "email": "Help[at]Parcel[.]example",
        "handle": "@prof_smith",
        "iban": "GB29 NWBK 6016 1331 9268 19",
        "account": "0123456789",
    }


def test_a_bare_host_is_a_domain_only() -> None:
    assert values("visit login.parcel.example now") == [("domain", "parcel.example")]
    assert values("http://203.0.113.5/x") == [("link", "http://203.0.113.5/x")]
    assert values("tenant.github.io/x")[1] == ("domain", "tenant.github.io")


def test_an_unknown_region_is_refused_also_where_no_number_is() -> None:
    with pytest.raises(InputError, match="'UK' is not a country"):
        indicators_of("hello", ALL, "UK")
    assert indicators_of("hello", DEFAULT, "UK") == ()


def test_a_number_in_an_iban_is_no_phone_number() -> None:
    assert values("GB29 NWBK 6016 1331 9268 19") == [("iban", "GB29NWBK60161331926819")]


def test_user_info_is_no_address() -> None:
    assert values("https://ann@parcel.example/x") == [
        ("link", "https://parcel.example/x"), ("domain", "parcel.example"),
    ]  # fmt: skip


def test_the_domain_is_where_it_stands_in_the_host() -> None:
    text = "see www.Pay.пример.испытание/x and a.b.Parcel.co.uk"
    found = [one for one in indicators_of(text) if one.type is IndicatorType.DOMAIN]
    assert [text[one.start : one.end] for one in found] == ["пример.испытание", "Parcel.co.uk"]


def test_reserved_and_private_hosts_are_found() -> None:
    found = values(
        "http://10.0.0.1/a http://localhost/b https://printer.local/c", IndicatorType.LINK
    )
    assert len(found) == 3


@pytest.mark.parametrize(
    "text",
    [
        f"https://parcel.example/pay/{CARD}/now", f"card {CARD}", f"account no. {CARD}",
        f"https://{CARD}.example/x", f"a{CARD}@parcel.example", f"telegram: @x_{CARD}",
        "wa.me/4111111111111111", "t.me/a4111111111111111", f"wa.me/hxxphttps://{CARD}",
        f"parcel.example/a://{CARD}",
    ],
)  # fmt: skip
def test_no_value_has_a_card(text: str) -> None:
    for region in (None, "US", "HK"):
        assert not [one for one in indicators_of(text, ALL, region) if has_card(one.value)]


def test_a_part_of_a_path_with_a_card_is_a_star() -> None:
    for card in (CARD, CARD.replace("-", ""), CARD.replace("-", "%2D"), f"x{CARD}y"):
        assert values(f"https://parcel.example/pay/{card}/now", IndicatorType.LINK) == [
            ("link", "https://parcel.example/pay/*/now")
        ]
    assert plain_value(IndicatorType.LINK, "https://parcel.example/*") == "https://parcel.example/*"


def test_digits_in_names_stay_digits() -> None:
    assert values("Line ID: sc4m0ne, kakao id pr1zes", IndicatorType.HANDLE) == [
        ("handle", "line:sc4m0ne"), ("handle", "kakao:pr1zes"),
    ]  # fmt: skip
    assert values("https://a.example/x b b b b", IndicatorType.LINK) == [
        ("link", "https://a.example/x")
    ]


def test_of_a_long_text_the_beginning_is_read() -> None:
    text = "a " * 9_990 + "https://parcel.example/x" + " b" * 10 + " https://other.example/y"
    assert values(text, IndicatorType.LINK) == []
    assert values(text[2000:], IndicatorType.LINK)[0] == ("link", "https://parcel.example/x")


PLAIN = {
    IndicatorType.DOMAIN: ("Parcel.Example", "parcel.example", "login.parcel.example"),
    IndicatorType.LINK: ("hxxps".replace("xx", "tt") + "://A.example/x?q", "https://a.example/x",
                         "a.example"),
    IndicatorType.WALLET: (BITCOIN, BITCOIN, BITCOIN[:-1]),
    IndicatorType.PHONE: ("+44 7700 900123", "+447700900123", "07700900123"),
    IndicatorType.EMAIL: ("Help@Parcel.example", "help@parcel.example", "help"),
    IndicatorType.HANDLE: ("Telegram:Prof_Smith", "telegram:prof_smith", "prof_smith"),
    IndicatorType.IBAN: ("gb29 nwbk 6016 1331 9268 19", "GB29NWBK60161331926819", "GB29"),
    IndicatorType.ACCOUNT: ("012-345-6789", "0123456789", "12"),
    IndicatorType.SENDER: (" DHL  INFO ", "DHL INFO", ""),
}  # fmt: skip


@pytest.mark.parametrize("type", IndicatorType)
def test_the_plain_form_of_a_value(type: IndicatorType) -> None:
    given, plain, other = PLAIN[type]
    assert plain_value(type, given) == plain == plain_value(type, plain)
    assert plain_value(type, other) is None


@pytest.mark.parametrize("type", ALL)
@pytest.mark.parametrize(
    "text",
    [
        MESSAGE,
        "加微信abc_123",
        "mail a at b dot example",
        "a＠b.example",
        "plan 12 34 56 account 123456",
        "Line: ab_12",
        "+4 4 7700 900123",
    ],
)
def test_the_quick_look_misses_nothing(
    text: str, type: IndicatorType, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = indicators_of(text, (type,), "GB")
    monkeypatch.setattr("scamdetect.text.indicators._may_have", lambda *_: True)
    assert indicators_of(text, (type,), "GB") == found


_WORDS = st.sampled_from(
    ["https://", "hxxp", "www.", ".", "[.]", "parcel", "example", "test", "/", "a", "?q=1", " ",
     "请点击", "คลิก", "\u200b", "@", "t.me/", "telegram ", "+44", "7700", "900123", BITCOIN, "ｅ",
     "account ", "٠١٢٣٤", "\u202e", "GB29NWBK60161331926819", ":", ",", "。", "е", "wa.me/", CARD]
)  # fmt: skip


@given(st.lists(_WORDS, max_size=14).map("".join), st.sampled_from([None, "GB", "US"]))
def test_what_is_found_is_in_plain_form_and_in_its_place(text: str, region: str | None) -> None:
    before = 0
    for one in indicators_of(text, ALL, region):
        assert plain_value(one.type, one.value) == one.value
        assert before <= one.start < one.end <= len(text)
        before = one.start
        assert not has_card(one.value) or one.type in (IndicatorType.IBAN, IndicatorType.PHONE)


@given(st.lists(_WORDS, max_size=14).map("".join))
def test_links_found_in_themselves_are_themselves(text: str) -> None:
    for one in indicators_of(text):
        if one.type is IndicatorType.LINK:
            again = [found for found in indicators_of(one.value) if found.type is one.type]
            assert [found.value for found in again] == [one.value]
            typed = indicators_of(text[one.start : one.end], (IndicatorType.LINK,))
            assert typed == (Indicator(one.type, one.value, 0, one.end - one.start, True),)
