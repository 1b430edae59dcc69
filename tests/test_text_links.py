"""Links as they are typed, disguised and glued to other text, and the hosts in them."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scamdetect.text.hosts import is_known_top, is_reserved, plain_host, registered_domain
from scamdetect.text.link_disguises import may_have_links, spelt_out
from scamdetect.text.link_finder import find_links
from scamdetect.text.links import official_domains
from scamdetect.text.normalise import SHORTENERS, fold
from scamdetect.text.traced import trace

LINKS = [
    # as typed, the value
    ("Pay at https://parcel.example/pay?id=3#x.", "https://parcel.example/pay"),
    ("HTTPS://Parcel.EXAMPLE/Pay", "https://parcel.example/Pay"),
    ("https://bank.example@parcel.example/x", "https://parcel.example/x"),
    ("https://u:p@parcel.example:443/x", "https://parcel.example/x"),
    ("http://parcel.example:8080/x", "http://parcel.example:8080/x"),
    ("https://parcel.example/", "https://parcel.example"),
    ("(see https://parcel.example/a_(b))", "https://parcel.example/a_(b)"),
    ("[here](https://parcel.example/z)", "https://parcel.example/z"),
    ("*https://parcel.example/x*", "https://parcel.example/x"),
    ("<https://parcel.example/x>", "https://parcel.example/x"),
    ("www.parcel.example", "www.parcel.example"),
    ("parcel.example/pay", "parcel.example/pay"),
    ("parcel.example/?id=1", "parcel.example/"),
    ("parcel.example?id=1", "parcel.example/"),
    ("http://203.0.113.5/x", "http://203.0.113.5/x"),
    ("http://0xcb007105/x", "http://203.0.113.5/x"),
    ("http://[2001:db8::1]/x", "http://[2001:db8::1]/x"),
    ("http://localhost:80/x", "http://localhost/x"),
    # disguises
    ("hxxps://parcel[.]example/a", "https://parcel.example/a"),
    ("hXXp://parcel(.)example/a", "http://parcel.example/a"),
    ("h**ps://parcel.example/a", "https://parcel.example/a"),
    ("https[:]//parcel.example/a", "https://parcel.example/a"),
    ("http//parcel.example/a", "http://parcel.example/a"),
    ("h t t p s : / / parcel.example/a", "https://parcel.example/a"),
    ("parcel (dot) example/a", "parcel.example/a"),
    ("parcel [точка] example/a", "parcel.example/a"),
    ("parcel dot example slash login", "parcel.example/login"),
    ("parcel . com/pay", "parcel.com/pay"),
    ("parcel. com/pay", "parcel.com/pay"),
    ("ｐａｒｃｅｌ．ｅｘａｍｐｌｅ／ｐａｙ", "parcel.example/pay"),
    ("https：／／parcel.example/x", "https://parcel.example/x"),
    ("parcel。example/x", "parcel.example/x"),
    ("parcel·example/x", "parcel.example/x"),
    ("par\u200bcel.exa\u00admple/x", "parcel.example/x"),
    ("\u202ehttps://parcel.example/x\u202c", "https://parcel.example/x"),
    ("𝐩𝐚𝐫𝐜𝐞𝐥.𝐞𝐱𝐚𝐦𝐩𝐥𝐞/𝐱", "parcel.example/x"),
    ("рarсel.example/x", "parcel.example/x"),  # of two scripts: nobody can register it
    ("https://аррӏе.example", "https://xn--80ak6aa92e.example"),  # of one: somebody can
    ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
    ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example"),
    ("https://пример.испытание/путь", "https://xn--e1afmkfd.xn--80akhbyknj4f/%D0%BF%D1%83%D1%82"
     "%D1%8C"),
    # glued
    ("请访问https://parcel.example/login查看", "https://parcel.example/login"),
    ("คลิกhttps://parcel.example/loginนะคะ", "https://parcel.example/login"),
    ("ဝင်ပါhttps://parcel.example/a။", "https://parcel.example/a"),
    ("https://parcel.example에서 확인", "https://parcel.example"),
    ("https://parcel.exampleから", "https://parcel.example"),
    ("https://parcel.example/xで", "https://parcel.example/x"),
    ("وhttps://parcel.example/x؟", "https://parcel.example/x"),
    ("https://parcel.example/x।", "https://parcel.example/x"),
    ("https://parcel.example/x។", "https://parcel.example/x"),
    ("www.parcel.example。请点击", "www.parcel.example"),
    ("https://parcel.example/x，谢谢", "https://parcel.example/x"),
    ("https://parcel.example.Please call", "https://parcel.example"),
    ("parcel.example/x-ზე", "parcel.example/x"),
    ("ב-parcel.example/x", "parcel.example/x"),
    ("https://parcel.example/x፣ እባክዎ", "https://parcel.example/x"),
    ("https://parcel.example։", "https://parcel.example"),
    ("https://parcel.example/pay,thanks a lot", "https://parcel.example/pay"),
    ("https://parcel.example/pay.Please call", "https://parcel.example/pay"),
    ("https://parcel.example/a,12,b.html", "https://parcel.example/a,12,b.html"),
    ("https://parcel.example/пошук/ціна։", "https://parcel.example/%D0%BF%D0%BE%D1%88%D1%83%D0%BA"
     "/%D1%86%D1%96%D0%BD%D0%B0"),
    ("«https://parcel.example/x»", "https://parcel.example/x"),
    ("https://parcel.example/x'den", "https://parcel.example/x"),
]  # fmt: skip
NAMES = [
    ("parcel.example-ში", "parcel.example"),
    ("visit parcel.example now", "parcel.example"),
    ("คลิกparcel.exampleเพื่อ", "parcel.example"),
    ("_parcel.example_", "parcel.example"),
    ("login.parcel-fee.example.", "login.parcel-fee.example"),
    ("Parcel.Example", "parcel.example"),
    ("PARCEL.EXAMPLE", "parcel.example"),
    ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
    ("parcel.co.uk, thanks", "parcel.co.uk"),
    ("parcel.co.za", "parcel.co.za"),
    ("parcel[.]example", "parcel.example"),
]
NONE = [
    "thanks.im here", "ok.Click here", "привет.дети спят", "e.g. this", "a.b.c", "Node.js",
    "invoice.pdf", "file.zip", "notes.md", "1.2.3.4", "v10.2.1", "8.30.pm", "at 5.am", "U.S.A.",
    "john.doe@parcel.example", "St.John", "Rs.500", "3.14", "他说。好的", "and/or", "...", "http://",
    "https:///x", "://", "@parcel.example", "read me . now", "DR.NICO", "Prof.Dr.Ir.Yonny",
    "09-2-2004.so", "857-0243-366.bank", "hử.thật", "ASP.NET_SessionId", "6.bank account",
    "GOOD SERVICE.SOCIAL MEDIA",
    "I like the dot com era of dots",
]  # fmt: skip


def links_in(text: str) -> list[tuple[str, bool, str]]:
    plain = spelt_out(fold(trace(text), 2))
    links = []
    for link in find_links(plain):
        start, end = plain.span(link.start, link.end)
        links.append((link.value, link.is_link, text[start:end]))
    return links


@pytest.mark.parametrize(("text", "value"), LINKS)
def test_a_link_is_normalised(text: str, value: str) -> None:
    assert may_have_links(text)
    (link,) = links_in(text)
    assert link[:2] == (value, True)
    assert links_in(link[2]) == [link]  # the span is that of the link


@pytest.mark.parametrize(("text", "value"), NAMES)
def test_a_host_name_is_normalised(text: str, value: str) -> None:
    assert may_have_links(text)
    (link,) = links_in(text)
    assert link[:2] == (value, False)


@pytest.mark.parametrize("text", NONE)
def test_other_text_is_no_link(text: str) -> None:
    assert links_in(text) == []


def test_several_links_keep_their_order() -> None:
    text = "https://a.example/x,https://b.example/y and c.example / d.example/z"
    assert [value for value, _, _ in links_in(text)] == [
        "https://a.example/x", "https://b.example/y", "c.example", "d.example/z",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["Hi mum, text me back please...", "Завтра в 10:00 у метро. Пока!"]
)
def test_ordinary_messages_are_skipped(text: str) -> None:
    assert not may_have_links(text)


@given(st.text(alphabet="ab.:/-@[]()éая例。 \u200b%?#ａ．", max_size=40))
def test_a_normalised_link_stays_the_same(text: str) -> None:
    for value, is_link, typed in links_in(text):
        assert value.isascii() and typed in text and may_have_links(text)
        assert value in [link[0] for link in links_in(value) if link[1] is is_link]


@pytest.mark.parametrize("text", ["a." * 20_000, "http://" * 5_000, "a" * 50_000, "[.] " * 9_000])
def test_long_texts_take_linear_time(text: str) -> None:
    assert len(links_in(text)) <= len(text)


# -- hosts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "plain"),
    [
        ("Login.Parcel.EXAMPLE.", "login.parcel.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--BCHER-kva.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("例子.测试", "xn--fsqu00a.xn--0zwm56d"),
        ("a。example", "a.example"),
        ("0x7f.1", "127.0.0.1"),
        ("3232235777", "192.168.1.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("[2001:DB8:0::1]", "[2001:db8::1]"),
        ("①②⑦.１", "127.0.0.1"),
        ("12", None),
        ("²", None),
        ("256.1.1.1", None),
        ("-a.example", None),
        ("a..example", None),
        ("a" * 64 + ".example", None),
        ("a b.example", None),
        ("[::g]", None),
        ("", None),
    ],
)
def test_a_host_is_normalised(host: str, plain: str | None) -> None:
    assert plain_host(host) == plain


@given(st.text(max_size=30))
@example("²")
def test_a_normalised_host_stays_the_same(host: str) -> None:
    plain = plain_host(host)
    assert plain is None or (plain.isascii() and plain_host(plain) == plain)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("a.b.parcel.example", "parcel.example"),
        ("login.parcel.co.uk", "parcel.co.uk"),
        ("a.tenant.github.io", "tenant.github.io"),
        ("tenant.blogspot.com", "tenant.blogspot.com"),
        ("github.io", None),
        ("co.uk", None),
        ("example", None),
        ("203.0.113.5", None),
        ("[2001:db8::1]", None),
        ("a.xn--fsqu00a.xn--0zwm56d", "xn--fsqu00a.xn--0zwm56d"),
    ],
)
def test_the_registered_domain(host: str, domain: str | None) -> None:
    assert registered_domain(host) == domain


@pytest.mark.parametrize(
    "host",
    [
        "a.example", "example.com", "www.example.org", "a.test", "b.local", "localhost", "router",
        "x.onion", "1.0.0.10.in-addr.arpa", "127.0.0.1", "10.1.2.3", "192.168.0.1", "203.0.113.9",
        "169.254.1.1", "[::1]", "[fe80::1]", "[2001:db8::1]", "224.0.0.1", "a.xn--0zwm56d",
    ],
)  # fmt: skip
def test_reserved_and_private_hosts(host: str) -> None:
    assert is_reserved(host)


@pytest.mark.parametrize("host", ["parcel.com", "example.co", "myexample.com", "8.8.8.8"])
def test_public_hosts(host: str) -> None:
    assert not is_reserved(host)


def test_top_level_domains() -> None:
    assert all(map(is_known_top, ("com", "vn", "example", "xn--p1ai", "xn--0zwm56d")))
    assert not any(map(is_known_top, ("pdf", "js", "please", "zz")))


def test_official_domains_are_well_formed_and_not_open_to_anybody() -> None:
    open_hosts = {"blogspot.com", "github.io", "google.com", "t.me", "wordpress.com", "x.com"}
    assert len(official_domains()) >= 300
    assert all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", name) for name in official_domains())
    assert not (open_hosts | SHORTENERS) & official_domains()
