"""Charsets of mails: the named one, and sane guesses where it is missing or wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.dumps.mail.headers import decode

RUSSIAN = "Здравствуйте, переведите деньги на этот счёт до пятницы, пожалуйста."
THAI = "สวัสดีค่ะ กรุณาโอนเงินภายในวันศุกร์นี้นะคะ ขอบคุณค่ะ"
FRENCH = "Bonjour, l'été est arrivé : réservez dès à présent votre séjour à prix réduit."


@pytest.mark.parametrize(
    ("text", "charset", "declared"),
    [
        (RUSSIAN, "koi8-r", "KOI8-R"),
        (RUSSIAN, "cp1251", "windows-1251; format=flowed"),
        (THAI, "cp874", "windows-874"),
        (THAI, "cp874", "TIS-620"),
        ("你好，朋友", "gb18030", "gb2312"),
        ("こんにちは①", "cp932", "shift_jis"),
        ("안녕하세요 똠", "cp949", "ks_c_5601-1987"),
        ("“quotes” €5", "cp1252", "iso-8859-1"),
        ("שלום", "iso8859-8", "iso-8859-8-i"),
        ("hi", "utf-16", "utf-16"),
        ("hi", "ascii", "utf-16"),
        ("hi", "ascii", "unknown-8bit"),
        (RUSSIAN, "utf-8", "us-ascii"),
        (RUSSIAN, "utf-8-sig", "latin-1"),
    ],
)
def test_charset_that_is_named(text: str, charset: str, declared: str) -> None:
    assert decode(text.encode(charset), declared) == (text, None)


@pytest.mark.parametrize(
    ("text", "charset", "declared"),
    [
        (RUSSIAN, "cp1251", None),
        (RUSSIAN, "koi8-r", "utf-8"),
        (RUSSIAN, "utf-8", "iso-8859-1"),
        (RUSSIAN, "utf-8", "rot13"),
        (RUSSIAN, "utf-8", "punycode"),
        (RUSSIAN, "cp1251", "no-such-charset"),
        (THAI, "cp874", "utf-8"),
        (FRENCH, "cp1252", None),
        ("你好，我的朋友，请在星期五之前把钱转到这个账户。", "gb18030", None),
        ("こんにちは、今週中にお金を振り込んでください。", "iso2022_jp", None),
    ],
)
def test_charset_that_is_guessed(text: str, charset: str, declared: str | None) -> None:
    found, problem = decode(text.encode(charset), declared)
    assert found == text
    assert problem is not None


def test_one_bad_byte_does_not_change_the_charset() -> None:
    raw = RUSSIAN.encode() + b"\xff"
    assert decode(raw, "utf-8") == (RUSSIAN + "\ufffd", "some bytes are not utf-8")


@given(st.binary(max_size=50), st.none() | st.text(max_size=10) | st.sampled_from(["hz", "zlib"]))
def test_any_bytes_become_text(raw: bytes, declared: str | None) -> None:
    assert isinstance(decode(raw, declared)[0], str)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1b\ufeff")))
def test_utf8_needs_no_name(text: str) -> None:
    assert decode(text.encode()) == (text, None)
