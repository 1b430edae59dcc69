"""The sieve: nothing that is listed is lost, and honest messages seldom pass."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.dumps.listed import Listed
from scamdetect.dumps.sieve import Sieve, host_of
from scamdetect.share.feed_versions import FeedReport, Versions
from scamdetect.share.listing import Listing
from scamdetect.text.indicators import IndicatorType

D, L, W, P, E, H, I = (  # noqa: E741
    IndicatorType.DOMAIN, IndicatorType.LINK, IndicatorType.WALLET, IndicatorType.PHONE,
    IndicatorType.EMAIL, IndicatorType.HANDLE, IndicatorType.IBAN,
)  # fmt: skip
VALUES = [
    (D, "evil.example"), (D, "login.bad-shop.test"), (D, "xn--e1afmkfd.example"),
    (L, "https://evil.example/pay"), (L, "http://203.0.114.9/pay"), (L, "https://a.example/*/x"),
    (W, "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"), (P, "+12025550147"), (P, "+447700900123"),
    (E, "claims@evil.example"), (H, "telegram:evil_help"), (H, "whatsapp:+12025550147"),
    (I, "DE89370400440532013000"),
]  # fmt: skip
TYPED = [
    "evil.example", "EVIL.example", "www.evil.example", "a.b.evil.example", "-evil.example",
    "https://evil.example/pay", "hxxps://evil[.]example/pay", "evil (dot) example",
    "evil dot example", "evil . example", "evil .example", "evil。example", "ｅｖｉｌ.example",
    "ev\u200bil.example", "evіl.example", "evil．example", "http://evil.example:8080/pay?x=1#y",
    "https://user@evil.example/pay", "evil.example.Thanks", "evil.example。",
    "查看evil.example/pay查看", "login.bad-shop.test", "bad-shop.test",
    "login(.)bad-shop.test/x", "пример.example",
    "https://пример.example/x", "приме\u0301р.example", "203.0.114.9/pay", "http://203.0.114.9/pay",
    "http://3405803017/pay", "http://0xcb.0.114.9/pay", "http://[::1]/pay", "a.example/q7/x",
    "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "+1 (202) 555-0147", "0012025550147", "202.555.0147",
    "+44 7700 900123", "07700 900123", "٠٧٧٠٠٩٠٠١٢٣", "claims@evil.example",
    "claims (at) evil.example", "claims at evil dot example", "t.me/evil_help",
    "telegram @Evil_Help", "https://wa.me/12025550147", "DE89 3704 0044 0532 0130 00",
    "de89370400440532013000", "12.50", "e.g. this", "1.2.3", "hello", "好的", "see (1)", "a.b.c.d",
]  # fmt: skip
BETWEEN = st.sampled_from([" ", ", ", "\n", "，", "：", " - ", "", "(", ") ", "…", "\x07", "  "])


class Everything(Sieve):
    def types_in(self, text: str) -> frozenset[IndicatorType]:
        return frozenset(IndicatorType) - {IndicatorType.SENDER}


def listed_of(values, region: str | None = None) -> Listed:  # noqa: ANN001
    versions, report = Versions(), FeedReport("feed")
    for number, (kind, value) in enumerate(values):
        versions.add(Listing(kind, value, "feed", str(number)), 0, None)
    return versions.listed([report], region)


LISTED = listed_of(VALUES, region="GB")
WITHOUT = dataclasses.replace(LISTED, sieve=Everything(LISTED.types, LISTED.keys))


@given(st.lists(st.tuples(st.sampled_from(TYPED), BETWEEN), max_size=5))
def test_nothing_that_is_listed_is_lost(pieces: list[tuple[str, str]]) -> None:
    text = "".join(typed + between for typed, between in pieces)
    assert LISTED.found([text]) == WITHOUT.found([text])


@pytest.mark.parametrize("typed", TYPED)
def test_nothing_is_lost_in_a_message_of_one_thing(typed: str) -> None:
    text = f"See {typed} now"
    assert LISTED.found([text]) == WITHOUT.found([text])


def test_most_of_what_is_typed_is_found() -> None:
    found = [LISTED.found([f"See {typed} now"])[0] for typed in TYPED]
    assert sum(one is not None for one in found) > 35


@given(st.text(alphabet="evil.example/:@ 0149+。ｅ\u200bі()[]dot", max_size=40))
def test_no_text_is_sieved_out_wrongly(text: str) -> None:
    assert LISTED.found([text]) == WITHOUT.found([text])


def test_a_message_with_nothing_in_the_list_has_no_type() -> None:
    honest = [
        "Lunch at 12.30?", "https://news.test/today and www.shop.test", "call +49 30 123456 now",
        "你好，明天见。", "ali@mail.test", "telegram @someone_else", "GB29 NWBK 6016 1331 9268 19",
    ]  # fmt: skip
    assert [LISTED.sieve.types_in(text) for text in honest] == [frozenset()] * len(honest)


def test_only_the_types_that_may_be_there_are_read() -> None:
    assert LISTED.sieve.types_in("see evil.example") == {D, L, E}
    assert LISTED.sieve.types_in("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t") == {W}
    assert LISTED.sieve.types_in("telegram evil_help") == {H}
    assert listed_of([(W, VALUES[6][1])]).sieve.types_in("see evil.example") == frozenset()


def test_a_long_message_is_sieved_in_one_pass(no_hang: None) -> None:
    for unit in (".", "a.", "1.", "[.]", " .", "a-", "://", "0 "):
        LISTED.sieve.types_in(unit * (200_000 // len(unit)))


@pytest.mark.parametrize(
    ("link", "host"),
    [
        ("https://www.evil.example/pay", "evil.example"),
        ("evil.example:8080/pay", "evil.example"),
        ("http://[2001:db8::1]/pay", "[2001:db8::1]"),
        ("evil.example", "evil.example"),
        ("evil.example/x://shop.example", "evil.example"),
    ],
)
def test_the_host_of_a_link(link: str, host: str) -> None:
    assert host_of(link) == host
