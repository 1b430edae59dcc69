"""Find links and host names in a message, as phones and browsers do.

The text is folded, and its disguised links are spelt out (``scamdetect.text.link_disguises``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import quote

from scamdetect.text.hosts import address_of, is_known_top, plain_host, registered_domain
from scamdetect.text.normalise import SIGN

_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u31ff"
    "\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
)
# Punctuation used in text: Greek, Armenian, Hebrew, Arabic, Urdu, Indic and Ethiopic.
_SIGNS = (
    "\u0387\u055a-\u055f\u0589\u058a\u05be\u05c0\u05c3\u05f3\u05f4\u060c\u061b\u061f\u066a-\u066d"
    "\u06d4\u0964\u0965\u0df4\u1360-\u1368"
)
_HOST_CHARACTER = rf"\w{SIGN}\u200c\u200d-"
_NOT_HOST = r"\s/?#\\<>\"'|«»“”„‘’「」『』（）【】《》，。、；！？…" + _SIGNS
_AUTHORITY = re.compile(rf"[^{_NOT_HOST}]*")
_NAME = re.compile(rf"\[[0-9A-Fa-f:.]+\]|[{_HOST_CHARACTER}]+(?:\.[{_HOST_CHARACTER}]+)*")
_PORT = re.compile(r":(\d{1,5})(?!\d)")
# Letters of scripts with blanks continue a part of the path that they started; after ASCII they are
# the next word or a suffix, as are letters of scripts without blanks everywhere.
_OTHERS = rf"(?![{_SIGNS}])[\u0370-\u0dff\u10a0-\u10ff\u1200-\u137f\u1e00-\u1fff{SIGN}]"
_PATH = re.compile(
    r"/(?:(?!(?<=[,;|/])https?://)[A-Za-z0-9._~%!$&()*+,;=:@/|-]|[\u00c0-\u024f\u1e00-\u1eff]"
    rf"|(?<=[/=%]){_OTHERS}|(?<=[\u0370-\u1fff]){_OTHERS}|(?<=[\u0370-\u1fff][._-]){_OTHERS})*"
)
_QUERY = re.compile(r"[?#][^\s<>\"'`«»“”„’「」『』（）【】《》，。、；！？" + _SPACELESS + "]*")
# Words after the last part of a path, in a text without blanks after punctuation.
_NEXT_WORD = re.compile(
    r"[,;!](?=[A-Za-z]+\.*(?:[^\w/.-]|$))|(?<=[a-z0-9])\.(?=[A-Z][a-z]+(?:[^\w/]|$))"
)
_LINK_START = re.compile(r"(?<![A-Za-z])(https?|ftp)://", re.IGNORECASE)
_BARE = re.compile(
    rf"(?<![\w{SIGN}.@-])(?<![^/\s]/)[\w{SIGN}][{_HOST_CHARACTER}]*+(?:\.[{_HOST_CHARACTER}]++)++(?!@)"
)
_USER_AFTER = re.compile(r"[\w.+-]*@")
_CLOSING = ".,;:!?…·*~_|'\"`&=-" + "。，、！？；：”’»›」』】》〉।॥۔؟،؛።፣։។៕៖ៗ၊။ฯ"
_IPV4 = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}", re.ASCII)
_ALONE = re.compile(r"\d+|0x[0-9a-f]+|localhost", re.ASCII | re.IGNORECASE)
_DEFAULT_PORTS = {"http": "80", "https": "443", "ftp": "21"}
_SAFE = "!$&'()*+,;=:@/~%|"
_GLUED = re.compile(rf"^[{_SPACELESS}{SIGN}\u0370-\u1fff]+-?(?=[A-Za-z0-9])")
# Not the start of a word with accents, nor of one that continues after an underscore.
_ASCII_PART = re.compile(
    r"[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+(?![\u00aa-\u036f\u1e00-\u1eff]|_[^\W_])"
)
_GLUED_AFTER = re.compile(r"^[A-Za-z0-9-]*[A-Za-z0-9]")

# Top-level domains that are words, which may start a sentence after a missing blank.
_WORD_TOPS = frozenset(
    (files("scamdetect.text") / "word_tops.txt").read_text(encoding="utf-8").split()
)
# Two-letter domains that end many names and start few sentences.
_PLAIN_TOPS = frozenset(
    """
    com net org info biz example test invalid localhost onion ru uk de fr jp kr cn tw hk vn th ph pk
    bd ng ke za br mx ar co io ai gg ly gl gd cc tv eu nl pl cz ua kz tr ir ae eg sg au nz ca kh
    mm lk рф бел укр
    """.split()
)
_TITLES = frozenset(
    "dr drs dra mr mrs ms prof st sr jr sgt capt lt col gen hon rev ir no inc ltd vs etc".split()
)
_NUMBERS = re.compile(r"\d+(?:-\d+)+")
_FILE_ENDS = frozenset(("zip", "mov", "md", "py", "sh", "rs", "pl", "ps"))


@dataclass(frozen=True, slots=True)
class Link:
    """A link or a host name in a text.

    ``value`` is the normalised link, ``host`` its normalised host. ``is_link`` is True for a
    scheme, ``www.`` or a path, not only a name. ``start`` to ``end`` includes query and fragment,
    ``host_start`` to ``host_end`` is the host as typed.
    """

    value: str
    host: str
    is_link: bool
    start: int
    end: int
    host_start: int
    host_end: int

    @property
    def path(self) -> str:
        """Return the path, "" if it is missing."""
        return split_link(self.value)[1].partition("/")[2]


def split_link(value: str) -> tuple[str, str]:
    """Return the scheme of a normalised link with its "://", "" if it is missing, and the rest."""
    scheme, mark, rest = value.partition("://")
    # A path may contain another link.
    return (f"{scheme}{mark}", rest) if mark and "/" not in scheme else ("", value)


def find_links(text: str) -> Iterator[Link]:
    """Yield the links of a text processed by ``spelt_out``, in order.

    Raises MissingExtraError.
    """
    done = 0
    with_scheme = list(_LINK_START.finditer(text)) if "://" in text else []
    bare = list(_BARE.finditer(text)) if "." in text else []
    for match in sorted((*with_scheme, *bare), key=lambda match: match.start()):
        if match.start() >= done:
            link = _with_scheme(text, match) if match.re is _LINK_START else _bare(text, match)
            if link is not None:
                done = link.end
                yield link


def _with_scheme(text: str, match: re.Match[str]) -> Link | None:
    at = match.end()
    authority = _AUTHORITY.match(text, at)
    assert authority is not None
    at += authority[0].rfind("@") + 1
    name = _NAME.match(text, at)
    if name is None:
        return None
    length = len(name[0])
    if not name[0].startswith("["):
        follows = text[name.end() : name.end() + 1]
        length = _host_length(name[0], follows) or _other_host_length(name[0])
    scheme = f"{match[1].lower()}://"
    return _link(text, match.start(), at, at + length, scheme) if length else None


def _bare(text: str, match: re.Match[str]) -> Link | None:
    if _USER_AFTER.match(text, match.end()):
        return None
    glued = _GLUED.match(match[0].partition(".")[0])
    at = match.start() + (glued.end() if glued else 0)
    while at < match.end() and text[at] in "-_":
        at += 1
    length = _host_length(text[at : match.end()], text[match.end() : match.end() + 1])
    link = _link(text, at, at, at + length, "") if length else None
    return link if link is not None and _is_name(text, link) else None


def _host_length(name: str, follows: str) -> int:
    """Return how many characters of dotted labels are the host, 0 if none.

    The host ends at the last label that is a top-level domain: the rest was joined to it, for
    instance after a full stop. ``follows`` is the next character.
    """
    labels = name.split(".")
    start = best = 0
    for index, label in enumerate(labels):
        length = _top_length(label)
        if index and length and not (best and _is_next_word(labels[index - 1], label, follows)):
            best = start + length
        if length and length < len(label):
            break
        start += len(label) + 1
    return len(name) if not best and _IPV4.fullmatch(name) else best


def _other_host_length(name: str) -> int:
    """Return the length of a host after a scheme: a number, an address or an unknown domain."""
    labels = name.split(".")
    last = _GLUED_AFTER.match(labels[-1])
    if len(labels) == 1:
        return len(last[0]) if last is not None and _ALONE.fullmatch(last[0]) else 0
    if address_of(name) is not None:
        return len(name)
    if plain_host(name) is None:
        return 0
    return len(name) - len(labels[-1]) + (len(last[0]) if last else len(labels[-1]))


def _top_length(label: str) -> int:
    """Return how many characters at the start of a label are a top-level domain."""
    if label[:1].isascii():
        part = _ASCII_PART.match(label)
        return len(part[0]) if part is not None and is_known_top(part[0].lower()) else 0
    for length in range(min(len(label), 24), 1, -1):
        plain = plain_host(label[:length])
        if plain is not None and is_known_top(plain):
            return length
    return 0


def _is_next_word(before: str, label: str, follows: str) -> bool:
    """Return True if a label after a complete host is the next word of the text."""
    if label[:1].isupper() and label[1:2].islower() and not before[:1].isupper():
        return True
    top = label.lower()
    if len(top) < 3 or top not in _WORD_TOPS or follows in ("/", ":"):
        return False
    return registered_domain(f"{before.lower()}.{top}") is not None


def _link(text: str, start: int, at: int, end: int, scheme: str) -> Link | None:
    """Return the link whose host is ``text[at:end]``, with its port, path and query."""
    host, host_end = plain_host(text[at:end]), end
    if host is None:
        return None
    port = _PORT.match(text, end)
    shown_port = ""
    if port is not None and int(port[1]) < 1 << 16:
        end = port.end()
        is_default = _DEFAULT_PORTS.get(scheme[:-3]) == port[1]
        shown_port = "" if is_default else f":{int(port[1])}"
    elif text.startswith("./", end):
        end += 1  # the dot of the root
    path_start, end, next_word = _path(text, end)
    query = None if next_word else _QUERY.match(text, end)
    whole = text[start : query.end() if query else end]
    stop = start + len(_without_closing(whole, text[start - 1 : start]))
    path = _without_closing(text[path_start : min(end, stop)], "")
    if not scheme and not path and query is not None and stop > query.start():
        path = "/"  # a plain host with a query is a link too
    path = "" if path == "/" and scheme else quote(path, safe=_SAFE)
    is_link = bool(scheme or path or host.startswith("www.") or shown_port)
    value = f"{scheme}{host}{shown_port}{path}"
    return Link(value, host, is_link, start, max(stop, host_end), at, host_end)


def _path(text: str, start: int) -> tuple[int, int, bool]:
    """Return the span of the path at ``start``, and True if the next word follows it."""
    path = _PATH.match(text, start)
    if path is None:
        return start, start, False
    next_word = _NEXT_WORD.search(path[0], path[0].rindex("/"))
    if next_word is not None:
        return start, start + next_word.start(), True
    end = path.end()
    if path[0].endswith("-") and text[end : end + 1].isalpha():
        end -= 1  # before an ending in another script
    return start, end, False


def _without_closing(link: str, before: str) -> str:
    """Return a link without the punctuation after it."""
    while link:
        last = link[-1]
        unopened = last == ")" and link.count("(") < link.count(")")
        closes_bold = last in "*_~" and before == last
        closing = last in _CLOSING and (last not in "*_~-=&" or closes_bold)
        if not (unopened or closing or last in "([{"):
            break
        link = link[:-1]
    return link


def _is_name(text: str, link: Link) -> bool:
    """Return True if a name without scheme is a host, not a typo such as "thanks.Call me"."""
    if address_of(link.host) is not None:
        return "/" in link.value
    if registered_domain(link.host) is None:
        return False
    *others, top = text[link.host_start : link.host_end].split(".")
    last, low = others[-1], top.lower()
    if len(others) > 1 and all(len(label) == 1 for label in others):
        return False  # an abbreviation
    if top[:1].isupper() and top[1:2].islower() and not (last[:1].isupper() and low in _PLAIN_TOPS):
        return False
    if all(label.isdecimal() for label in others) and (len(top) == 2 or len(others) > 1):
        return False  # a time or a version number
    plain = low in _PLAIN_TOPS or (low == "me" and link.is_link)  # as in t.me/name
    if low in _FILE_ENDS or (others[0].lower() in _TITLES and not (plain and len(low) > 2)):
        return False
    if not plain and not link.is_link and (last.isdecimal() or f"{last}{top}".isupper()):
        return False  # "6.Bank account" in a list, a text in capitals
    if plain or (link.is_link and len(last) > 1):
        return True
    if _NUMBERS.fullmatch(last):
        return False  # a date or an account
    if len(others) > 1 or any(c in "-0123456789" for c in last):
        return True
    return len(top) > 2 and low not in _WORD_TOPS
