"""Find indicators in a message: links, domains, wallets, phone numbers, handles, accounts."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from scamdetect.text.handles import find_handles, may_have_handles, plain_handle
from scamdetect.text.hosts import plain_host, registered_domain
from scamdetect.text.link_disguises import may_have_addresses, may_have_links, spelt_out
from scamdetect.text.link_finder import Link, find_links
from scamdetect.text.normalise import fold
from scamdetect.text.numbers import (
    Number,
    check_region,
    find_accounts,
    find_ibans,
    find_phones,
    has_card,
    plain_account,
    plain_digits,
    plain_iban,
    plain_phone,
)
from scamdetect.text.traced import Traced, trace
from scamdetect.text.wallets import find_wallets, may_have_wallets, wallet_of


class IndicatorType(StrEnum):
    """The type of an indicator; the values are the names used in files."""

    DOMAIN = "domain"  # registered domain: one label below a public suffix
    LINK = "link"  # without user info, query and fragment
    WALLET = "wallet"  # Bitcoin, Tron, Ethereum, Solana
    PHONE = "phone"  # E.164
    EMAIL = "email"
    HANDLE = "handle"  # platform:name, or platform: and the code of an invite
    IBAN = "iban"
    ACCOUNT = "account"  # local bank account; for review only
    SENDER = "sender"  # never found in a text: who sent a message, from its column


DEFAULT = (IndicatorType.DOMAIN, IndicatorType.LINK, IndicatorType.WALLET)
_OF_LINKS = frozenset((IndicatorType.DOMAIN, IndicatorType.LINK, IndicatorType.HANDLE))
_OF_NUMBERS = frozenset((IndicatorType.PHONE, IndicatorType.IBAN, IndicatorType.ACCOUNT))
_DIGITS = re.compile(r"\d(?:\D{0,3}\d){5}")  # fewer are neither an account nor a phone number
_MOST_READ = 20_000  # characters
_FOLD = 2  # from 3 on, digits in words are read as letters, which would break names and addresses
_CUT_WORD = re.compile(r"[!-~]+$")


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator in a message.

    ``text[start:end]`` is its place and spelling in the message; ``value`` is its normal form.
    ``verified`` is True if a checksum or a numbering plan confirms it, or if it needs none.
    """

    type: IndicatorType
    value: str
    start: int
    end: int
    verified: bool


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
    if len(text) > _MOST_READ:
        text = _CUT_WORD.sub("", text[:_MOST_READ])
    wanted = frozenset(types)
    if region is not None and IndicatorType.PHONE in wanted:
        check_region(region)
    if not _may_have(text, wanted):
        return ()
    found = _found(spelt_out(fold(trace(text), _FOLD)), wanted, region)
    return tuple(sorted(found, key=lambda one: (one.start, -one.end, one.type)))


def _may_have(text: str, wanted: frozenset[IndicatorType]) -> bool:
    """Return False if a text cannot contain what is wanted, as most; fast."""
    return bool(
        (wanted & _OF_LINKS and may_have_links(text))
        or (IndicatorType.WALLET in wanted and may_have_wallets(text))
        or (wanted & _OF_NUMBERS and _DIGITS.search(text))
        or (IndicatorType.EMAIL in wanted and may_have_addresses(text))
        or (IndicatorType.HANDLE in wanted and may_have_handles(text))
    )


def plain_value(type: IndicatorType, value: str) -> str | None:
    """Return a value in the normal form of ``indicators_of``, or None if it is not of this type.

    Raises MissingExtraError.
    """
    return _PLAIN[type](value.strip())


def _found(
    text: Traced, wanted: frozenset[IndicatorType], region: str | None
) -> Iterator[Indicator]:
    needs_links = wanted & (
        _OF_LINKS | {IndicatorType.PHONE, IndicatorType.WALLET, IndicatorType.EMAIL}
    )
    links = list(find_links(text)) if needs_links else []
    if IndicatorType.LINK in wanted:
        yield from _links(text, links)
    if IndicatorType.DOMAIN in wanted:
        yield from _domains(text, links)
    if IndicatorType.WALLET in wanted:
        for wallet, start, end in find_wallets(text):
            if wallet.verified or not _within(links, start):
                yield _made(text, IndicatorType.WALLET, wallet.value, start, end, wallet.verified)
    if IndicatorType.EMAIL in wanted:
        yield from _emails(text, links)
    if IndicatorType.HANDLE in wanted:
        for handle in find_handles(text, links):
            yield _made(text, IndicatorType.HANDLE, handle.value, handle.start, handle.end)
    if wanted & _OF_NUMBERS:
        digits = plain_digits(text)
        for type, find in _NUMBERS.items():
            for one in find(digits, links, region) if type in wanted else ():
                yield _made(digits, type, one.value, one.start, one.end, one.verified)


