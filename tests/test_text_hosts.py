"""Hosts: their plain form, the registered domain, what is reserved."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scamdetect.text.hosts import is_known_top, is_reserved, plain_host, registered_domain


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
def test_the_plain_form(host: str, plain: str | None) -> None:
    assert plain_host(host) == plain


@given(st.text(max_size=30))
@example("²")
def test_a_plain_host_is_its_own_plain_form(host: str) -> None:
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


def test_top_level_domains_are_those_of_the_list_and_the_reserved() -> None:
    assert all(map(is_known_top, ("com", "vn", "example", "xn--p1ai", "xn--0zwm56d")))
    assert not any(map(is_known_top, ("pdf", "js", "please", "zz")))
