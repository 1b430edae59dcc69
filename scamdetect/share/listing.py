"""Convert an entry of a feed to our own type and normal form.

Feeds use many names for the same things, and contain much that messages cannot be checked for.
Everything left out is counted with a reason.
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
from scamdetect.text.link_finder import find_links, split_link
from scamdetect.text.numbers import has_card

_D, _L, _E, _P, _W, _H, _I = (
    IndicatorType.DOMAIN, IndicatorType.LINK, IndicatorType.EMAIL, IndicatorType.PHONE,
    IndicatorType.WALLET, IndicatorType.HANDLE, IndicatorType.IBAN,
)  # fmt: skip
# Lower case, with blanks for other characters.
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
_PRIVATE = "a private or reserved name or address, which means another machine everywhere"
_FOR_EXERCISES = (".example", ".test")  # reserved too, but without an owner
_VARYING = re.compile(r"(?<=/)\*(?=/|$)")  # a part of a path, as in our own exports
_STAND_IN = "0varying0"  # because a star at the end of a link in a text closes bold text
_LONGEST = 2_048
_SHORTEST_WALLET = 25


@dataclass(frozen=True, slots=True)
class Listing:
    """One indicator as in a feed.

    ``place`` is its position in the feed, ``id`` its id there, if any. The last ``changed`` of
    several versions with one id counts. ``confidence`` is from 0 to 100.
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
    """An entry of a feed that is not used: why, with the fix, and where it is."""

    reason: str
    place: str


@dataclass(frozen=True, slots=True)
class Plain:
    """A type and a value in the form of a message's indicators."""

    type: IndicatorType
    value: str


def type_named(name: str) -> IndicatorType | str:
    """Return the type that a feed means, or why it is not used."""
    plain = _SIGNS.sub(" ", name.casefold()).strip()
    found = _TYPES.get(plain)
    if found is not None:
        return found
    return f"of the type {plain[:40] or 'without a name'}, for which messages are not checked"


def plain_of(kind: IndicatorType | None, value: str) -> Plain | str:
    """Return an indicator in its normal form, or the reason it cannot be used.

    Without a type the value must show it. Defanged values are restored.
    """
    value = refanged(value.strip())
    if not value or len(value) > _LONGEST:
        return "empty, or longer than 2,048 characters; pass the indicator itself"
    if any(unicodedata.category(sign) in ("Cc", "Cf") for sign in value):
        return (
            "with hidden or direction characters, so it is not what it shows; ask for the "
            "plain value"
        )
    if kind is None:
        kind = _type_of(value)
    if kind is IndicatorType.DOMAIN:
        return _domain(value)
    if kind is IndicatorType.LINK:
        return _link(value)
    if kind is IndicatorType.PHONE and not value.startswith(("+", "00")):
        return "a phone number without its country; write it as +49..."
    found = plain_value(kind, value)
    return f"not a valid {kind}; correct it in the feed" if found is None else Plain(kind, found)


def refanged(value: str) -> str:
    """Return a defanged value, such as ``hxxp://a[.]example``, in its original form."""
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
        return "not a valid domain; correct it in the feed"
    if address_of(host) is not None:
        return "an IP address instead of a domain; list the link"
    if _is_private(host):
        return _PRIVATE
    if registered_domain(host) is None:
        return "a public suffix, under which anybody can register; list the domains below it"
    return Plain(IndicatorType.DOMAIN, host)


def _link(value: str) -> Plain | str:
    url = value if split_link(value)[0] else f"http://{value}"
    url = _VARYING.sub(_STAND_IN, url)
    link = next(find_links(url), None)
    if link is None or (link.start, link.end) != (0, len(url)):
        return "not a valid link; correct it in the feed"
    if _is_private(link.host):
        return _PRIVATE
    if has_card(link.value):
        return "with a possible payment card number, which is never stored"
    if "/" not in split_link(link.value)[1] and any(sign in url for sign in "?#"):
        return "a link whose target is only in its query; list its domain"
    return Plain(IndicatorType.LINK, link.value.replace(_STAND_IN, "*"))


def _is_private(host: str) -> bool:
    return is_reserved(host) and not host.endswith(_FOR_EXERCISES)


def blocked(kind: IndicatorType, value: str) -> str | None:
    """Return why the guard lists exclude an indicator, or None.

    Names reserved for exercises have no owner and pass.
    """
    guard = load_guard()
    reason = guard.verdict(kind, value)
    if reason is None and kind is IndicatorType.DOMAIN and registered_domain(value) != value:
        # A subdomain of a blocked name, or another name of a shared host.
        reason = guard.verdict(IndicatorType.LINK, f"https://{value}")
    exercise = reason == RESERVED and _host_in(kind, value).endswith(_FOR_EXERCISES)
    return None if exercise else reason


def _host_in(kind: IndicatorType, value: str) -> str:
    return value.rpartition("@")[2] if kind is IndicatorType.EMAIL else host_of(value)
