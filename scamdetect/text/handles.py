"""Find accounts and invites on chat platforms, as ``platform:name``.

Links to a platform contain an account or an invite; a name in plain text counts next to a word for
the platform. Names are lower-cased, invite codes are kept as written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote

from scamdetect.text.chat_platforms import PLATFORMS
from scamdetect.text.link_finder import Link, split_link
from scamdetect.text.numbers import has_card, is_card, plain_phone


class Handle(NamedTuple):
    """An account or invite in its normal form, and its place in the text."""

    value: str
    start: int
    end: int


_APP_LINK = re.compile(
    r"tg://(?:resolve/?\?(?:\S*?&)?domain=(?P<telegram>\w{4,32})|join/?\?invite=(?P<invite>[\w-]{5,64}))"
    r"|whatsapp://send/?\?(?:\S*?&)?phone=\+?(?P<whatsapp>\d{7,15})"
    r"|line://ti/p/[~@]?(?P<line>[\w.-]{2,32})",
    re.IGNORECASE,
)
# Parts of a platform's own site, and words that follow its name.
_NO_NAMES = frozenset(
    """
    about account accounts addlist addstickers apps auth business call channel chat chats click com
    contact contacts direct download events explore explore1 feed gaming group groups hashtag help
    here home intent invite join joinchat legal link login marketplace me message messages messenger
    news now number official only or pages people photo photos policies privacy profile.php proxy
    public reel reels search send settings share sharer sharer.php socks stickers stories story
    support terms the through today tv user via video videos watch web with your you
    """.split()
)
_AFTER_WORD = re.compile(r"[^\n@]{0,40}?(?<![A-Za-z0-9])@(?!\s)")
_ID = (
    r"(?:ids?\b|user ?names?\b|account\b|contact\b|nick\w*\b|номер|ник|аккаунт|号码?|號碼?"
    r"|账号|帳號|アカウント|ไอดี|아이디|아뒤|계정|नंबर|آي ?دي|ایدی|آیدی|معرف|ကိုယ်ပိုင်)"
)
_JOINT = re.compile(
    rf" ?(?:(?:[^\W\x00-\x7f]{{1,8}}? ?)??(?P<id>{_ID})|[^\W\x00-\x7f]{{1,8}})? ?"
    r"(?:is|là|es|adalah|は|是|为|為|คือ)? ?"
    r"(?P<sign>[:：=>→➡👉-]|[【\[(（「]|是)? *[:：=>→👉【\[(（]? *",
    re.IGNORECASE,
)
_BEFORE_WORD = re.compile(
    r"(?<![\w@.])@(?P<name>[A-Za-z0-9_][A-Za-z0-9_.]{2,31})[ ,]?\(?(?:on|in|at|via|по|в|на|en|no|di"
    r"|trên|qua|w|sur|auf|su|op|で|ใน)? ?\(?$",
    re.IGNORECASE,
)
_LETTERS = re.compile("[a-z]+")
# Words for platforms that are in ASCII, or an ASCII part of them.
_LATIN_WORDS = frozenset(
    """
    tg tele line zalo lo kakao kakaotalk wechat weixin xin chat wx vx qq viber signal discord
    instagram insta ig facebook fb messenger tik tiktok twitter snap snapchat skype vk vkontakte
    """.split()
)
_CJK = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)


def may_have_handles(text: str) -> bool:
    """Return False if a text, as written, cannot contain an account next to a word; fast."""
    if not text.isascii():
        return _words().search(text) is not None
    low = text.lower()
    return "telegr" in low or not _LATIN_WORDS.isdisjoint(_LETTERS.findall(low))


def find_handles(text: str, links: Sequence[Link]) -> Iterator[Handle]:
    """Yield the accounts and invites of a folded text and of its links, unordered."""
    for link in links:
        value = _of_link(link, text[link.start : link.end])
        if value is not None:
            yield Handle(value, link.start, link.end)
    if "://" in text:
        yield from _of_app_links(text)
    yield from _of_words(text, links)


def plain_handle(value: str) -> str | None:
    """Return ``platform:name`` in its normal form, or None if invalid."""
    platform, colon, name = value.partition(":")
    platform = platform.lower()
    if not colon or platform not in PLATFORMS or not re.fullmatch(r"[\w.@+/:%#-]{2,130}", name):
        return None
    if "/" in name or name.startswith("+"):
        return f"{platform}:{name}"
    known = PLATFORMS[platform].name
    is_name = known and re.fullmatch(known, name.removeprefix("@") if platform != "line" else name)
    plain = name.lower() if is_name else name
    return None if has_card(plain) else f"{platform}:{plain}"


def _of_link(link: Link, typed: str) -> str | None:
    host, bare = link.host, split_link(link.value)[1]
    query = re.search(r"[?#].*", typed)
    where = unquote(bare) + (query[0] if query else "")
    for platform, pattern in _links().get(host.removeprefix("www."), ()) or _links().get(
        ".".join(host.split(".")[-2:]), ()
    ):
        match = pattern.fullmatch(where) or pattern.fullmatch(unquote(bare))
        if match is None:
            continue
        value = _value(platform, match)
        if value is not None:
            return value
    return None


def _value(platform: str, match: re.Match[str]) -> str | None:
    groups = {name: value for name, value in match.groupdict().items() if value}
    if "number" in groups:
        return _of_number(platform, groups["number"])
    if has_card(match[0]):
        return None
    if "code" in groups:
        code = groups["code"]
        if platform == "telegram":
            return f"telegram:+{code}"
        return f"{platform}:{code}" if "/" in code else f"{platform}:invite/{code}"
    name = groups["name"].strip(".").lower()
    return None if name in _NO_NAMES or len(name) < 2 else f"{platform}:{name}"


def _of_number(platform: str, digits: str) -> str | None:
    """Return the account of a phone number, or None if no numbering plan allows it."""
    phone = plain_phone(f"+{digits}")
    if phone is None or (is_card(digits) and not phone[1]):
        return None
    return f"{platform}:{phone[0]}"


def _of_app_links(text: str) -> Iterator[Handle]:
    for match in _APP_LINK.finditer(text):
        groups = match.groupdict()
        if groups["telegram"]:
            yield Handle(f"telegram:{groups['telegram'].lower()}", *match.span())
        elif groups["invite"]:
            yield Handle(f"telegram:+{groups['invite']}", *match.span())
        elif groups["whatsapp"]:
            value = _of_number("whatsapp", groups["whatsapp"])
            if value is not None:
                yield Handle(value, *match.span())
        elif groups["line"]:
            yield Handle(f"line:{groups['line'].lower()}", *match.span())


def _of_words(text: str, links: Sequence[Link]) -> Iterator[Handle]:
    """Yield the names next to words for platforms, except words in links."""
    inside = [(link.start, link.end) for link in links]
    words = [
        word
        for word in _words().finditer(text)
        if not any(start <= word.start() < end for start, end in inside)
    ]
    done = 0
    for number, word in enumerate(words):
        limit = words[number + 1].start() if number + 1 < len(words) else len(text)
        platform = word.lastgroup
        assert platform is not None
        before = _BEFORE_WORD.search(text, max(done, word.start() - 48), word.start())
        found = _after(text, word.end(), limit, platform) if word.end() >= done else None
        if found is None and before is not None:
            found = Handle(
                f"{platform}:{before['name'].strip('.').lower()}",
                before.start(),
                before.end("name"),
            )
        if found is not None and not any(a <= found.start < b for a, b in inside):
            done = max(done, found.end)
            yield found


def _after(text: str, start: int, limit: int, platform: str) -> Handle | None:
    """Return the name after a word for its platform, up to the next such word."""
    look = PLATFORMS[platform].name
    joint = _JOINT.match(text, start)
    assert joint is not None
    at = _AFTER_WORD.match(text, start)
    glued = text.startswith("@", start)  # as in Telegram@name, unless it is an address
    if glued or (at is not None and at.end() <= limit):
        place = start + 1 if glued or at is None else at.end()
        name = re.compile(look.removeprefix("@?"), re.ASCII).match(text, place)
        if name is not None and not (glued and re.match(r"\.\w", text[name.end() :])):
            keep = "@" if platform == "line" else ""
            return _named(text, platform, keep, place - 1, name)
    if joint.end() > limit and limit > start:
        return None
    name = re.compile(look, re.ASCII).match(text, joint.end())
    if name is None or name.end() > max(limit, joint.end()):
        return None
    cjk = _CJK.search(text, start - 2, start + 1) is not None
    if not (joint["id"] or joint["sign"] or cjk):
        return None
    if not (joint["id"] or cjk) and not _stands_alone(text, name):
        return None
    return _named(text, platform, "", name.start(), name)


def _named(text: str, platform: str, keep: str, start: int, match: re.Match[str]) -> Handle | None:
    name = match[0].rstrip("._-,")
    if name.lower() in _NO_NAMES or len(name) < 3 or re.match(r"[\w.+-]*@\w", text[match.end() :]):
        return None
    if name.isdecimal() and platform != "qq" or has_card(name):
        return None
    if name.isalpha() and name.isupper() and text[start] != "@":
        return None  # the next word of a text in capitals
    return Handle(f"{platform}:{keep}{name.lower()}", start, match.start() + len(name))


def _stands_alone(text: str, name: re.Match[str]) -> bool:
    """Return True if a word looks like an account name rather than the next word of a text."""
    if any(c in "0123456789_" for c in name[0]):
        return True
    return re.match(r"\s*(?:$|\n|[.,;!?)\]】）。，]+(?:\s|$))", text[name.end() :]) is not None


@cache
def _words() -> re.Pattern[str]:
    named = (f"(?P<{name}>{one.words})" for name, one in PLATFORMS.items() if one.words)
    # Composed as in a folded text.
    return re.compile(unicodedata.normalize("NFC", "|".join(named)), re.IGNORECASE)


@cache
def _links() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Return the patterns by their hosts."""
    return {
        host: [(platform, re.compile(link, re.IGNORECASE)) for link in one.links]
        for platform, one in PLATFORMS.items()
        for host in one.hosts
    }
