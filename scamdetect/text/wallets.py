"""Find wallet addresses in a text and check them.

Bitcoin and Tron by Base58Check, Bitcoin's segregated witness by Bech32 (BIP 173) and Bech32m (BIP
350), Ethereum by the letter case of EIP-55. Solana, and Ethereum in one letter case, have no
checksum: they count, unverified, only in a text with a word about coins.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from scamdetect.errors import MissingExtraError

_BASE58 = frozenset("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
_BECH32 = {character: value for value, character in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_BECH32_PREFIX = [3, 3, 0, 2, 3]  # "bc", expanded as in BIP 173
_BECH32_CONSTANT, _BECH32M_CONSTANT = 1, 0x2BC830A3
_COIN_OF_VERSION = {0x00: "bitcoin", 0x05: "bitcoin", 0x41: "tron"}
_SOLANA_BYTES = 32

# The longest first: a Bech32 address of a script has 62 characters, the maximum.
_CANDIDATE = re.compile(
    r"(?<![A-Za-z0-9])(?:0[xX][0-9A-Fa-f]{40}|bc1[a-z0-9]{11,71}|BC1[A-Z0-9]{11,71}"
    r"|[1-9A-HJ-NP-Za-km-z]{25,44})(?![A-Za-z0-9])"
)
_COIN_WORD = re.compile(
    unicodedata.normalize(
        "NFC",
        r"\b(?:btc|eth|ether(?:eum)?|usd[tc]|tether|bnb|trx|tron|sol|solana|phantom|metamask"
        r"|trust ?wallet|binance|[teb](?:rc|ep)-?20|wallets?|bitcoins?|crypto\w*"
        r"|(?:alt|stable)?coins?"
        r"|nft|airdrop|defi|kripto\w*|cripto\w*|krypto\w*|dompet|cüzdan\w*|billetera|monedero"
        r"|carteira|portefeuille|portafoglio|portfel\w*|pochi)\b"
        r"|крипт|кошел|биткоин|биткойн|эфир|монет|гаман"
        r"|钱包|錢包|加密|虚拟币|虛擬幣|比特币|比特幣|泰达|以太|数字货币|ウォレット|仮想通貨|暗号資産|ビットコイン"
        r"|지갑|코인|암호화폐|가상화폐|이더리움"
        r"|กระเป๋า|คริปโต|บิตคอยน์|บิทคอยน์|เหรียญ"
        r"|ví (?:điện tử|tiền|usdt|btc|eth|của)|tiền (?:ảo|mã hóa|số)"
        r"|محفظ|عمل(?:ة|ات) (?:رقمية|مشفرة)|بيتكوين|رمزارز|رمز ارز|کیف پول|بیت ?کوین|والٹ|کرپٹو"
        r"|वॉलेट|वालेट|क्रिप्टो|बिटकॉइन"
        r"|ওয়ালেট|ক্রিপ্টো|বিটকয়েন|வாலட்|கிரிப்டோ|பிட்காயின்"
        r"|วอลเล็ต|កាបូប|គ្រីបតូ|ប៊ីតខញ|ပိုက်ဆံအိတ်|ခရစ်ပတို|ဘစ်ကွိုင်|ארנק|קריפטו|ביטקוין",
    ),
    re.IGNORECASE,
)


class Wallet(NamedTuple):
    """An address in its normal form, its coin, and whether a checksum confirms it."""

    value: str
    coin: str  # bitcoin, tron, ethereum or solana
    verified: bool


def find_wallets(text: str) -> Iterator[tuple[Wallet, int, int]]:
    """Yield the wallets of a folded text and their spans, without those that fail their checksum.

    Raises MissingExtraError.
    """
    coins: bool | None = None
    for match in _CANDIDATE.finditer(text):
        wallet = wallet_of(match[0])
        if wallet is None:
            continue
        if not wallet.verified:
            coins = _COIN_WORD.search(text) is not None if coins is None else coins
            if not coins:
                continue
        yield wallet, *match.span()


@lru_cache(1 << 12)
def wallet_of(address: str) -> Wallet | None:
    """Return the wallet of an address, or None if it is invalid or its checksum is wrong.

    Raises MissingExtraError.
    """
    if address[:2] in ("0x", "0X"):
        return _ethereum(address[2:])
    if address[:3].lower() == "bc1":
        return _segwit(address)
    if not 25 <= len(address) <= 44 or not _BASE58.issuperset(address):
        return None
    data = _bitcoin_library().b58decode(address)
    digest = hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()
    if len(data) == 25 and digest[:4] == data[-4:]:
        coin = _COIN_OF_VERSION.get(data[0])
        return Wallet(address, coin, True) if coin else None
    # A public key looks random: 32 bytes without a letter of either case or a digit are a word.
    mixed = any(c.isdigit() for c in address) and not (address.islower() or address.isupper())
    return Wallet(address, "solana", False) if len(data) == _SOLANA_BYTES and mixed else None


def _segwit(address: str) -> Wallet | None:
    """Return a segregated-witness address; it may be in one letter case only."""
    low = address.lower()
    if address not in (low, address.upper()) or not 14 <= len(low) <= 90:
        return None
    if not _BECH32.keys() >= set(low[3:]):
        return None
    library = _bitcoin_library()
    version, *program = values = [_BECH32[c] for c in low[3:]]
    constant = _BECH32M_CONSTANT if version else _BECH32_CONSTANT
    if version > 16 or library.bech32_checksum(_BECH32_PREFIX + values) != constant:
        return None
    try:
        length = len(library.b32decode(program[:-6]))
    except library.ValidationError:
        return None
    fits = length in (20, 32) if version == 0 else 2 <= length <= 40
    return Wallet(low, "bitcoin", True) if fits else None


def _ethereum(digits: str) -> Wallet | None:
    low = digits.lower()
    if not re.fullmatch("[0-9a-f]{40}", low):
        return None
    if digits in (low, digits.upper()):
        return Wallet(f"0x{low}", "ethereum", False)
    try:
        from Crypto.Hash import keccak
    except ImportError:
        raise MissingExtraError("pycryptodome", "share") from None
    digest = keccak.new(digest_bits=256, data=low.encode("ascii")).hexdigest()
    checked = "".join(
        c.upper() if int(mark, 16) >= 8 else c for c, mark in zip(low, digest, strict=False)
    )
    return Wallet(f"0x{digits}", "ethereum", True) if digits == checked else None


def _bitcoin_library() -> Any:  # noqa: ANN401 - a module
    try:
        from stdnum import bitcoin
    except ImportError:
        raise MissingExtraError("python-stdnum", "share") from None
    return bitcoin
