"""Find what a message leads to: links, domains, wallets, phone numbers, handles, accounts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class IndicatorType(StrEnum):
    """What an indicator is; the values are what files call it."""

    DOMAIN = "domain"  # registered domain: one label below a public suffix
    LINK = "link"  # without user info, query and fragment
    WALLET = "wallet"  # Bitcoin, Tron, Ethereum, Solana
    PHONE = "phone"  # E.164
    EMAIL = "email"
    HANDLE = "handle"  # platform:name, or platform: and the code of an invite
    IBAN = "iban"
    ACCOUNT = "account"  # local bank account; for review only
    SENDER = "sender"  # never found in a text: who sent a message, as its column says


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator in a message.

    ``text[start:end]`` is where the message has it, as it is typed; ``value`` is its plain form.
    ``verified`` says that a checksum or a numbering plan confirms it, or that it needs none.
    """

    type: IndicatorType
    value: str
    start: int
    end: int
    verified: bool
