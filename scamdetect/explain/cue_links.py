"""Tricks with links: what hides where a link leads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scamdetect.text.normalise import SHORTENERS

APP_HOSTS = frozenset("wa.me t.me lin.ee m.me line.me zalo.me".split())
_SCHEME = re.compile(r"(?:h(?:tt|xx)ps?|ftp)(?:://|:\\\\|\[:\]//)", re.IGNORECASE)
_DISABLED = re.compile(r"hxx|ftp:\\\\|http.{0,2}:\\\\|.{0,6}\[:\]", re.IGNORECASE)
_DOT = re.compile(r"\[\.\]|\(\.\)")
_HOST = re.compile(r"(?:(?!\[\.\]|\(\.\))[^/?#:\\]|\[\.\]|\(\.\)){0,255}")
_NUMBERS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")


def opens_app(link: str) -> bool:
    """Return whether a folded link opens a chat in an app."""
    return _host_of(link) in APP_HOSTS


def tricks(link: str, written: str) -> Iterator[str]:
    """Yield the names of the tricks of a folded link that was written like this."""
    scheme = _SCHEME.match(link)
    bare = link[scheme.end() :] if scheme else link
    raw_host = _HOST.match(bare)
    host = _host_of(link)
    if _DISABLED.match(link):
        yield "disabled scheme"
    if raw_host and _DOT.search(raw_host[0]):
        yield "hidden dot"
    if "@" in host:
        yield "name before @"
        host = host.rpartition("@")[2]
    if host in SHORTENERS and host not in APP_HOSTS:
        yield "shortener"
    if _NUMBERS.fullmatch(host):
        yield "address of numbers"
    elif any(character.isdigit() for character in host):
        yield "digits in host"
    if "xn--" in host:
        yield "coded letters"
    if host.isascii() and not _letters(written, len(host) * 3).isascii():
        yield "look-alike letters"


def _host_of(link: str) -> str:
    scheme = _SCHEME.match(link)
    bare = _DOT.sub(".", link[scheme.end() :] if scheme else link)
    return re.split(r"[/?#:]", bare, maxsplit=1)[0].lower().removeprefix("www.")


def _letters(written: str, most: int) -> str:
    """Return the letters of the host as it was written."""
    scheme = _SCHEME.match(written)
    bare = written[scheme.end() :] if scheme else written
    host = re.split(r"[/?#]", bare[:most], maxsplit=1)[0]
    return "".join(filter(str.isalpha, host))
