"""Host names: their normal form, their registered domain, and whether they are private."""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from functools import cache, lru_cache
from typing import Any

from scamdetect.errors import MissingExtraError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Names missing from the public suffix list: for documentation and private use (RFC 2606, 6761,
# 6762, 7686, 8375, ICANN's .internal) and IANA's test names in other scripts.
_RESERVED = frozenset(
    "example test invalid localhost local onion internal lan home corp localdomain intranet "
    "private xn--0zwm56d xn--g6w251d xn--11b5bs3a9aj6g xn--80akhbyknj4f xn--9t4b11yi5a "
    "xn--deba0ad xn--hgbk6aj7f53bba xn--hlcj6aya9esc7a xn--jxalpdlp xn--kgbechtv xn--zckzah".split()
)
_SUFFIXES_ONLY = ("za",)  # top-level domains whose suffixes, but not themselves, are in the list
_RESERVED_NAMES = ("example.com", "example.net", "example.org", "home.arpa")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_IPV4_LIKE = re.compile(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}")
_DOTS = re.compile("[\u3002\uff0e\uff61]")


@lru_cache(1 << 14)
def plain_host(host: str) -> str | None:
    """Return a host in lower case and ASCII (punycode), or None if it is invalid.

    IPv4 addresses written as one number, or in octal or hexadecimal, become dotted ones, as in
    browsers; IPv6 addresses keep their brackets. Labels are mapped by UTS 46 without its
    transitional forms: NFKC and lower case.
    """
    host = _DOTS.sub(".", host).rstrip(".")
    if host.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(host[1:-1]).compressed}]" if host[-1] == "]" else None
        except ValueError:
            return None
    labels = [_plain_label(label) for label in host.split(".")]
    name = ".".join(label for label in labels if label)
    if None in labels or len(name) > 253:
        return None
    return _plain_ipv4(name) if _IPV4_LIKE.fullmatch(name) else name


def _plain_label(label: str) -> str | None:
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).lower())
    if not plain.isascii():
        if any(unicodedata.category(c)[0] not in "LMN" and c not in "-\u200c\u200d" for c in plain):
            return None
        plain = f"xn--{plain.encode('punycode').decode('ascii')}"
    return plain if _LABEL.fullmatch(plain) else None


def _plain_ipv4(host: str) -> str | None:
    try:
        packed = socket.inet_aton(host)
    except OSError:
        return None
    # One small number is rarely an address.
    return None if "." not in host and not packed[0] else socket.inet_ntoa(packed)


def address_of(host: str) -> Address | None:
    """Return the IP address in a normalised host, or None for a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


@lru_cache(1 << 14)
def registered_domain(host: str) -> str | None:
    """Return the registered domain of a normalised host: one label below its public suffix.

    Suffixes under which companies let others register, such as github.io, count as public, so the
    domain is the tenant's. None for an IP address and for a suffix itself. Raises
    MissingExtraError.
    """
    if address_of(host) is not None:
        return None
    domain = _suffixes().privatesuffix(host)
    return domain if isinstance(domain, str) else None


@lru_cache(1 << 12)
def is_known_top(label: str) -> bool:
    """Return True for a top-level domain, or a reserved one; raise MissingExtraError."""
    known = label in _RESERVED or label in _SUFFIXES_ONLY
    return known or _suffixes().publicsuffix(label, accept_unknown=False) is not None


def is_reserved(host: str) -> bool:
    """Return True if a normalised host is not public: for documentation, private or local.

    These are the names of RFC 2606, 6761, 6762, 7686 and 8375, single labels, and addresses that
    IANA's registries do not call global.
    """
    address = address_of(host)
    if address is not None:
        return not address.is_global or address.is_multicast
    if "." not in host or host.rpartition(".")[2] in _RESERVED:
        return True
    return host.endswith(".arpa") or any(
        host == name or host.endswith(f".{name}") for name in _RESERVED_NAMES
    )


@cache
def _suffixes() -> Any:  # noqa: ANN401 - a PublicSuffixList
    try:
        from publicsuffixlist import PublicSuffixList
    except ImportError:
        raise MissingExtraError("publicsuffixlist", "share") from None
    return PublicSuffixList()
