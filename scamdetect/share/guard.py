"""Keep names of honest organisations out of exports, proposals and feeds.

Reserved and private names and those of organisations must never be listed; of hosts where anybody
can publish a page only a full link can be. The lists are those of the package
``pymispwarninglists`` and our own; nothing is downloaded.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from urllib.parse import unquote

from scamdetect.errors import MissingExtraError
from scamdetect.text.handles import PLATFORM_HOSTS
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
VISITED = "among the most visited sites"
# By list name in the package; the last list with a name gives the reason.
_BLOCKING = {
    "tranco10k": VISITED,
    "cisco_top20k": VISITED,
    "university_domains": "domain of a university",
    "bank-website": "website of a bank",
}
_SHARING = ("url-shortener", "link-in-bio", "lots-project", "dynamic-dns")
# Short names that large sites give to users' pages, missing from all lists.
_ALSO_SHARED = frozenset(("forms.gle", "page.link", "youtu.be", "goo.su", "sites.google.com"))
_ROLES = ("abuse", "noc", "security", "soc", "postmaster", "hostmaster")  # abuse is reported there
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

    blocked: dict[str, str]
    shared: frozenset[str]
    divided: frozenset[str]
    parents: frozenset[str]

    def verdict(self, kind: IndicatorType, value: str) -> str | None:
        """Return why a normalised indicator must not be listed, or None; raise MissingExtraError.

        There are few reasons and they contain no value, so that they can be counted.
        """
        if kind not in (IndicatorType.DOMAIN, IndicatorType.LINK, IndicatorType.EMAIL):
            return None
        host = plain_host(_host_of(kind, value))
        if host is None or is_reserved(host):
            return RESERVED
        host = host.removeprefix("www.") if kind is IndicatorType.LINK else host
        domain = registered_domain(host) or host
        if kind is IndicatorType.DOMAIN:
            open_to_all = host in self.shared or host in self.parents
            return self._reason(host) or (SHARED if open_to_all else None)
        if kind is IndicatorType.EMAIL:
            reason = None if domain in self.shared else self._reason(domain)
            # Many people have an address at a large site.
            reason = None if reason == VISITED else reason
            return ROLE if value.partition("@")[0] in _ROLES else reason
        name = host
        while len(name) >= len(domain):
            if name in self.shared and name not in official_domains():
                has_own_host = name in self.divided and name != host
                return None if has_own_host or _is_of_tenant(value) else SHARED
            if (reason := self._reason(name)) is not None:
                return reason
            name = name.partition(".")[2]
        return GOVERNMENT if _GOVERNMENT.search(host) else None

    def _reason(self, name: str) -> str | None:
        if name in official_domains():
            return OFFICIAL
        return self.blocked.get(name) or (GOVERNMENT if _GOVERNMENT.search(name) else None)


@cache
def load_guard() -> Guard:
    """Return the guard of the shipped lists; raise MissingExtraError if they are missing."""
    blocked = {host.lstrip("."): _BLOCKING[name] for name in _BLOCKING for host in _list(name)}
    sharing = [host for name in _SHARING for host in _list(name)]
    shared = {host.lstrip(".") for host in sharing} | _ALSO_SHARED | SHORTENERS | PLATFORM_HOSTS
    divided = {host[1:] for host in sharing if host.startswith(".")} - PLATFORM_HOSTS
    parents = set()
    for host in (*blocked, *shared):
        labels = host.split(".")
        parents |= {".".join(labels[start:]) for start in range(1, len(labels) - 1)}
    return Guard(blocked, frozenset(shared), frozenset(divided), frozenset(parents))


def blocked(kind: IndicatorType, value: str) -> str | None:
    """Return why an indicator of a review or a feed must not be listed, or None.

    Names reserved for exercises (example, test) have no owner and pass. Raises MissingExtraError.
    """
    guard = load_guard()
    reason = guard.verdict(kind, value)
    if reason is None and kind is IndicatorType.DOMAIN and registered_domain(value) != value:
        # A subdomain of a blocked name, or another name of a shared host.
        reason = guard.verdict(IndicatorType.LINK, f"https://{value}")
    exercise = _host_of(kind, value).endswith((".example", ".test"))
    return None if reason == RESERVED and exercise else reason


def _host_of(kind: IndicatorType, value: str) -> str:
    if kind is IndicatorType.EMAIL:
        return value.rpartition("@")[2]
    return re.sub(r":\d*$", "", split_link(value)[1].partition("/")[0])


def _list(name: str) -> list[str]:
    """Return the names of a list, with a leading dot for those that include all subdomains."""
    try:
        folder = files("pymispwarninglists")
    except ImportError:
        raise MissingExtraError("pymispwarninglists", "share") from None
    path = folder / "data" / "misp-warninglists" / "lists" / name / "list.json"
    hosts = (str(host).lower() for host in json.loads(path.read_text(encoding="utf-8"))["list"])
    return [host for host in hosts if host.isascii() and "." in host[1:]]


def _is_of_tenant(link: str) -> bool:
    """Return True if a link on a shared host leads to a tenant's page."""
    parts = [part for part in unquote(split_link(link)[1].partition("/")[2]).split("/") if part]
    return "*" not in parts and any(_PAGES.fullmatch(part) is None for part in parts)
