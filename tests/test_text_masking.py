"""What is masked in messages that people may see, and what is left."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect.text.masking import mask, masked
from scamdetect.text.traced import trace


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Pay $5,000.00 to +1 415 555 0101", "Pay $[number] to [phone]"),
        ("Ask jo.do@mail.example or @jo_do or jo_do_9", "Ask [email] or [handle] or [handle]"),
        ("Go to https://a.b.example/x?q=1 now", "Go to [link] now"),
        ("OTP 482913, ref X7K2P9, acct 1234567890123", "OTP [number], ref [code], acct [number]"),
        ("0x52908400098527886E0F7030069857D2E4169EE7", "[code]"),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq!", "[code]!"),
        ("请加微信abc12345 转账50万元", "请加微信[code] 转账[number]万元"),
        ("โอน ๕๐๐ บาท", "โอน [number] บาท"),
        ("two\n\n lines,  12.05.2024 10:30", "two lines, [number]"),
        ("", ""),
    ],
)
def test_mask_keeps_words_alone(text: str, expected: str) -> None:
    assert mask(text) == expected


@settings(deadline=None)
@given(st.text(max_size=300))
def test_masked_text_is_short_and_has_no_digit(text: str) -> None:
    masked = mask(text)
    assert len(masked) <= 200
    assert not any(character.isdecimal() for character in masked)
    json.dumps(masked, ensure_ascii=False).encode("utf-8")


def test_what_is_cut_off_cannot_uncover_an_address() -> None:
    assert mask("\u200b" * 1990 + " john.smith@mail.example") == ""
    assert mask("word " * 39 + "12345 and more").endswith("word …")


@given(st.text(st.sampled_from("ab1 .@_/:+[]é你\u200b\u0301🎁\n0-"), max_size=80))
def test_a_masked_text_can_tell_where_it_comes_from(text: str) -> None:
    traced = masked(trace(text))
    assert traced == masked(text)
    assert len(traced.offsets) == len(traced) + 1
    assert list(traced.offsets) == sorted(traced.offsets)
