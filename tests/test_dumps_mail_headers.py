"""Headers of mails: encoded words, senders, dates and ids, the broken ones kept."""

from __future__ import annotations

from email.header import Header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.dumps.mail import headers
from scamdetect.dumps.mail.headers import decoded, iso_time, message_ids, sender


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?caf=C3=A9?= =?utf-8?b?YmFy?= end", "cafébar end"),
        ("=?utf-8?B?4YCZ4Q==?=\r\n =?utf-8?B?gJk=?=", "မမ"),  # a character cut between two words
        ("=?windows-1251?Q?=CF=F0=E8=E2=E5=F2?=", "Привет"),
        ("=?iso-2022-jp?B?GyRCJDMbKEI=?=", "こ"),
        ("=?GB2312?B?xOO6ww==?=", "你好"),
        ("=?utf-8*en?q?caf=C3=A9?=", "café"),
        ("=?utf-8?Q?two words_here?=", "two words here"),
        ("=?utf-8?b?YmFy", "=?utf-8?b?YmFy"),
        ("=?utf-8?b?Yg==?==?utf-8?b?YmE=?=", "bba"),
        ("=?utf-8?b?YmFy =?utf-8?b?YmFy?=", "=?utf-8?b?YmFy bar"),
        ("ok =?utf-8?b?*?= =?utf-8?q?fine?=", "ok =?utf-8?b?*?= fine"),
        ("=?no-such-charset?q?caf=C3=A9?=", "café"),
        ("folded\r\n\tvalue\x00", "folded value"),
        ("caf\udcc3\udca9", "café"),  # raw UTF-8
        ("\udccf\udcf0\udce8\udce2\udce5\udcf2 \udcec\udce8\udcf0", "Привет мир"),
    ],
)
def test_decoded(value: str, expected: str) -> None:
    assert decoded(value) == expected


@pytest.mark.usefixtures("no_hang")
def test_words_without_an_end_take_no_quadratic_time(monkeypatch: pytest.MonkeyPatch) -> None:
    value = "=?a?q?x " * 300_000
    monkeypatch.setattr(headers, "_MOST_DECODED", len(value))
    assert decoded(value) == value.strip()


def test_so_much_of_a_header_is_decoded_and_no_more() -> None:
    word = "=?utf-8?q?aaaaaaaaaaaaaaaa?="
    text = decoded(f"{word} " * 20_000)
    assert text.startswith("a" * 1000) and text.endswith(f" {word} {word}")
    assert len(text) - len(text.lstrip("a")) < 100_000


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60))
def test_encoded_header_comes_back(text: str) -> None:
    encoded = Header(text, "utf-8", maxlinelen=40).encode()
    assert decoded(encoded) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ann@mail.example", (None, "ann@mail.example")),
        ('"Lee, Ann" <ann@mail.example>', ("Lee, Ann", "ann@mail.example")),
        ("Lee, Ann <ann@mail.example>", ("Lee, Ann", "ann@mail.example")),
        ("ann@mail.example (Ann Lee)", ("Ann Lee", "ann@mail.example")),
        ("=?utf-8?q?Ann_=C3=89?= <ann@mail.example>", ("Ann É", "ann@mail.example")),
        ("=?utf-8?q?Ann_=3Cann=40mail=2Eexample=3E?=", ("Ann", "ann@mail.example")),
        ('"bank@bank.example" <x@evil.example>', ("bank@bank.example", "x@evil.example")),
        ("The Bank", ("The Bank", None)),
        ("<>", ("<>", None)),
        ("", (None, None)),
        ("(" * 9000, ("(" * 9000, None)),
    ],
)
def test_sender(value: str, expected: tuple[str | None, str | None]) -> None:
    assert sender(value) == expected


@pytest.mark.usefixtures("no_hang")
def test_no_sender_takes_quadratic_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "_LONGEST", 2_000_000)
    assert sender("a" * 2_000_000) == ("a" * 2_000_000, None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Tue, 5 Mar 2024 10:00:00 +0100", "2024-03-05T10:00:00+01:00"),
        ("5 Mar 24 10:00 GMT (sent from a phone)", "2024-03-05T10:00:00+00:00"),
        ("Tue, 5 Mar 2024 10:00:00 -0000", "2024-03-05T10:00:00+00:00"),
        ("Tue, 5 Mar 2024 10:00:00", "2024-03-05T10:00:00"),
        ("2024-03-05T10:00:00Z", "2024-03-05T10:00:00+00:00"),
        ("Tue, 99 Mar 2024 10:00:00 +0100", None),
        ("Tue, 5 Mar 2024 10:00:00 +9999", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_iso_time(value: str, expected: str | None) -> None:
    assert iso_time(value) == expected


def test_message_ids() -> None:
    assert message_ids("<a@x>\r\n <b@x>") == ["a@x", "b@x"]
    assert message_ids("a@x") == ["a@x"]
    assert message_ids(" ") == []
