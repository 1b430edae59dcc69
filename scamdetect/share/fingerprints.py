"""Fingerprints of campaigns: near-duplicates meet under a shared key, and no text leaves the house.

A fingerprint is a MinHash signature (Broder 1997) of the shingles that most messages of a campaign
share. A shingle is known by its HMAC only, so that without the key nothing follows from a
fingerprint. Of each of the 256 values only 4 bits stay (b-bit minwise hashing: Li and König, WWW
2010): with the key, whole values would name shingles of five characters one by one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scamdetect.share.fingerprint_key import Key
from scamdetect.text.masking import key_of, mask
from scamdetect.text.near_duplicates import ALIKE, SHINGLE

VALUES, BITS = 256, 4
LEAST_MESSAGES, LEAST_SENDERS = 10, 3
LEAST_SHINGLES = 20  # what is shorter is guessed too easily
SHARED = 0.5  # of the messages of a campaign have a shingle that counts
MOST_MESSAGES = 200  # of a campaign that are looked at, about
_GOLDEN = (5**0.5 - 1) / 2  # whose multiples spread evenly and in step with nothing
_CHANCE = 1 / (1 << BITS)  # of two values that have nothing in common
_BAND = 6  # values; two of a Jaccard index of 0.7 meet in some band with probability 0.998
_BANDS = VALUES // _BAND
_MARGIN = 0.1
_PROBE = "Pay 12.50 at https://parcel-fee.example/p or call +1 202 555 0147, code AB12CD34, @help"

Signature = NDArray[np.uint8]  # (256,), 0 to 15


class Shingles:
    """The masked messages of a campaign of so many, or of some 200 of them, and what they share."""

    def __init__(self, messages: int) -> None:
        self._rate = min(1.0, MOST_MESSAGES / max(1, messages))
        self._passed = 0.0
        self._messages = 0
        self._templates: Counter[str] = Counter()

    def add(self, text: str) -> None:
        """Count a message, or pass it over: those looked at are spread over all."""
        self._passed = (self._passed + _GOLDEN) % 1.0
        if self._passed < self._rate:
            self._messages += 1
            self._templates[key_of(mask(text))] += 1

    def shared(self) -> list[str]:
        """Return the shingles that at least half of the messages have, in order."""
        counts: Counter[str] = Counter()
        for template, count in self._templates.items():
            counts.update(dict.fromkeys(shingles_of(template), count))
        least = SHARED * self._messages
        return sorted(shingle for shingle, count in counts.items() if count >= least)


def shingles_of(template: str) -> set[str]:
    """Return all runs of five characters, the whole of a shorter template."""
    last = max(1, len(template) - SHINGLE + 1)
    return {template[start : start + SHINGLE] for start in range(last)}


class Signer:
    """Signs sets of shingles under a key."""

    def __init__(self, key: Key) -> None:
        self._key = key
        # Not from a generator of NumPy, whose numbers may differ in another version.
        self._factors, self._terms = self._numbers("factor") | np.uint64(1), self._numbers("term")

    def sign(self, shingles: Iterable[str]) -> Signature:
        """Return the signature of shingles, of which there must be one at least."""
        digests = (self._key.digest("shingle", s.encode("utf-8", "replace"))[:8] for s in shingles)
        hashes = np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
        least = ((hashes * self._factors + self._terms) >> np.uint64(32)).min(axis=1)
        signature: Signature = (least & np.uint64((1 << BITS) - 1)).astype(np.uint8)
        return signature

    def _numbers(self, purpose: str) -> NDArray[np.uint64]:
        drawn = (self._key.digest(purpose, bytes((n,)))[:8] for n in range(VALUES))
        return np.frombuffer(b"".join(drawn), "<u8").astype(np.uint64).reshape(-1, 1)

    def name(self, campaign: str) -> str:
        """Return a name for a campaign that only the key tells from its id, 16 digits."""
        return self._key.digest("campaign", campaign.encode("utf-8"))[:8].hex()


def packed(signature: Signature) -> str:
    """Return a signature as hexadecimal digits, one a value."""
    return (signature[::2] << 4 | signature[1::2]).tobytes().hex()


def unpacked(text: str) -> Signature:
    """Return the signature in hexadecimal digits; raise ValueError."""
    data = np.frombuffer(bytes.fromhex(text), np.uint8)
    if len(data) * 2 != VALUES:
        raise ValueError(len(data))
    return np.stack([data >> 4, data & 15], axis=1).reshape(-1)


def similarity(one: Signature, other: Signature) -> float:
    """Return the estimated Jaccard index of the shingles, 0 to 1; its standard error is 0.03."""
    agreeing = float((one == other).mean())
    return max(0.0, (agreeing - _CHANCE) / (1 - _CHANCE))


@dataclass(frozen=True, slots=True)
class Match:
    """Two fingerprints, by their places, and their estimated similarity."""

    mine: int
    theirs: int
    similarity: float


def matches(
    mine: list[Signature], theirs: list[Signature], at_least: float = ALIKE
) -> Iterator[Match]:
    """Yield the pairs that are alike, in the order of mine, the most alike first."""
    met: dict[bytes, list[int]] = {}
    for place, signature in enumerate(theirs):
        for band in _bands(signature):
            met.setdefault(band, []).append(place)
    for place, signature in enumerate(mine):
        candidates = {other for band in _bands(signature) for other in met.get(band, ())}
        found = [Match(place, n, similarity(signature, theirs[n])) for n in sorted(candidates)]
        alike = [one for one in found if one.similarity >= at_least]
        yield from sorted(alike, key=lambda one: (-one.similarity, one.theirs))


def masking_id() -> str:
    """Return what changes when messages are masked in another way, 8 hexadecimal digits."""
    return hashlib.sha256(key_of(mask(_PROBE)).encode()).hexdigest()[:8]


def _bands(signature: Signature) -> Iterator[bytes]:
    for number in range(_BANDS):
        yield bytes((number,)) + signature[number * _BAND : (number + 1) * _BAND].tobytes()
