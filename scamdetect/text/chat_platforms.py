"""Chat platforms and social networks: their links, the words that announce a name, the names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Platform:
    """How links to a platform and the names on it look.

    ``hosts`` are its sites. In ``links``, patterns of host, path and query, group ``name`` is an
    account, ``code`` an invite and ``number`` a phone number. ``words`` announce a name, ``name``
    matches one.
    """

    hosts: tuple[str, ...]
    links: tuple[str, ...]
    words: str
    name: str


_CODE = r"[\w-]{5,64}"
PLATFORMS = {
    "telegram": Platform(
        ("t.me", "telegram.me", "telegram.dog"),
        (
            rf"(?:t|telegram)\.(?:me|dog)/(?:\+|joinchat/)(?P<code>{_CODE})",
            r"(?:t|telegram)\.(?:me|dog)/(?:s/)?(?P<name>[A-Za-z]\w{3,31})(?:/\d+)?",
            r"(?P<name>[a-z]\w{3,31})\.t\.me",
        ),
        r"\b(?:telegra?ms?\w{0,3}|telegrm|telegran|tg|tele)\b|телеграмм?|телег[аеуи]|телега|\bтг\b"
        r"|电报|電報|飞机|飛機|紙飛機|纸飞机|텔레그램|텔레|テレグラム"
        r"|تلگرام|تي?ل[يی]?[جغق]?رام|ٹیلی ?گرام"
        r"|टेलीग्राम|टेलिग्राम|টেলিগ্রাম|เทเลแกรม|เทเลเเกรม|តេឡេក្រាម"
        r"|တယ်လီဂရမ်|டெலிகிராம்|טלגרם|ටෙලිග්‍රෑම්",
        r"[A-Za-z]\w{3,31}",
    ),
    "whatsapp": Platform(
        ("wa.me", "whatsapp.com"),
        (
            r"wa\.me/\+?(?P<number>\d{7,15})",
            rf"wa\.me/(?P<code>(?:message|qr|channel|c)/{_CODE})",
            r"(?:api|web)\.whatsapp\.com/send/?\?(?:[^#]*&)?phone=(?:\+|%2b)?"
            r"(?P<number>\d{7,15})\b.*",
            r"chat\.whatsapp\.com/(?:invite/)?(?P<code>[A-Za-z0-9]{12,30})",
            rf"(?:www\.)?whatsapp\.com/(?P<code>(?:channel|catalog)/{_CODE})",
        ),
        "",
        "",
    ),
    "line": Platform(
        ("line.me", "lin.ee"),
        (
            r"line\.me/(?:r/)?ti/p/~(?P<name>[\w.-]{2,32})",
            r"line\.me/(?:r/)?(?:ti|oaMessage)/(?:p/)?(?P<name>@[\w.-]{2,32})/?",
            r"(?:page\.)?line\.me/(?:R/)?ti/(?P<code>(?:p|g2?)/[\w-]{4,64})",
            rf"lin\.ee/(?P<code>{_CODE})",
        ),
        r"(?-i:\bLINE\b|\bLine\b)|\bline ?id\b|(?:add|แอด|เพิ่ม) ?line\b|加 ?line\b"
        r"|ไล(?:น์|น)|[賴赖](?!皮|床|在)|ライン|라인|လိုင်း",
        r"@?[A-Za-z0-9][A-Za-z0-9._-]{2,31}",
    ),
    "zalo": Platform(
        ("zalo.me",),
        (
            r"zalo\.me/(?P<code>g/\w{4,32})",
            r"(?:chat\.)?zalo\.me/(?P<name>\w{4,32})",
        ),
        r"\bzalo\b|\bda lo\b",
        r"[A-Za-z][\w.]{3,31}",
    ),
    "kakao": Platform(
        ("kakao.com",),
        (
            rf"open\.kakao\.com/(?P<code>(?:o|me)/{_CODE})",
            rf"pf\.kakao\.com/(?P<code>_{_CODE})",
            rf"qr\.kakao\.com/(?P<code>talk/{_CODE})",
        ),
        r"\bkakao(?: ?talk)?\b|카카오톡?|카톡|까톡|ㅋㅏ톡|오픈채팅|플친|친추",
        r"[A-Za-z0-9][A-Za-z0-9._-]{3,19}",
    ),
    "wechat": Platform(
        ("wechat.com", "qq.com"),
        (
            rf"u\.wechat\.com/(?P<code>{_CODE})",
            rf"weixin\.qq\.com/(?P<code>[rg]/{_CODE})",
        ),
        r"\b(?:wechat|weixin|wei xin|we chat)\b|(?<![A-Za-z])(?:wx|vx|v信|v❤)(?![A-Za-z0-9])"
        r"|[微薇威徽溦]信|卫星号?|加 ?[vｖ➕](?![A-Za-z])|위챗|วีแชท",
        r"[A-Za-z][A-Za-z0-9_-]{4,19}",
    ),
    "qq": Platform(
        (),
        (), r"(?<![A-Za-z])qq(?:群|号|號)?(?![A-Za-z])|扣扣|企鹅", r"[1-9]\d{4,11}"),
    "viber": Platform(
        ("viber.com", "vb.me"),
        (
            r"invite\.viber\.com/\?(?:.*&)?g2?=(?P<code>[\w%.-]{5,80})",
            rf"(?:chats\.viber\.com|vb\.me)/(?P<code>{_CODE})",
        ),
        r"\bviber\b|вайбер\w?",
        r"[A-Za-z]\w{3,31}",
    ),
    "signal": Platform(
        ("signal.me", "signal.group"),
        (
            r"signal\.me/#p/\+(?P<number>\d{7,15})",
            r"signal\.(?:me|group)/#(?:eu/)?(?P<code>[\w-]{8,128})",
        ),
        r"\bsignal\b(?=[: @])",
        r"[A-Za-z_]\w{2,31}\.\d{2,9}",
    ),
    "discord": Platform(
        ("discord.gg", "discord.com", "discordapp.com"),
        (rf"discord(?:\.gg|(?:app)?\.com/invite)/(?P<code>{_CODE})",),
        r"\bdiscord\b|дискорд",
        r"[A-Za-z0-9_][A-Za-z0-9_.]{1,31}(?:#\d{4})?",
    ),
    "instagram": Platform(
        ("instagram.com", "ig.me"),
        (
            r"(?:www\.)?instagram\.com/(?P<name>[A-Za-z0-9_][\w.]{1,29})/?",
            r"ig\.me/m/(?P<name>[\w.]{2,30})",
        ),
        r"\b(?:instagram|insta|ig)\b|инстаграм\w?|инст[аеу]|인스타(?:그램)?|インスタ"
        r"|انستا\w*|اینستا\w*|ไอจี|इंस्टाग्राम|ইনস্টাগ্রাম",
        r"[A-Za-z0-9_][A-Za-z0-9_.]{2,29}",
    ),
    "facebook": Platform(
        ("m.me", "facebook.com", "fb.com"),
        (
            r"m\.me/(?P<name>[\w.]{3,50})",
            r"(?:www\.|m\.|web\.)?(?:facebook|fb)\.com/(?P<name>[A-Za-z0-9][\w.]{3,49})/?",
            r"(?:www\.|m\.)?facebook\.com/profile\.php\?(?:.*&)?id=(?P<name>\d{5,20})\b.*",
            rf"(?:www\.|m\.)?facebook\.com/(?P<code>groups/{_CODE})/?",
        ),
        r"\b(?:facebook|fb|messenger)\b|фейсбук\w?|เฟซบุ๊ก|페이스북|페메",
        r"[A-Za-z][A-Za-z0-9.]{4,49}",
    ),
    "tiktok": Platform(
        ("tiktok.com",),
        (r"(?:www\.|m\.)?tiktok\.com/@(?P<name>[\w.]{2,24})/?",),
        r"\btik ?tok\b|тикток\w?|틱톡",
        r"[A-Za-z0-9_][A-Za-z0-9_.]{1,23}",
    ),
    "x": Platform(
        ("twitter.com", "x.com"),
        (r"(?:www\.|mobile\.)?(?:twitter|x)\.com/(?P<name>\w{2,15})/?",),
        r"\btwitter\b|твиттер\w?",
        r"[A-Za-z0-9_]{3,15}",
    ),
    "snapchat": Platform(
        ("snapchat.com",),
        (r"(?:www\.)?snapchat\.com/(?:add|t)/(?P<name>[\w.-]{3,15})/?",),
        r"\bsnap(?:chat)?\b|سناب\w*",
        r"[A-Za-z][A-Za-z0-9_.-]{2,14}",
    ),
    "skype": Platform(
        ("skype.com",),
        (rf"join\.skype\.com/(?P<code>(?:invite/)?{_CODE})",),
        r"\bskype\b|скайп\w?",
        r"live:[\w.:-]{3,40}|[A-Za-z][\w.,-]{5,31}",
    ),
    "vk": Platform(
        ("vk.com", "vk.me"),
        (r"(?:m\.)?vk\.(?:com|me)/(?P<name>[A-Za-z][\w.]{2,31})",),
        r"\bvk(?:ontakte)?\b|вконтакте|\bвк\b",
        r"[A-Za-z][\w.]{3,31}",
    ),
}  # fmt: skip
