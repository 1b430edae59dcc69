"""Find accounts and invites on chat platforms in links to them, as ``platform:name``.

Names are lower-cased, invite codes are kept as written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from scamdetect.text.link_finder import Link, split_link
from scamdetect.text.numbers import has_card, is_card, plain_phone

# Platform, its sites, and a pattern of the link without its scheme: group ``name`` is an account,
# ``code`` an invite, ``number`` a phone number.
_TABLE = r"""
telegram  t.me,telegram.me,telegram.dog  \w+\.\w+/(?:\+|joinchat/)(?P<code>CODE)
telegram  t.me,telegram.me,telegram.dog  \w+\.\w+/(?:s/)?(?P<name>[A-Za-z]\w{3,31})(?:/\d+)?
telegram  t.me  (?P<name>[a-z]\w{3,31})\.t\.me
whatsapp  wa.me  wa\.me/\+?(?P<number>\d{7,15})
whatsapp  wa.me  wa\.me/(?P<code>(?:message|qr|channel|c)/CODE)
whatsapp  whatsapp.com  \w+\.whatsapp\.com/send/?\?(?:.*&)?phone=(?:\+|%2b)?(?P<number>\d{7,15})\b.*
whatsapp  whatsapp.com  chat\.whatsapp\.com/(?:invite/)?(?P<code>[A-Za-z0-9]{12,30})
whatsapp  whatsapp.com  (?:www\.)?whatsapp\.com/(?P<code>(?:channel|catalog)/CODE)
line  line.me  line\.me/(?:r/)?ti/p/~(?P<name>[\w.-]{2,32})
line  line.me  line\.me/(?:r/)?(?:ti|oaMessage)/(?:p/)?(?P<name>@[\w.-]{2,32})/?
line  line.me  (?:page\.)?line\.me/(?:R/)?ti/(?P<code>(?:p|g2?)/[\w-]{4,64})
line  lin.ee  lin\.ee/(?P<code>CODE)
zalo  zalo.me  zalo\.me/(?P<code>g/\w{4,32})
zalo  zalo.me  (?:chat\.)?zalo\.me/(?P<name>\w{4,32})
kakao  kakao.com  open\.kakao\.com/(?P<code>(?:o|me)/CODE)
kakao  kakao.com  pf\.kakao\.com/(?P<code>_CODE)
kakao  kakao.com  qr\.kakao\.com/(?P<code>talk/CODE)
wechat  wechat.com  u\.wechat\.com/(?P<code>CODE)
wechat  qq.com  weixin\.qq\.com/(?P<code>[rg]/CODE)
viber  viber.com  invite\.viber\.com/\?(?:.*&)?g2?=(?P<code>[\w%.-]{5,80})
viber  viber.com,vb.me  (?:chats\.viber\.com|vb\.me)/(?P<code>CODE)
signal  signal.me  signal\.me/#p/\+(?P<number>\d{7,15})
signal  signal.me,signal.group  signal\.(?:me|group)/#(?:eu/)?(?P<code>[\w-]{8,128})
discord  discord.gg,discord.com,discordapp.com  discord(?:\.gg|(?:app)?\.com/invite)/(?P<code>CODE)
instagram  instagram.com  (?:www\.)?instagram\.com/(?P<name>[A-Za-z0-9_][\w.]{1,29})/?
instagram  ig.me  ig\.me/m/(?P<name>[\w.]{2,30})
facebook  m.me  m\.me/(?P<name>[\w.]{3,50})
facebook  facebook.com,fb.com  (?:www\.|m\.|web\.)?\w+\.com/(?P<name>[A-Za-z0-9][\w.]{3,49})/?
facebook  facebook.com  (?:www\.|m\.)?facebook\.com/profile\.php\?(?:.*&)?id=(?P<name>\d{5,20})\b.*
facebook  facebook.com  (?:www\.|m\.)?facebook\.com/(?P<code>groups/CODE)/?
tiktok  tiktok.com  (?:www\.|m\.)?tiktok\.com/@(?P<name>[\w.]{2,24})/?
x  twitter.com,x.com  (?:www\.|mobile\.)?(?:twitter|x)\.com/(?P<name>\w{2,15})/?
snapchat  snapchat.com  (?:www\.)?snapchat\.com/(?:add|t)/(?P<name>[\w.-]{3,15})/?
skype  skype.com  join\.skype\.com/(?P<code>(?:invite/)?CODE)
vk  vk.com,vk.me  (?:m\.)?vk\.(?:com|me)/(?P<name>[A-Za-z][\w.]{2,31})
""".replace("CODE", r"[\w-]{5,64}")
_PATTERNS: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # by host
for _platform, _hosts, _link in map(str.split, _TABLE.strip().splitlines()):
    for _host in _hosts.split(","):
        _PATTERNS.setdefault(_host, []).append((_platform, re.compile(_link, re.IGNORECASE)))
PLATFORMS = {platform for patterns in _PATTERNS.values() for platform, _ in patterns}
PLATFORM_HOSTS = frozenset(_PATTERNS)
_APP_LINK = re.compile(
    r"(?P<telegram>tg)://(?:resolve/?\?(?:\S*?&)?domain=(?P<name>\w{4,32})"
    r"|join/?\?invite=(?P<code>[\w-]{5,64}))"
    r"|(?P<whatsapp>whatsapp)://send/?\?(?:\S*?&)?phone=\+?(?P<number>\d{7,15})"
    r"|(?P<line>line)://ti/p/[~@]?(?P<line_name>[\w.-]{2,32})",
    re.IGNORECASE,
)
# Paths of a platform's own pages.
_NO_NAMES = frozenset(
    """
    about account accounts addlist addstickers apps auth business call channel chat chats contact
    contacts direct download events explore feed gaming group groups hashtag help home intent invite
    join joinchat legal link login marketplace me message messages messenger news number official
    pages people photo photos policies privacy profile.php proxy public reel reels search send
    settings share sharer sharer.php socks stickers stories story support terms today tv user video
    videos watch web
    """.split()
)


def find_handles(text: str, links: Sequence[Link]) -> Iterator[tuple[str, int, int]]:
    """Yield the accounts and invites in the links of a folded text, each with its span.

    Raises MissingExtraError.
    """
    for link in links:
        value = _in_link(link, text[link.start : link.end])
        if value is not None:
            yield value, link.start, link.end
    for match in _APP_LINK.finditer(text) if "://" in text else ():
        groups = match.groupdict()
        platform = next(name for name in ("telegram", "whatsapp", "line") if groups[name])
        value = _value(platform, groups | {"name": groups["name"] or groups["line_name"]})
        if value is not None:
            yield value, *match.span()


def plain_handle(value: str) -> str | None:
    """Return ``platform:name`` in its normal form, or None if invalid."""
    platform, colon, name = value.partition(":")
    platform = platform.lower()
    if not colon or platform not in PLATFORMS or not re.fullmatch(r"[\w.@+/:%#-]{2,130}", name):
        return None
    is_code = "/" in name or name.startswith("+")
    plain = name if is_code else name.lower()
    return f"{platform}:{plain}" if is_code or not has_card(plain) else None


def _in_link(link: Link, typed: str) -> str | None:
    path = unquote(split_link(link.value)[1])
    query = re.search(r"[?#].*", typed)
    host = link.host.removeprefix("www.")
    patterns = _PATTERNS.get(host) or _PATTERNS.get(".".join(host.split(".")[-2:]), [])
    for platform, pattern in patterns:
        match = pattern.fullmatch(path + (query[0] if query else "")) or pattern.fullmatch(path)
        value = None if match is None else _value(platform, match.groupdict())
        if value is not None:
            return value
    return None


def _value(platform: str, groups: dict[str, str | None]) -> str | None:
    number, code, name = (groups.get(key) or "" for key in ("number", "code", "name"))
    if number:
        phone = plain_phone(f"+{number}")
        trusted = phone is not None and (phone[1] or not is_card(number))
        return f"{platform}:{phone[0]}" if phone is not None and trusted else None
    if has_card(code or name):
        return None
    if code:
        prefix = "+" if platform == "telegram" else "" if "/" in code else "invite/"
        return f"{platform}:{prefix}{code}"
    name = name.strip(".").lower()
    return None if name in _NO_NAMES or len(name) < 2 else f"{platform}:{name}"
