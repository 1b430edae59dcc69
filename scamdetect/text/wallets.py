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
from typing import NamedTuple

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_PLACE = {character: place for place, character in enumerate(_BASE58)}
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_PLACE = {character: place for place, character in enumerate(_BECH32)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_CONSTANT, _BECH32M_CONSTANT = 1, 0x2BC830A3
_BITCOIN_VERSIONS = (0x00, 0x05)  # pay to a public key's hash, to a script's hash
_TRON_VERSION = 0x41
_SOLANA_BYTES = 32

# The longest first: a Bech32 address of a script has 62 characters, the maximum.
_CANDIDATE = re.compile(
    r"(?<![A-Za-z0-9])(?:0[xX][0-9A-Fa-f]{40}|bc1[a-z0-9]{11,71}|BC1[A-Z0-9]{11,71}"
    r"|[1-9A-HJ-NP-Za-km-z]{25,44})(?![A-Za-z0-9])"
)
_HINT = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{25}")
# With characters that may replace letters and digits, or hide between them.
_DISGUISED = (
    "A-Za-z0-9\u00ad\u0370-\u052f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\uff10-\uff5a\U0001d400-\U0001d7ff"
)
_DISGUISED_HINT = re.compile(f"(?<![{_DISGUISED}])[{_DISGUISED}]{{25}}")
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
    """An address, in its normal form, and whether a checksum confirms it."""

    value: str
    coin: str  # bitcoin, tron, ethereum or solana
    verified: bool


class Found(NamedTuple):
    """A wallet and its place in the text."""

    wallet: Wallet
    start: int
    end: int


def may_have_wallets(text: str) -> bool:
    """Return False if a text, as written, has no word as long as an address; fast."""
    return (_HINT if text.isascii() else _DISGUISED_HINT).search(text) is not None


def find_wallets(text: str) -> Iterator[Found]:
    """Yield the wallets of a folded text in order, without those that fail their checksum."""
    coins: bool | None = None
    for match in _CANDIDATE.finditer(text):
        wallet = wallet_of(match[0])
        if wallet is None:
            continue
        if not wallet.verified:
            coins = _COIN_WORD.search(text) is not None if coins is None else coins
            if not coins:
                continue
        yield Found(wallet, *match.span())


@lru_cache(1 << 12)
def wallet_of(address: str) -> Wallet | None:
    """Return the wallet of an address, or None if it is invalid or its checksum is wrong."""
    if address[:2] in ("0x", "0X"):
        return _ethereum(address[2:])
    if address[:3].lower() == "bc1":
        return _segwit(address)
    if not 25 <= len(address) <= 44 or not all(c in _BASE58_PLACE for c in address):
        return None
    data = _base58(address)
    if len(data) == 25 and _checked(data):
        if data[0] in _BITCOIN_VERSIONS:
            return Wallet(address, "bitcoin", True)
        if data[0] == _TRON_VERSION:
            return Wallet(address, "tron", True)
        return None
    # A public key looks random: 32 bytes without a letter of either case or a digit are a word.
    mixed = any(c.isdigit() for c in address) and not (address.islower() or address.isupper())
    if len(data) == _SOLANA_BYTES and mixed:
        return Wallet(address, "solana", False)
    return None


def _base58(text: str) -> bytes:
    number = 0
    for character in text:
        number = number * 58 + _BASE58_PLACE[character]
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _checked(data: bytes) -> bool:
    digest = hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()
    return digest[:4] == data[-4:]


def _segwit(address: str) -> Wallet | None:
    """Return a segregated-witness address; it may be in one letter case only."""
    if address not in (address.lower(), address.upper()):
        return None
    address = address.lower()
    if not all(c in _BECH32_PLACE for c in address[3:]) or not 14 <= len(address) <= 90:
        return None
    values = [_BECH32_PLACE[c] for c in address[3:]]
    prefix = [ord(c) >> 5 for c in "bc"] + [0] + [ord(c) & 31 for c in "bc"]
    version, *program = values[:-6]
    constant = _polymod(prefix + values)
    if constant != (_BECH32M_CONSTANT if version else _BECH32_CONSTANT) or version > 16:
        return None
    bits, size = 0, 0
    for value in program:
        bits, size = bits << 5 | value, size + 5
    length, padding = divmod(size, 8)
    if padding > 4 or bits & ((1 << padding) - 1) or not 2 <= length <= 40:
        return None
    if version == 0 and length not in (20, 32):
        return None
    return Wallet(address, "bitcoin", True)


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, term in enumerate(_GENERATOR):
            if top >> place & 1:
                check ^= term
    return check


def _ethereum(digits: str) -> Wallet | None:
    if len(digits) != 40 or not all(c in "0123456789abcdefABCDEF" for c in digits):
        return None
    if digits in (digits.lower(), digits.upper()):
        return Wallet(f"0x{digits.lower()}", "ethereum", False)
    return Wallet(f"0x{digits}", "ethereum", True) if digits == _eip55(digits) else None


def _eip55(digits: str) -> str:
    low = digits.lower()
    hashed = keccak_256(low.encode("ascii")).hex()
    return "".join(
        c.upper() if int(mark, 16) >= 8 else c for c, mark in zip(low, hashed[:40], strict=True)
    )


_ROTATIONS = (
    (0, 36, 3, 41, 18), (1, 44, 10, 45, 2), (62, 6, 43, 15, 61), (28, 55, 25, 21, 56),
    (27, 20, 39, 8, 14),
)  # fmt: skip
_MASK = (1 << 64) - 1
_RATE = 136  # bytes


def keccak_256(data: bytes) -> bytes:
    """Return the Keccak-256 digest that Ethereum uses: SHA-3 before its padding changed.

    https://keccak.team/keccak_specs_summary.html
    """
    return _digest(data, 0x01)


def _digest(data: bytes, padding: int) -> bytes:
    """Return the 256-bit digest; SHA3-256 is the same with the padding 0x06."""
    padded = bytearray(data) + bytes(_RATE - len(data) % _RATE)
    padded[len(data)] ^= padding
    padded[-1] ^= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), _RATE):
        for place in range(_RATE // 8):
            at = start + 8 * place
            lanes[place % 5][place // 5] ^= int.from_bytes(padded[at : at + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lanes[x][0].to_bytes(8, "little") for x in range(4))


def _permuted(a: list[list[int]]) -> list[list[int]]:
    register = 1
    for _ in range(24):
        columns = [line[0] ^ line[1] ^ line[2] ^ line[3] ^ line[4] for line in a]
        parities = [columns[x - 1] ^ _rotated(columns[(x + 1) % 5], 1) for x in range(5)]
        b = [[0] * 5 for _ in range(5)]
        for x in range(5):
            for y in range(5):
                b[y][(2 * x + 3 * y) % 5] = _rotated(a[x][y] ^ parities[x], _ROTATIONS[x][y])
        a = [
            [b[x][y] ^ (~b[(x + 1) % 5][y] & _MASK & b[(x + 2) % 5][y]) for y in range(5)]
            for x in range(5)
        ]
        for power in range(7):
            register = (register << 1) ^ ((register >> 7) * 0x171)
            if register & 2:
                a[0][0] ^= 1 << ((1 << power) - 1)
    return a


def _rotated(lane: int, count: int) -> int:
    return (lane << count | lane >> (64 - count)) & _MASK
