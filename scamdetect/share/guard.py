"""Exclude names of honest organisations from what is shared, in both directions.

Three kinds of names: reserved and private ones, those of organisations that must never be listed,
and hosts where anybody can publish a page, of which a full link can be listed but never the host.
The lists are those of the package ``pymispwarninglists`` and our own; nothing is downloaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from urllib.parse import unquote

from scamdetect.errors import MissingExtraError
from scamdetect.text.chat_platforms import PLATFORMS
from scamdetect.text.hosts import is_reserved, plain_host, registered_domain
from scamdetect.text.indicators import IndicatorType
from scamdetect.text.link_finder import split_link
from scamdetect.text.links import official_domains
from scamdetect.text.normalise import SHORTENERS

RESERVED = "reserved or private name"
OFFICIAL = "official domain of an organisation"
GOVERNMENT = "domain of a government"
ROLE = "address of a security team"
SHARED = "shared host, without a full link"
# By list name in the package; the first list with a name gives the reason.
_BLOCKING = {
    "bank-website": "website of a bank",
    "university_domains": "domain of a university",
    "tranco10k": "among the most visited sites",
    "cisco_top20k": "among the most visited sites",
}
_SHARING = ("url-shortener", "link-in-bio", "lots-project", "dynamic-dns")
# Short names that large sites give to users' pages, missing from all lists.
_ALSO_SHARED = frozenset(("forms.gle", "page.link", "youtu.be", "goo.su", "sites.google.com"))
# Where abuse is reported by mail.
_ROLES = frozenset(("abuse", "noc", "security", "soc", "postmaster", "hostmaster"))
_GOVERNMENT = re.compile(
    r"(?:^|\.)(?:(?:gov|mil)(?:\.[a-z]{2})?|(?:go|gob|gouv|gub|govt|government|gv|gc|admin|gos)"
    r"\.[a-z]{2}|europa\.eu)$"
)
# A link on a shared host without its query: a page of the host, not of a tenant.
_PAGES = re.compile(
    r"(?:watch|send|share|sharer|search|results?|redirect|url|r|login|signin|index|profile|home"
    r"|view|viewform|forms|invite|join|intent|dialog|story|photo|video|[a-z]|ti)?(?:\.(?:php|html?|aspx?|jsp))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Guard:
    """Normalised host names that must not be listed.

    ``blocked`` has the reason by name. On hosts of ``shared`` anybody can publish a page; those of
    ``divided`` have a subdomain for each. ``parents`` are the parent domains of all these.
    """

    blocked: Mapping[str, str]
    shared: frozenset[str]
    divided: frozenset[str]
    parents: frozenset[str]

    def verdict(self, type: IndicatorType, value: str) -> str | None:
        """Return why a normalised indicator must not be listed, or None.

        There are few reasons and they contain no value, so that they can be counted. Raises
        MissingExtraError.
        """
        if type is IndicatorType.DOMAIN:
            return self._of_domain(value)
        if type is IndicatorType.LINK:
            return self._of_link(value)
        if type is IndicatorType.EMAIL:
            return self._of_email(value)
        return None

    def _of_domain(self, domain: str) -> str | None:
        if is_reserved(domain):
            return RESERVED
        reason = self._reason(domain)
        if reason is None and (domain in self.shared or domain in self.parents):
            return SHARED
        return reason

    def _of_link(self, link: str) -> str | None:
        authority, _, path = split_link(link)[1].partition("/")
        host = plain_host(re.sub(r":\d*$", "", authority))
        if host is None or is_reserved(host):
            return RESERVED
        for name in _names(host.removeprefix("www.")):
            if name in official_domains():
                return OFFICIAL
            if name in self.shared:
                own_host = name in self.divided and host.removeprefix("www.") != name
                return None if own_host or _is_of_tenant(path) else SHARED
            if (reason := self._reason(name)) is not None:
                return reason
        return GOVERNMENT if _GOVERNMENT.search(host) else None

    def _of_email(self, address: str) -> str | None:
        user, _, host = address.rpartition("@")
        if is_reserved(host):
            return RESERVED
        if user in _ROLES:
            return ROLE
        domain = registered_domain(host) or host
        reason = self._reason(domain)
        # Many people have an address at a large site.
        return None if reason == _BLOCKING["tranco10k"] or domain in self.shared else reason

    def _reason(self, name: str) -> str | None:
        if name in official_domains():
            return OFFICIAL
        return self.blocked.get(name) or (GOVERNMENT if _GOVERNMENT.search(name) else None)


@cache
def load_guard() -> Guard:
    """Return the guard of the shipped lists; raise MissingExtraError if they are missing."""
    blocked: dict[str, str] = {}
    for name, reason in _BLOCKING.items():
        for host in _list(name):
            blocked.setdefault(host.lstrip("."), reason)
    sharing = [host for name in _SHARING for host in _list(name)]
    chats = {host for platform in PLATFORMS.values() for host in platform.hosts}
    shared = {host.lstrip(".") for host in sharing} | _ALSO_SHARED | SHORTENERS | chats
    divided = {host[1:] for host in sharing if host.startswith(".")} - chats
    parents = {above for host in (*blocked, *shared) for above in _above(host)}
    return Guard(blocked, frozenset(shared), frozenset(divided), frozenset(parents))


def _list(name: str) -> list[str]:
    """Return the names of a list, with a leading dot for those that include all subdomains."""
    try:
        folder = files("pymispwarninglists")
    except ImportError as error:
        raise MissingExtraError("pymispwarninglists", "share") from error
    path = folder / "data" / "misp-warninglists" / "lists" / name / "list.json"
    value = json.loads(path.read_text(encoding="utf-8"))
    hosts = (str(host).lower() for host in value["list"])
    return [host for host in hosts if host.isascii() and "." in host[1:]]


def _above(host: str) -> Iterator[str]:
    """Yield the parent domains of a host with a leading dot."""
    _, _, above = host.partition(".")
    while "." in above:
        yield above
        _, _, above = above.partition(".")


def _names(host: str) -> Iterator[str]:
    """Yield the host and its parent domains, down to the registered domain."""
    domain = registered_domain(host) or host
    yield host
    for above in _above(host):
        if len(above) < len(domain):
            break
        yield above


def _is_of_tenant(path: str) -> bool:
    """Return True if a path on a shared host leads to a tenant's page."""
    parts = [part for part in unquote(path).split("/") if part]
    return "*" not in parts and any(_PAGES.fullmatch(part) is None for part in parts)
