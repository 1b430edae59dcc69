"""What a feed of others says of one indicator, in our own words: its type and its plain value.

Feeds call the same things by many names, and hold much that no message can be looked up for. What
is not taken over is always counted with a reason.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from dataclasses import dataclass

from scamdetect.dumps.sieve import host_of
from scamdetect.share.guard import RESERVED, load_guard
from scamdetect.text.hosts import address_of, is_reserved, plain_host, registered_domain
from scamdetect.text.indicators import IndicatorType, plain_value
from scamdetect.text.link_finder import find_links
from scamdetect.text.numbers import has_card

_D, _L, _E, _P, _W, _H, _I = (
    IndicatorType.DOMAIN, IndicatorType.LINK, IndicatorType.EMAIL, IndicatorType.PHONE,
    IndicatorType.WALLET, IndicatorType.HANDLE, IndicatorType.IBAN,
)  # fmt: skip
# Lower case, with blanks in place of other signs.
_TYPES = {
    "domain": _D, "domain name": _D, "hostname": _D, "host": _D, "fqdn": _D, "domain ip": _D,
    "link": _L, "url": _L, "uri": _L, "url pattern": _L,
    "email": _E, "email address": _E, "email addr": _E, "email src": _E, "email dst": _E,
    "email reply to": _E, "e mail": _E,
    "phone": _P, "phone number": _P, "telephone": _P, "mobile": _P, "msisdn": _P,
    "wallet": _W, "crypto wallet": _W, "cryptocurrency wallet": _W, "btc": _W, "bitcoin": _W,
    "address crypto": _W, "eth": _W, "trx": _W, "sol": _W,
    "handle": _H, "account": _H, "user account": _H,
    "iban": _I,
}  # fmt: skip
_SIGNS = re.compile(r"[^a-z0-9]+")
_DEFANGED = re.compile(r"\[(\.|:|@|://|dot|at)\]|\((\.|dot|at)\)", re.IGNORECASE)
_MEANT = {"dot": ".", "at": "@"}
_SCHEME = re.compile(r"h[tx]{2}p(s?)://", re.IGNORECASE)
_PRIVATE = "a private or reserved name or address, which is another machine everywhere"
_FOR_EXERCISES = (".example", ".test")  # reserved too, but nobody's
_VARYING = re.compile(r"(?<=/)\*(?=/|$)")  # a part of a path, as in our own exports
_STAND_IN = "0varying0"  # since a star at the end of a link in a text closes bold letters
_LONGEST = 2_048
_SHORTEST_WALLET = 25


@dataclass(frozen=True, slots=True)
class Listing:
    """One indicator as a feed lists it.

    ``place`` says where in the feed it is, ``id`` by what the feed names it, if it does. Of several
    versions with one id that which ``changed`` last holds. ``confidence`` goes from 0 to 100.
    """

    type: IndicatorType
    value: str
    source: str
    place: str
    id: str | None = None
    changed: datetime.datetime | None = None
    confidence: int | None = None
    valid_from: datetime.datetime | None = None
    valid_until: datetime.datetime | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is not taken over of a feed: why, with the cure, and where it is."""

    reason: str
    place: str


@dataclass(frozen=True, slots=True)
class Plain:
    """A type and a value as a message's indicators have them."""

    type: IndicatorType
    value: str


def type_named(name: str) -> IndicatorType | str:
    """Return the type that a feed means, or why none is looked for."""
    plain = _SIGNS.sub(" ", name.casefold()).strip()
    found = _TYPES.get(plain)
    if found is not None:
        return found
    return f"of the type {plain[:40] or 'without a name'}, which no message is looked up for"


def plain_of(kind: IndicatorType | None, value: str) -> Plain | str:
    """Return an indicator in its plain form, or the reason why it cannot be looked for.

    Without a type the value must tell it. Defanged values are taken for what they mean.
    """
    value = refanged(value.strip())
    if not value or len(value) > _LONGEST:
        return "empty, or longer than 2,048 characters; give the indicator itself"
    if any(unicodedata.category(sign) in ("Cc", "Cf") for sign in value):
        return "with hidden or direction characters, so it is not what it shows; ask for it"
    if kind is None:
        kind = _type_of(value)
    if kind is IndicatorType.DOMAIN:
        return _domain(value)
    if kind is IndicatorType.LINK:
        return _link(value)
    if kind is IndicatorType.PHONE and not value.startswith(("+", "00")):
        return "a phone number without its country; write it as +49..."
    found = plain_value(kind, value)
    return f"no {kind} by its form; correct it in the feed" if found is None else Plain(kind, found)


def refanged(value: str) -> str:
    """Return a value that was made unclickable, such as ``hxxp://a[.]example``, as it is meant."""
    value = _DEFANGED.sub(lambda m: _MEANT.get((m[1] or m[2]).lower(), m[1] or m[2]), value)
    return _SCHEME.sub(r"http\1://", value)


def _type_of(value: str) -> IndicatorType:
    if "/" in value:
        return IndicatorType.LINK
    if "@" in value:
        return IndicatorType.EMAIL
    if value.startswith("+"):
        return IndicatorType.PHONE
    if value[:2].isalpha() and value[2:4].isdecimal() and "." not in value:
        return IndicatorType.IBAN
    long = "." not in value and len(value) >= _SHORTEST_WALLET
    return IndicatorType.WALLET if long else IndicatorType.DOMAIN


def _domain(value: str) -> Plain | str:
    """Return the name of a host; a registered domain is one too."""
    host = plain_host(value.removeprefix("*.").strip("."))
    if host is None:
        return "no domain by its form; correct it in the feed"
    if address_of(host) is not None:
        return "an IP address in place of a domain; list the link"
    if _is_private(host):
        return _PRIVATE
    if registered_domain(host) is None:
        return "a public suffix, under which anybody may register; list the domains below it"
    return Plain(IndicatorType.DOMAIN, host)


def _link(value: str) -> Plain | str:
    url = value if "://" in value else f"http://{value}"
    url = _VARYING.sub(_STAND_IN, url)
    link = next(find_links(url), None)
    if link is None or (link.start, link.end) != (0, len(url)):
        return "no link by its form; correct it in the feed"
    if _is_private(link.host):
        return _PRIVATE
    if has_card(link.value):
        return "with what may be the number of a payment card, which is kept nowhere"
    bare = link.value.partition("://")[2]
    if "/" not in bare and any(sign in url for sign in "?#"):
        return "a link whose query alone says where it leads; list its domain"
    return Plain(IndicatorType.LINK, link.value.replace(_STAND_IN, "*"))


def _is_private(host: str) -> bool:
    return is_reserved(host) and not host.endswith(_FOR_EXERCISES)


def blocked(kind: IndicatorType, value: str) -> str | None:
    """Return why the guard lists keep an indicator out, None where they do not.

    Names that are reserved for exercises are nobody's, so that they pass.
    """
    guard = load_guard()
    reason = guard.verdict(kind, value)
    if reason is None and kind is IndicatorType.DOMAIN and registered_domain(value) != value:
        # A name below one that is blocked, or a host of many by another name.
        reason = guard.verdict(IndicatorType.LINK, f"https://{value}")
    exercise = reason == RESERVED and _host_in(kind, value).endswith(_FOR_EXERCISES)
    return None if exercise else reason


def _host_in(kind: IndicatorType, value: str) -> str:
    return value.rpartition("@")[2] if kind is IndicatorType.EMAIL else host_of(value)
