"""Campaigns: what is masked, what counts as one, and bounds on memory and error."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scamdetect.scored import campaigns
from scamdetect.scored.campaigns import Campaigns
from scamdetect.text.masking import mask, masked
from scamdetect.text.traced import trace

LURE = "Your parcel {} is held at customs, pay the fee of ${} at {} within {} hours, dear {}"


def _lure(number: int, name: str = "customer") -> str:
    link = f"https://fee{number}.example/p/{number}"
    return LURE.format(f"RX{number:05}GB", number % 90 + 10, link, number % 40 + 2, name)


def _counted(texts: Sequence[str]) -> Campaigns:
    found = Campaigns()
    for row, text in enumerate(texts):
        kind = "delivery" if "parcel" in text else "crypto"
        found.add_flagged(text, kinds=[kind], language="en", probability=1 / (row + 1), row=row)
    return found


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


def test_numbers_and_links_do_not_part_a_campaign() -> None:
    texts = ["hello friend, buy bitcoin"] + [_lure(number) for number in range(50)]
    (found, other) = _counted(texts).top()
    assert (found.messages, found.templates, found.first_row) == (50, 1, 1)
    assert (found.kinds, found.languages) == ({"delivery": 50}, {"en": 50})
    assert found.highest_probability == 0.5
    assert found.template.startswith("Your parcel [code] is held at customs, pay the fee of")
    assert other.messages == 1


def test_alike_templates_are_one_campaign() -> None:
    names = ["Ann", "Bob", "Charlotte", "Dave"]
    texts = [_lure(n, name) for n, name in enumerate(names)]
    (found,) = _counted([*texts, _lure(9, "Dave")]).top()
    assert (found.messages, found.templates) == (5, 4)
    assert "Dave" in found.template  # the most frequent one stands for all
    assert found.id == _counted([_lure(1, "Dave")]).top()[0].id


def test_times_are_the_first_and_the_last() -> None:
    found = Campaigns()
    for row, time in ((10, "2024-01-02"), (11, None), (12, "2024")):
        text = f"guaranteed bitcoin profit {row}"
        kinds = ["investment", "crypto"]
        found.add_flagged(text, kinds=kinds, language="en", probability=0.9, row=row, time=time)
    (campaign,) = found.top()
    assert (campaign.messages, campaign.first_row) == (3, 10)
    assert (campaign.first_time, campaign.last_time) == ("2024", "2024-01-02")
    assert campaign.kinds == {"crypto": 3, "investment": 3}


def test_top_is_cut_and_ordered() -> None:
    found = _counted(["b one two three"] * 2 + ["a four five six"] * 2 + ["c seven eight"])
    assert [c.template for c in found.top(2)] == ["b one two three", "a four five six"]
    assert [c.messages for c in found.top(at_least=2)] == [2, 2]


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), max_size=200))
def test_memory_and_error_are_bounded(numbers: list[int]) -> None:
    words = [chr(0x4E00 + n) * 5 for n in range(31)]  # none alike to another
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(campaigns, "MOST", 8)
        patch.setattr(campaigns, "KEPT", 4)
        found = _counted([words[n] for n in numbers])
        assert len(found.top()) <= 8
        assert found.messages == len(numbers)
        assert found.shortfall <= len(numbers) / 5
        seen = Counter(words[n] for n in numbers)
        counted = {c.template: c.messages for c in found.top()}
        for template, count in seen.items():
            assert count - found.shortfall <= counted.get(template, 0) <= count


def test_a_campaign_whose_every_message_differs_is_not_lost() -> None:
    names = [f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)}" for n in range(400)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(campaigns, "MOST", 40)
        patch.setattr(campaigns, "KEPT", 10)
        texts = [text for name in names for text in (_lure(1, name), chr(0x4E00 + len(name)))]
        found = _counted(texts)
    first, second = found.top(2)
    assert [first.messages, second.messages] == [400, 400]
    assert found.shortfall == 0
    assert "parcel" in (first.template + second.template)


@given(st.text(st.sampled_from("ab1 .@_/:+[]é你\u200b\u0301🎁\n0-"), max_size=80))
def test_a_masked_text_can_tell_where_it_comes_from(text: str) -> None:
    traced = masked(trace(text))
    assert traced == masked(text)
    assert len(traced.offsets) == len(traced) + 1
    assert list(traced.offsets) == sorted(traced.offsets)
