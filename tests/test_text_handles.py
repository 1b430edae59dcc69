"""Accounts and invites on chat platforms, in links and next to words."""

from __future__ import annotations

import pytest

from scamdetect.text.handles import plain_handle
from scamdetect.text.indicators import IndicatorType, indicators_of

HANDLES = [
    ("join https://t.me/+AbCdEf123", "telegram:+AbCdEf123"),
    ("t.me/joinchat/AbCdEf123", "telegram:+AbCdEf123"),
    ("t.me/Prof_Smith?start=1", "telegram:prof_smith"),
    ("https://t.me/s/prof_smith/12", "telegram:prof_smith"),
    ("tg://resolve?domain=Evil_bot&start=1", "telegram:evil_bot"),
    ("hxxps://t[.]me/prof_smith", "telegram:prof_smith"),
    ("Contact on Telegram for details: @Prof_Smith.", "telegram:prof_smith"),
    ("@prof_smith on telegram", "telegram:prof_smith"),
    ("Telegram@prof_smith", "telegram:prof_smith"),
    ("telegram: prof_smith", "telegram:prof_smith"),
    ("Пишите в телеграм @prof_smith", "telegram:prof_smith"),
    ("تلگرام: @prof_smith", "telegram:prof_smith"),
    ("टेलीग्राम @prof_smith", "telegram:prof_smith"),
    ("加飞机：@prof_smith", "telegram:prof_smith"),
    ("https://wa.me/447700900123?text=hi", "whatsapp:+447700900123"),
    ("https://api.whatsapp.com/send?phone=447700900123&text=x", "whatsapp:+447700900123"),
    ("https://chat.whatsapp.com/AbCdEf0123456789XyZ1", "whatsapp:invite/AbCdEf0123456789XyZ1"),
    ("wa.me/message/ABCDEF123", "whatsapp:message/ABCDEF123"),
    ("เพิ่มไลน์ @shop123 นะ", "line:@shop123"),
    ("ไอดีไลน์ abc123", "line:abc123"),
    ("LINE ID: abc.99", "line:abc.99"),
    ("https://line.me/ti/p/~abc.99", "line:abc.99"),
    ("https://line.me/R/ti/p/%40shop123", "line:@shop123"),
    ("https://lin.ee/AbCdE12", "line:invite/AbCdE12"),
    ("加賴 ab123 賺錢", "line:ab123"),
    ("加微信abc_123了解", "wechat:abc_123"),
    ("加微信：wx8888 领取", "wechat:wx8888"),
    ("加v: abc12345", "wechat:abc12345"),
    ("wechat id: lucky888 ok", "wechat:lucky888"),
    ("QQ群 123456789", "qq:123456789"),
    ("카톡 아이디 invest77", "kakao:invest77"),
    ("https://open.kakao.com/o/gAbCdE", "kakao:o/gAbCdE"),
    ("zalo.me/g/abcdef123", "zalo:g/abcdef123"),
    ("Zalo: nguyen.fake1", "zalo:nguyen.fake1"),
    ("discord.gg/AbCdEf", "discord:invite/AbCdEf"),
    ("instagram.com/some.body/", "instagram:some.body"),
    ("https://www.facebook.com/profile.php?id=100012345678901", "facebook:100012345678901"),
    ("m.me/some.body", "facebook:some.body"),
    ("skype: live:.cid.abc1", "skype:live:.cid.abc1"),
    ("Signal: bob.01", "signal:bob.01"),
]
NONE = [
    "Telegram: join our group", "WeChat Pay is easy", "line up please", "@somebody hello",
    "WhatsApp: contact us today", "follow us on Instagram", "the LINE is long", "call my line 2",
    "https://t.me/share?url=x", "https://www.facebook.com/sharer/sharer.php?u=x", "赖床了",
    "https://www.instagram.com/p/AbCdEf/", "mail telegram@parcel.example", "online id 4",
    "https://wa.me/4111111111111", "微信关注 PLACE 财富", "telegram: 4111111111111111",
]  # fmt: skip


def handles(text: str) -> list[tuple[str, str]]:
    found = indicators_of(text, (IndicatorType.HANDLE,))
    return [(one.value, text[one.start : one.end]) for one in found]


@pytest.mark.parametrize(("text", "value"), HANDLES)
def test_a_handle_is_found(text: str, value: str) -> None:
    ((found, typed),) = handles(text)
    assert found == value and typed in text and typed
    assert plain_handle(value) == value


@pytest.mark.parametrize("text", NONE)
def test_other_words_are_no_handles(text: str) -> None:
    assert handles(text) == []


def test_each_platform_has_its_own_name() -> None:
    text = "Telegram: @one_guy, WhatsApp +44 7700 900123, Line ID: two99, instagram @three.x"
    assert [value for value, _ in handles(text)] == [
        "telegram:one_guy", "line:two99", "instagram:three.x",
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["telegram", "nowhere:abc", "telegram:a b", "telegram:", ""])
def test_what_is_no_handle_has_no_plain_form(value: str) -> None:
    assert plain_handle(value) is None
    assert plain_handle("Telegram:Prof_Smith") == "telegram:prof_smith"
