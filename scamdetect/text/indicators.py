"""Find indicators in a message: links, domains, wallets, phone numbers, addresses, handles."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from scamdetect.text.handles import find_handles, plain_handle
from scamdetect.text.hosts import plain_host, registered_domain
from scamdetect.text.link_disguises import may_have_links, spelt_out
from scamdetect.text.link_finder import Link, find_links
from scamdetect.text.normalise import fold
from scamdetect.text.numbers import (
    check_region,
    find_ibans,
    find_phones,
    has_card,
    plain_digits,
)
from scamdetect.text.traced import trace
from scamdetect.text.wallets import find_wallets, wallet_of


class IndicatorType(StrEnum):
    """The type of an indicator; the values are the names used in files."""

    DOMAIN = "domain"  # registered domain: one label below a public suffix
    LINK = "link"  # without user info, query and fragment
    WALLET = "wallet"  # Bitcoin, Tron, Ethereum, Solana
    PHONE = "phone"  # E.164
    EMAIL = "email"
    HANDLE = "handle"  # platform:name, or platform: and the code of an invite
    IBAN = "iban"


DEFAULT = (IndicatorType.DOMAIN, IndicatorType.LINK, IndicatorType.WALLET)
MOST_READ = 20_000  # characters
FOLD = 2  # from 3 on, digits in words are read as letters, which would break names and addresses
_CUT_WORD = re.compile(r"[!-~]+$")
# Every indicator without a link has one of these: an at sign, six digits, or a long word.
_HINT = re.compile(
    r"[@＠﹫]|[\[({<] ?(?:at|arroba|собака)|\d(?:\D{0,3}\d){5}|[^\s!-/:-@]{25}",
    re.IGNORECASE,
)
_OF_DIGITS = (IndicatorType.PHONE, IndicatorType.IBAN)  # of all scripts
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])(?P<user>[A-Za-z0-9_][A-Za-z0-9._%+-]{0,63})@"
    r"(?P<host>(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_](?:[\w-]{0,61}[^\W_])?)"
)


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator in a message.

    ``text[start:end]`` is its spelling in the message; ``value`` is its normal form. ``verified``
    is True if a checksum or a numbering plan confirms it, or if it needs none.
    """

    type: IndicatorType
    value: str
    start: int
    end: int
    verified: bool


Span = tuple[str, int, int, bool]  # value, start, end, verified


def indicators_of(
    text: str, types: Collection[IndicatorType] = DEFAULT, region: str | None = None
) -> tuple[Indicator, ...]:
    """Return the indicators of these types in a message, in order.

    A link keeps its scheme, if any, and its path; user info, query and fragment are removed. Text
    without scheme, ``www.`` and path is only a domain. Disguises such as ``hxxp`` and ``[.]`` are
    undone. ``region`` is the country (ISO 3166) of phone numbers without a country code. Values
    contain no payment card numbers: a part of a path with one becomes ``*``. Only the first 20,000
    characters of a text are searched.

    Raises InputError for an unknown region, MissingExtraError if ``[share]`` is not installed.
    """
    if region is not None and IndicatorType.PHONE in types:
        check_region(region)
    if len(text) > MOST_READ:
        text = _CUT_WORD.sub("", text[:MOST_READ])
    if not may_have_links(text) and not _HINT.search(text):
        return ()
    plain = spelt_out(fold(trace(text), FOLD))
    links, digits = list(find_links(plain)), plain_digits(plain)
    indicators = []
    for kind in set(types):
        searched = digits if kind in _OF_DIGITS else plain
        for value, start, end, verified in _find(kind, searched, links, region):
            indicators.append(Indicator(kind, value, *searched.span(start, end), verified))
    return tuple(sorted(indicators, key=lambda item: (item.start, -item.end, item.type)))


def plain_value(kind: IndicatorType, value: str) -> str | None:
    """Return a value in the normal form of ``indicators_of``, or None if it is not of this type.

    Raises MissingExtraError.
    """
    value = value.strip()
    if kind is IndicatorType.DOMAIN:
        host = plain_host(value)
        return host if host is not None and registered_domain(host) == host else None
    if kind is IndicatorType.WALLET:
        wallet = wallet_of(value)
        return None if wallet is None else wallet.value
    if kind is IndicatorType.HANDLE:
        return plain_handle(value)
    spans = _find(kind, value, list(find_links(value)), None)
    return next((plain for plain, *span, _ in spans if span == [0, len(value)]), None)


def _find(
    kind: IndicatorType, text: str, links: Sequence[Link], region: str | None
) -> Iterator[Span]:
    """Yield the indicators of a type in a text that was folded and spelt out."""
    if kind is IndicatorType.LINK:
        for link in links:
            if link.is_link and (value := _without_cards(link)) is not None:
                yield value, link.start, link.end, True
    elif kind is IndicatorType.DOMAIN:
        yield from _domains(text, links)
    elif kind is IndicatorType.WALLET:
        for wallet, start, end in find_wallets(text):
            if wallet.verified or not _within(links, start):
                yield wallet.value, start, end, wallet.verified
    elif kind is IndicatorType.EMAIL:
        yield from _emails(text, links)
    elif kind is IndicatorType.HANDLE:
        yield from ((*handle, True) for handle in find_handles(text, links))
    elif kind is IndicatorType.IBAN:
        yield from find_ibans(text)
    elif kind is IndicatorType.PHONE:
        ibans = [range(start, end) for _, start, end, _ in find_ibans(text)]
        for phone, start, end, verified in find_phones(text, region):
            in_iban = any(start < iban.stop and iban.start < end for iban in ibans)
            if not in_iban and not _within(links, start):
                yield phone, start, end, verified


def _domains(text: str, links: Sequence[Link]) -> Iterator[Span]:
    for link in links:
        domain = registered_domain(link.host)
        if domain is None or has_card(domain):
            continue
        typed = text[link.host_start : link.host_end].rstrip(".")
        above = typed.count(".") - domain.count(".")
        start = link.host_start + len("".join(f"{label}." for label in typed.split(".")[:above]))
        yield domain, start, link.host_end, True


def _emails(text: str, links: Sequence[Link]) -> Iterator[Span]:
    for match in _EMAIL.finditer(text) if "@" in text else ():
        user, host = match["user"].lower(), match["host"]
        link = next(find_links(host), None)
        if link is not None and link.start == 0:
            host = host[: link.host_end]
        name = plain_host(host)
        # Text before the host of a link is user info.
        user_info = any(link.start <= match.start() < link.host_start for link in links)
        if name is None or registered_domain(name) is None or user.endswith(".") or user_info:
            continue
        if not has_card(value := f"{user}@{name}"):
            yield value, match.start(), match.start("host") + len(host), True


def _without_cards(link: Link) -> str | None:
    """Return the link with * for parts of the path that may contain a card number."""
    if has_card(link.host):
        return None
    if not has_card(unquote(link.value)):
        return link.value
    parts = ["*" if has_card(unquote(part)) else part for part in link.path.split("/")]
    return f"{link.value.removesuffix(link.path)}{'/'.join(parts)}"


def _within(links: Sequence[Link], index: int) -> bool:
    return any(link.start <= index < link.end for link in links)
