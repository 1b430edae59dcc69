"""The secret key of fingerprints, shared only between those who compare them."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from scamdetect.errors import InputError
from scamdetect.system.destinations import file_destination
from scamdetect.system.files import OWNER, read_bytes, writing
from scamdetect.system.os_errors import unreadable, written

BYTES, LEAST_BYTES = 32, 16  # new keys have 256 bits, keys of 128 are accepted
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2})+")
_OTHERS = 0o077
_LEAST_DIFFERENT = 8  # distinct bytes; a key with fewer was typed, not random


@dataclass(frozen=True, repr=False)
class Key:
    """A key; its repr hides it."""

    secret: bytes

    def digest(self, purpose: str, data: bytes) -> bytes:
        """Return the HMAC-SHA256 of data for a purpose (RFC 2104), 32 bytes."""
        return hmac.digest(self.secret, purpose.encode("ascii") + b"\x00" + data, hashlib.sha256)

    @property
    def id(self) -> str:
        """Return an id that distinguishes keys without revealing them, 16 hexadecimal digits."""
        return self.digest("key id", b"")[:8].hex()


def write_key(destination: str | Path) -> Path:
    """Write a new key of 256 random bits in hexadecimal, readable only for the owner of the file.

    An existing file is never replaced: fingerprints made with it could not be compared any more.
    Raises InputError, OutputError.
    """
    destination = Path(destination)
    target = file_destination(destination, overwrite=False)
    with written(destination), writing(target, OWNER) as file:
        file.write(f"{secrets.token_hex(BYTES)}\n".encode("ascii"))
    return target


def read_key(path: str | Path) -> Key:
    """Return the key in a file; raise InputError if it is weak, or readable for others."""
    path = Path(path)
    try:
        content = read_bytes(path).strip()
        _check_private(path)
    except OSError as problem:
        raise unreadable(path, problem) from problem
    if not _HEX.fullmatch(content):
        raise InputError(
            f"{path}: not a key in hexadecimal digits; make one with scamdetect fingerprints key"
        )
    found = bytes.fromhex(content.decode("ascii"))
    if len(found) < LEAST_BYTES:
        raise InputError(
            f"{path}: the key has {8 * len(found)} bits and could be guessed; at least "
            f"{8 * LEAST_BYTES} are needed: make one with scamdetect fingerprints key"
        )
    if len(set(found)) < _LEAST_DIFFERENT:
        raise InputError(
            f"{path}: the key is not random and could be guessed; make one with scamdetect "
            "fingerprints key"
        )
    return Key(found)


def _check_private(path: Path) -> None:
    if not hasattr(os, "geteuid"):  # Windows has other permissions
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS:
        raise InputError(
            f"{path}: users other than its owner can read or write the key (mode {mode:04o}); "
            "restrict it with chmod 600, and make a new key if they may have read it"
        )
