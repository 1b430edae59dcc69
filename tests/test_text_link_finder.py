"""Links as they are typed, disguised and glued to other text, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.text.link_disguises import may_have_links, spelt_out
from scamdetect.text.link_finder import find_links
from scamdetect.text.normalise import fold
from scamdetect.text.traced import trace

LINKS = [
    # as typed, the value, the part that is the link
    ("Pay at https://parcel.example/pay?id=3#x.", "https://parcel.example/pay", None),
    ("HTTPS://Parcel.EXAMPLE/Pay", "https://parcel.example/Pay", None),
    ("https://bank.example@parcel.example/x", "https://parcel.example/x", None),
    ("https://u:p@parcel.example:443/x", "https://parcel.example/x", None),
    ("http://parcel.example:8080/x", "http://parcel.example:8080/x", None),
    ("https://parcel.example/", "https://parcel.example", None),
    ("(see https://parcel.example/a_(b))", "https://parcel.example/a_(b)", None),
    ("[here](https://parcel.example/z)", "https://parcel.example/z", None),
    ("*https://parcel.example/x*", "https://parcel.example/x", None),
    ("<https://parcel.example/x>", "https://parcel.example/x", None),
    ("www.parcel.example", "www.parcel.example", None),
    ("parcel.example/pay", "parcel.example/pay", None),
    ("parcel.example/?id=1", "parcel.example/", None),
    ("parcel.example?id=1", "parcel.example/", None),
    ("http://203.0.113.5/x", "http://203.0.113.5/x", None),
    ("http://0xcb007105/x", "http://203.0.113.5/x", None),
    ("http://[2001:db8::1]/x", "http://[2001:db8::1]/x", None),
    ("http://localhost:80/x", "http://localhost/x", None),
    # disguises
    ("hxxps://parcel[.]example/a", "https://parcel.example/a", None),
    ("hXXp://parcel(.)example/a", "http://parcel.example/a", None),
    ("h**ps://parcel.example/a", "https://parcel.example/a", None),
    ("https[:]//parcel.example/a", "https://parcel.example/a", None),
    ("http//parcel.example/a", "http://parcel.example/a", None),
    ("h t t p s : / / parcel.example/a", "https://parcel.example/a", None),
    ("parcel (dot) example/a", "parcel.example/a", None),
    ("parcel [точка] example/a", "parcel.example/a", None),
    ("parcel dot example slash login", "parcel.example/login", None),
    ("parcel . com/pay", "parcel.com/pay", None),
    ("parcel. com/pay", "parcel.com/pay", None),
    ("ｐａｒｃｅｌ．ｅｘａｍｐｌｅ／ｐａｙ", "parcel.example/pay", None),
    ("https：／／parcel.example/x", "https://parcel.example/x", None),
    ("parcel。example/x", "parcel.example/x", None),
    ("parcel·example/x", "parcel.example/x", None),
    ("par\u200bcel.exa\u00admple/x", "parcel.example/x", None),
    ("\u202ehttps://parcel.example/x\u202c", "https://parcel.example/x", None),
    ("𝐩𝐚𝐫𝐜𝐞𝐥.𝐞𝐱𝐚𝐦𝐩𝐥𝐞/𝐱", "parcel.example/x", None),
    ("рarсel.example/x", "parcel.example/x", None),  # of two scripts: nobody can register it
    ("https://аррӏе.example", "https://xn--80ak6aa92e.example", None),  # of one: somebody can
    ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC", None),
    ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example", None),
    ("https://пример.испытание/путь", "https://xn--e1afmkfd.xn--80akhbyknj4f/%D0%BF%D1%83%D1%82"
     "%D1%8C", None),
    # glued
    ("请访问https://parcel.example/login查看", "https://parcel.example/login", None),
    ("คลิกhttps://parcel.example/loginนะคะ", "https://parcel.example/login", None),
    ("ဝင်ပါhttps://parcel.example/a။", "https://parcel.example/a", None),
    ("https://parcel.example에서 확인", "https://parcel.example", None),
    ("https://parcel.exampleから", "https://parcel.example", None),
    ("https://parcel.example/xで", "https://parcel.example/x", None),
    ("وhttps://parcel.example/x؟", "https://parcel.example/x", None),
    ("https://parcel.example/x।", "https://parcel.example/x", None),
    ("https://parcel.example/x។", "https://parcel.example/x", None),
    ("www.parcel.example。请点击", "www.parcel.example", None),
    ("https://parcel.example/x，谢谢", "https://parcel.example/x", None),
    ("https://parcel.example.Please call", "https://parcel.example", None),
    ("parcel.example/x-ზე", "parcel.example/x", None),
    ("ב-parcel.example/x", "parcel.example/x", None),
    ("https://parcel.example/x፣ እባክዎ", "https://parcel.example/x", None),
    ("https://parcel.example։", "https://parcel.example", None),
    ("https://parcel.example/pay,thanks a lot", "https://parcel.example/pay", None),
    ("https://parcel.example/pay.Please call", "https://parcel.example/pay", None),
    ("https://parcel.example/a,12,b.html", "https://parcel.example/a,12,b.html", None),
    ("https://parcel.example/пошук/ціна։", "https://parcel.example/%D0%BF%D0%BE%D1%88%D1%83%D0%BA"
     "/%D1%86%D1%96%D0%BD%D0%B0", None),
    ("«https://parcel.example/x»", "https://parcel.example/x", None),
    ("https://parcel.example/x'den", "https://parcel.example/x", None),
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
    found = []
    for link in find_links(plain):
        start, end = plain.span(link.start, link.end)
        found.append((link.value, link.is_link, text[start:end]))
    return found


@pytest.mark.parametrize(("text", "value", "typed"), LINKS)
def test_a_link_is_found_in_its_plain_form(text: str, value: str, typed: str | None) -> None:
    assert may_have_links(text)
    (found,) = links_in(text)
    assert found[:2] == (value, True)
    assert links_in(found[2]) == [found]  # the place is that of the link


@pytest.mark.parametrize(("text", "value"), NAMES)
def test_the_name_of_a_host_is_found(text: str, value: str) -> None:
    assert may_have_links(text)
    (found,) = links_in(text)
    assert found[:2] == (value, False)


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_link_is_none(text: str) -> None:
    assert links_in(text) == []


def test_several_links_are_found_in_their_order() -> None:
    text = "https://a.example/x,https://b.example/y and c.example / d.example/z"
    assert [value for value, _, _ in links_in(text)] == [
        "https://a.example/x", "https://b.example/y", "c.example", "d.example/z",
    ]  # fmt: skip


def test_ordinary_messages_are_told_at_once() -> None:
    for text in (
        "Hi mum, I dropped my phone. See you at 8.30, text me back please...",
        "您好，我在家。今天下午三点见面可以吗？请带上文件。谢谢你",
        "Привет. Как дела? Завтра в 10.00 у метро.",
    ):
        assert not may_have_links(text)


_LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
_PATH = st.from_regex(r"(/[A-Za-z0-9._~%-]{1,8}){0,3}", fullmatch=True)


@given(
    st.sampled_from(["http", "https"]),
    st.lists(_LABEL, min_size=1, max_size=3),
    _PATH,
    st.sampled_from(["", "?q=1", "#a", "?a=b&c=d#e"]),
    st.sampled_from([("", ""), ("see ", " now"), ("请看", "谢谢"), ("ดู", "ครับ"), ("(", ")")]),
)
def test_any_link_comes_back(
    scheme: str, labels: list[str], path: str, query: str, around: tuple[str, str]
) -> None:
    link = f"{scheme}://{'.'.join(labels)}.example{path}"
    found = links_in(f"{around[0]}{link}{query}{around[1]}")
    value = link.rstrip("./-~_") if not query else link.removesuffix("/")
    assert len(found) == 1
    assert found[0][0].rstrip("./-~_") == value.rstrip("./-~_")
    again = links_in(found[0][0])
    assert [one[0] for one in again] == [found[0][0]]


@given(st.text(alphabet="ab.:/-@[]()éая例。 \u200b%?#ａ．", max_size=40))
def test_no_text_breaks_the_finder(text: str) -> None:
    for value, is_link, typed in links_in(text):
        assert value.isascii() and typed in text
        again = [one for one in links_in(value) if one[1] is is_link]
        assert [one[0] for one in again] == [value]


@pytest.mark.parametrize("text", ["a." * 20_000, "http://" * 5_000, "a" * 50_000, "[.] " * 9_000])
def test_long_texts_cost_no_square_of_their_length(text: str) -> None:
    assert len(links_in(text)) <= len(text)