def _phones(text: str, links: Iterable[Link], region: str | None) -> Iterator[Number]:
    """Yield phone numbers outside links and IBANs; after a word for accounts only verified ones."""
    accounts, ibans = list(find_accounts(text)), list(find_ibans(text))
    for one in find_phones(text, region):
        inside = _within(links, one.start) or _overlaps(one, ibans)
        if not inside and (one.verified or not _overlaps(one, accounts)):
            yield one


def _overlaps(one: Number, others: Iterable[Number]) -> bool:
    return any(one.start < other.end and other.start < one.end for other in others)


_NUMBERS: dict[IndicatorType, Callable[[str, Iterable[Link], str | None], Iterator[Number]]] = {
    IndicatorType.PHONE: _phones,
    IndicatorType.IBAN: lambda text, links, region: find_ibans(text),
    IndicatorType.ACCOUNT: lambda text, links, region: find_accounts(text),
}


def _made(
    text: Traced, type: IndicatorType, value: str, start: int, end: int, verified: bool = True
) -> Indicator:
    return Indicator(type, value, *text.span(start, end), verified)


def _links(text: Traced, links: Iterable[Link]) -> Iterator[Indicator]:
    for link in links:
        if link.is_link:
            value = _without_cards(link)
            if value is not None:
                yield _made(text, IndicatorType.LINK, value, link.start, link.end)


def _without_cards(link: Link) -> str | None:
    """Return the link with * for parts of the path that may contain a card number."""
    if has_card(link.host):
        return None
    if not has_card(unquote(link.value)):
        return link.value
    parts = ["*" if has_card(unquote(part)) else part for part in link.path.split("/")]
    return f"{link.value.removesuffix(link.path)}{'/'.join(parts)}"


def _domains(text: Traced, links: Iterable[Link]) -> Iterator[Indicator]:
    for link in links:
        domain = registered_domain(link.host)
        if domain is None or has_card(domain):
            continue
        typed = text[link.host_start : link.host_end].rstrip(".")
        above = typed.count(".") - domain.count(".")
        start = link.host_start + len("".join(f"{label}." for label in typed.split(".")[:above]))
        yield _made(text, IndicatorType.DOMAIN, domain, start, link.host_end)


_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])(?P<user>[A-Za-z0-9_][A-Za-z0-9._%+-]{0,63})@"
    r"(?P<host>(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_](?:[\w-]{0,61}[^\W_])?)"
)


def _emails(text: Traced, links: Iterable[Link]) -> Iterator[Indicator]:
    for match in _EMAIL.finditer(text) if "@" in text else ():
        found = _email(match)
        # Text before the host of a link is user info.
        user_info = any(link.start <= match.start() < link.host_start for link in links)
        if found is not None and not user_info:
            email, length = found
            yield _made(text, IndicatorType.EMAIL, email, match.start(), match.start() + length)


def _email(match: re.Match[str]) -> tuple[str, int] | None:
    user = match["user"].lower()
    link = next(find_links(match["host"]), None)
    host = match["host"]
    if link is not None and link.start == 0:
        host = host[: link.host_end]
    name = plain_host(host)
    if name is None or registered_domain(name) is None or user.endswith("."):
        return None
    value = f"{user}@{name}"
    return None if has_card(value) else (value, match.start("host") - match.start() + len(host))


def _within(links: Iterable[Link], place: int) -> bool:
    return any(link.start <= place < link.end for link in links)


def _plain_domain(value: str) -> str | None:
    host = plain_host(value)
    return host if host is not None and registered_domain(host) == host else None


def _plain_link(value: str) -> str | None:
    link = next(find_links(value), None)
    whole = link is not None and link.is_link and (link.start, link.end) == (0, len(value))
    return _without_cards(link) if link is not None and whole else None


def _plain_wallet(value: str) -> str | None:
    wallet = wallet_of(value)
    return None if wallet is None else wallet.value


def _plain_email(value: str) -> str | None:
    match = _EMAIL.fullmatch(value)
    found = None if match is None else _email(match)
    return found[0] if found is not None and found[1] == len(value) else None


def _plain_phone(value: str) -> str | None:
    phone = plain_phone(value)
    return None if phone is None else phone[0]


def _plain_sender(value: str) -> str | None:
    plain = " ".join(value.split())
    return None if not plain or len(plain) > _LONGEST_SENDER or has_card(plain) else plain


_LONGEST_SENDER = 100
_PLAIN: dict[IndicatorType, Callable[[str], str | None]] = {
    IndicatorType.DOMAIN: _plain_domain,
    IndicatorType.LINK: _plain_link,
    IndicatorType.WALLET: _plain_wallet,
    IndicatorType.PHONE: _plain_phone,
    IndicatorType.EMAIL: _plain_email,
    IndicatorType.HANDLE: plain_handle,
    IndicatorType.IBAN: plain_iban,
    IndicatorType.ACCOUNT: plain_account,
    IndicatorType.SENDER: _plain_sender,
}
