"""Wallet addresses: published vectors, checksums, and what needs a word on coins."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.text.wallets import (
    _digest,
    find_wallets,
    keccak_256,
    may_have_wallets,
    wallet_of,
)

# BIP 173, BIP 350, EIP-55, and addresses that the documentation of Bitcoin and Tron shows.
BITCOIN = [
    "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
]
TRON = ["TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"]
ETHEREUM = [
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]
VERIFIED = [*BITCOIN, *TRON, *ETHEREUM]
SOLANA = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
BROKEN = [
    "1BoatSLRHtKNngkdXEeobR76b53LETtpyU",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",  # Bech32m of version 0
    "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",  # a letter of none
    "bc1zw508d6qejxtdg4y5r3zarvaryvqyzf3du",  # Bech32 of version 2
    "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",  # of the test network
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
]
_CHARACTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def test_keccak_gives_the_published_digests() -> None:
    assert keccak_256(b"").hex() == (
        "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    )
    assert keccak_256(b"abc").hex() == (
        "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    )


@pytest.mark.parametrize("size", [0, 1, 134, 135, 136, 137, 272, 300])
def test_with_the_padding_of_sha3_it_is_sha3(size: int) -> None:
    data = bytes(range(256)) * 2
    assert _digest(data[:size], 0x06) == hashlib.sha3_256(data[:size]).digest()


@pytest.mark.parametrize("address", VERIFIED)
def test_an_address_with_a_right_checksum_is_verified(address: str) -> None:
    wallet = wallet_of(address)
    assert wallet is not None and wallet.verified and wallet.value == address
    found = [*find_wallets(f"send it to {address}, now")]
    assert [(one.wallet.value, one.start) for one in found] == [(address, 11)]


@pytest.mark.parametrize("address", BROKEN)
def test_an_address_with_a_broken_checksum_is_none(address: str) -> None:
    wallet = wallet_of(address)
    assert wallet is None or not wallet.verified


@given(st.sampled_from([*BITCOIN, *TRON]), st.integers(0, 60), st.sampled_from(_CHARACTERS))
def test_one_other_character_breaks_a_checksum(address: str, place: int, other: str) -> None:
    place %= len(address)
    changed = address[:place] + other + address[place + 1 :]
    wallet = wallet_of(changed)
    assert changed == address or wallet is None or not wallet.verified


@given(st.sampled_from(ETHEREUM), st.integers(2, 41))
def test_one_other_case_breaks_the_checksum_of_ethereum(address: str, place: int) -> None:
    changed = address[:place] + address[place].swapcase() + address[place + 1 :]
    wallet = wallet_of(changed)
    assert changed == address or wallet is None or not wallet.verified


def test_segregated_witness_in_capitals_is_the_same_address() -> None:
    wallet = wallet_of(BITCOIN[2].upper())
    assert wallet is not None and wallet.value == BITCOIN[2]
    assert wallet_of(BITCOIN[2].capitalize()) is None


@pytest.mark.parametrize("address", [SOLANA, ETHEREUM[0].lower()])
def test_an_address_without_checksum_needs_a_word_on_coins(address: str) -> None:
    assert not [*find_wallets(f"your code is {address}")]
    for text in ("send USDT to", "мой кошелёк", "请转到钱包", "ส่งเหรียญไปที่", "ví USDT:"):
        (found,) = find_wallets(f"{text} {address}")
        assert found.wallet.value == address and not found.wallet.verified


def test_words_of_letters_are_no_addresses() -> None:
    assert wallet_of("Donaudampfschifffahrtsgesellschaft") is None
    assert not [*find_wallets("crypto: " + "a" * 43 + " " + "1" * 40)]


def test_an_address_next_to_letters_of_scripts_without_blanks_is_found() -> None:
    (found,) = find_wallets(f"转到{TRON[0]}即可")
    assert found.wallet == wallet_of(TRON[0]) and found.wallet.coin == "tron"


def test_ordinary_messages_are_told_at_once() -> None:
    assert not may_have_wallets("Hi mum, this is my new number, can you text me back please")
    assert not may_have_wallets(
        "您好，我在家，今天下午三点见面可以吗？请带上文件。谢谢您的帮助和支持"
    )
    assert may_have_wallets(f"to {BITCOIN[0]}")
    assert may_have_wallets(f"на {BITCOIN[0][:9]}\u200b{BITCOIN[0][9:]}")
