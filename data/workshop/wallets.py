"""Print wallet addresses derived from a published string: well formed, and owned by nobody.

    pip install base58 pycryptodome && python -m data.workshop.wallets

The messages of ``data/authored/indicators`` take theirs from this list.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator

COUNT = 40  # of a sort
OLD_BITCOIN = 10  # of the sorts that few people use
PUBLISHED = "scamdetect indicator test set: no one holds a key to this address, number {}"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32M = 0x2BC830A3


def digest(sort: str, number: int) -> bytes:
    """Return the 32 bytes from which an address is made."""
    return hashlib.sha256(f"{sort} {PUBLISHED.format(number)}".encode()).digest()


def segwit(version: int, program: bytes) -> str:
    """Return the bech32 address of a witness program (BIP 173, BIP 350)."""
    value, length = int.from_bytes(program, "big"), len(program) * 8
    value <<= -length % 5
    groups = (length + 4) // 5
    data = [version, *(value >> 5 * place & 31 for place in reversed(range(groups)))]
    prefix = [*(ord(c) >> 5 for c in "bc"), 0, *(ord(c) & 31 for c in "bc")]
    found = _polymod([*prefix, *data, *[0] * 6]) ^ (_BECH32M if version else 1)
    data += [found >> 5 * (5 - place) & 31 for place in range(6)]
    return "bc1" + "".join(_BECH32[one] for one in data)


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return check


def mixed_case(address: bytes) -> str:
    """Return an Ethereum address with its checksum (EIP 55)."""
    from Crypto.Hash import keccak

    letters = address.hex()
    check = keccak.new(digest_bits=256, data=letters.encode()).hexdigest()
    pairs = zip(letters, check, strict=False)
    return "0x" + "".join(c.upper() if int(nibble, 16) >= 8 else c for c, nibble in pairs)


def addresses() -> Iterator[tuple[str, str]]:
    """Yield coin and address."""
    import base58

    def checked(prefix: bytes, sort: str, number: int) -> str:
        encoded: bytes = base58.b58encode_check(prefix + digest(sort, number)[:20])
        return encoded.decode()

    for number in range(1, COUNT + 1):
        yield "btc", checked(b"\x00", "p2pkh", number)
        yield "btc", segwit(0, digest("p2wpkh", number)[:20])
        yield "tron", checked(b"\x41", "tron", number)
        yield "tron", checked(b"\x41", "tron2", number)
        yield "eth", mixed_case(digest("eth", number)[:20])
        yield "eth-lower", "0x" + digest("ethl", number)[:20].hex()
        yield "sol", base58.b58encode(digest("sol", number)).decode()
        if number <= OLD_BITCOIN:
            yield "btc", segwit(1, digest("p2tr", number))
            yield "btc", checked(b"\x05", "p2sh", number)


if __name__ == "__main__":
    sys.stdout.writelines(sorted(f"{coin} {address}\n" for coin, address in addresses()))
