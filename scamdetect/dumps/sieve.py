"""Quickly exclude messages without anything from a long list, before a closer look.

The sieve is a Bloom filter (Bloom 1970) with two hashes: a part of every listed indicator, such as
the name of its host, sets two bits. A message without any of these parts contains nothing listed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from scamdetect.text.indicators import IndicatorType
from scamdetect.text.link_disguises import may_have_links, spelt_out
from scamdetect.text.link_finder import split_link
from scamdetect.text.normalise import fold
from scamdetect.text.numbers import plain_digits

MOST_READ = 20_000  # characters of a message
FOLD = 2  # the version of the normaliser by which indicators are found
_OF_HOSTS = frozenset((IndicatorType.DOMAIN, IndicatorType.LINK, IndicatorType.EMAIL))
_BITS_EACH = 64  # so that less than about 3 % of the parts of honest messages match the first bit
_FEWEST_BITS, _MOST_BITS = 1 << 16, 1 << 31
_MOST_LABELS = 12
# What changes names when a text is folded and spelt out: words and characters for a dot in
# brackets, blanks around a dot, controls.
_BRACKETS = re.compile(
    r"[\[({<]\s?(?:[.:/@]+|s|dot|d0t|punto|ponto|point|punkt|nokta|titik|chấm|cham|точка|крапка|kropka"
    r"|点|點|점|ドット|نقطة|نقطه|डॉट|ডট|จุด|at|arroba|собака)\s?[\])}>]"
)
_BLANK_DOT = re.compile(
    r"[a-z0-9]\s+\.\s*(?:[a-z]{2,4}|example|invalid|localhost)(?![\w.])|\.\s+[a-z]{2,12}/"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# Characters that replace ASCII in other scripts, and invisible ones.
_UNSEEN = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
_DOTS = "\u00b7\u2022\u2027\u2219\u2024\u0701\u0702\u30fb\uff65\u3002\uff0e\uff61"
_STYLED = re.compile(
    "[\uff0d-\uff19\uff20-\uff3a\uff3f-\uff5a\u2100-\u214f\u2460-\u24ff\u0250-\u02af\u1d00-\u1dbf"
    "\u2070-\u209f\ua700-\ua7ff\U0001d400-\U0001d7ff\U0001f100-\U0001f1e5]"
)
_MIXED = re.compile(
    f"[A-Za-z][\u0300-\u052f]|[\u0370-\u052f][A-Za-z]|[A-Za-z0-9][{_DOTS}][A-Za-z0-9]"
    f"|[A-Za-z0-9._-][{_UNSEEN}]|[{_UNSEEN}][A-Za-z0-9._-]"
)
_NAME = re.compile(r"(?<![a-z0-9_-])[a-z0-9_-]++(?:\.[a-z0-9_-]+)+")
_OTHER_HOST = re.compile(r"://[^\s/]*[^\x00-\x7f]")
# People write an IP address in several ways.
_ADDRESS = re.compile(r"://(?:[^\s/@]*@)?[\[\d]|\d\.(?:0x)?[\da-f]+/")
_WORD = re.compile(r"[a-z0-9_]{2,}")
_DIGITS = re.compile(r"\d(?:[^\w\n]{0,4}\d){6,}")
_BURMESE_ZERO = "\u101d"  # a letter that is typed instead
_NO_DIGIT = re.compile(r"\D+")
_TAIL = 7  # digits of a phone number that are the same with and without its country code
_IBAN = re.compile(r"(?<![a-z0-9])[a-z]{2}\d\d(?:[ \u00a0-]?[a-z0-9]){4}")
_IBAN_START = 8
_BLANKS = re.compile(r"[ \u00a0-]")


class Sieve:
    """The parts of the listed indicators of some types.

    ``parts`` has the hash of a part of each, from ``part_hash``, uint64 (n,). ``odd`` is True if
    some hosts among them are IP addresses, or names in other scripts than Latin.
    """

    def __init__(
        self, types: Iterable[IndicatorType], parts: NDArray[np.uint64], *, odd: bool = True
    ) -> None:
        size = _FEWEST_BITS
        while size < min(len(parts) * _BITS_EACH, _MOST_BITS):
            size <<= 1
        self._mask = size - 1
        bits = np.zeros(size >> 3, np.uint8)
        for hashes in (parts, parts >> np.uint64(32)):
            places = (hashes & np.uint64(self._mask)).astype(np.int64)
            np.bitwise_or.at(bits, places >> 3, np.uint8(1) << (places & 7).astype(np.uint8))
        self._bits = bits.tobytes()
        self._odd = odd
        self._types = frozenset(types)
        self._others = self._types - _OF_HOSTS - {IndicatorType.WALLET}

    def types_in(self, text: str) -> frozenset[IndicatorType]:
        """Return the types of listed indicators that a message may contain."""
        text = text[:MOST_READ]
        found = set()
        if IndicatorType.WALLET in self._types and len(text) >= 25:
            found.add(IndicatorType.WALLET)
        hosts = bool(self._types & _OF_HOSTS) and may_have_links(text)
        if hosts or self._others:
            mixed = not text.isascii() and (_STYLED.search(text) or _MIXED.search(text))
            low = (fold(text, FOLD) if mixed else text).lower()
            if hosts and (mixed or _is_spelt(low)):
                low = spelt_out(fold(text, FOLD)).lower()
            if hosts and (self._has_odd_name(low) or self._has_any(_names(low))):
                found |= self._types & _OF_HOSTS
            found.update(self._other_types(low))
        return frozenset(found)

    def _other_types(self, text: str) -> Iterator[IndicatorType]:
        """Yield the types, other than hosts, that a lower-case text may contain."""
        numbers = self._others & {IndicatorType.PHONE, IndicatorType.HANDLE}
        if numbers and self._has_any(_tails(text)):
            yield from numbers
        if IndicatorType.HANDLE in self._others and self._has_any(_WORD.findall(text)):
            yield IndicatorType.HANDLE
        if IndicatorType.IBAN in self._others and self._has_any(_iban_starts(text)):
            yield IndicatorType.IBAN

    def _has_odd_name(self, text: str) -> bool:
        """Return True if a host may be typed in another script, or as any form of an address."""
        if not self._odd:
            return False
        other = not text.isascii() and _has_other_script(text)
        return other or _ADDRESS.search(text) is not None

    def _has_any(self, parts: Iterable[str]) -> bool:
        bits, mask = self._bits, self._mask
        for part in parts:  # which are ASCII
            place = crc32(part.encode()) & mask
            if bits[place >> 3] >> (place & 7) & 1:
                place = _slow(part) & mask
                if bits[place >> 3] >> (place & 7) & 1:
                    return True
        return False


def part_hash(kind: IndicatorType, value: str) -> int:
    """Return the 64-bit hashes of the part that every message with the indicator contains."""
    part = _part_of(kind, value)
    return _slow(part) << 32 | _quick(part)


def has_odd_host(kind: IndicatorType, value: str) -> bool:
    """Return True if people type the host of a listed indicator in several ways."""
    host = _part_of(kind, value) if kind in _OF_HOSTS else ""
    return host.startswith("[") or "xn--" in host or host.replace(".", "").isdecimal()


def _quick(part: str) -> int:
    return crc32(part.encode("utf-8", "backslashreplace"))


def _slow(part: str) -> int:
    raw = part.encode("utf-8", "backslashreplace")
    return int.from_bytes(hashlib.blake2b(raw, digest_size=4).digest(), "little")


def _part_of(kind: IndicatorType, value: str) -> str:
    """Return the part that every message with the indicator contains."""
    if kind is IndicatorType.LINK:
        return host_of(value)
    if kind is IndicatorType.EMAIL:
        return value.rpartition("@")[2]
    if kind is IndicatorType.HANDLE:
        name = value.partition(":")[2].lower()
        words = _WORD.findall(name)
        digits = name.removeprefix("+")
        if digits.isdecimal() and len(digits) >= _TAIL:
            return digits[-_TAIL:]
        return max(words, key=len) if words else name
    if kind is IndicatorType.PHONE:
        return value[-_TAIL:]
    return value[:_IBAN_START].lower() if kind is IndicatorType.IBAN else value


def host_of(link: str) -> str:
    """Return the host of a plain link without ``www.``."""
    host = split_link(link)[1].partition("/")[0]
    host = host if host.endswith("]") else host.partition(":")[0]
    return host.removeprefix("www.")


def _is_spelt(text: str) -> bool:
    """Return True if folding or spelling out may change names in a lower-case text."""
    if not text.isprintable() and _CONTROLS.search(text):
        return True
    if ("(" in text or "[" in text or "<" in text or "{" in text) and _BRACKETS.search(text):
        return True
    if (" ." in text or ". " in text or "\n." in text) and _BLANK_DOT.search(text):
        return True
    return " dot " in text or " точка " in text


def _has_other_script(text: str) -> bool:
    """Return True if a name in a text may have letters beyond ASCII."""
    if _OTHER_HOST.search(text):
        return True
    pieces = text.split(".")
    return any(
        not (one[-1:] + other[:1]).isascii() and (one[-1:] + other[:1]).isalnum()
        for one, other in pairwise(pieces)
    )


def _names(text: str) -> Iterator[str]:
    """Yield all sequences of labels in the dotted names of a text; each may be the host."""
    for name in _NAME.findall(text):
        yield name.strip("-_")
        labels = name.split(".")
        if len(labels) > 2:
            for start in range(len(labels) - 1):
                for end in range(start + 2, min(start + _MOST_LABELS, len(labels)) + 1):
                    yield ".".join(labels[start:end]).strip("-_")


def _tails(text: str) -> Iterator[str]:
    """Yield the possible last digits of a phone number."""
    if _DIGITS.search(text) is None and _BURMESE_ZERO not in text:
        return
    for match in _DIGITS.finditer(plain_digits(text)):
        digits = _NO_DIGIT.sub("", match[0])
        for start in range(len(digits) - _TAIL + 1):
            yield digits[start : start + _TAIL]


def _iban_starts(text: str) -> Iterator[str]:
    for match in _IBAN.finditer(plain_digits(text)):
        yield _BLANKS.sub("", match[0])
