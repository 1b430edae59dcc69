"""Fingerprints of campaigns: find near-duplicates with a shared key without sharing text.

A fingerprint is a MinHash signature (Broder 1997) of the shingles that most messages of a campaign
share. A shingle is represented only by its HMAC, so a fingerprint reveals nothing without the key.
Only 4 bits of each of the 256 values are kept (b-bit minwise hashing: Li and König, WWW 2010): with
the key, full values would reveal shingles of five characters one by one.
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
LEAST_SHINGLES = 20  # shorter text is guessed too easily
SHARED = 0.5  # of the messages of a campaign have a shingle that counts
MOST_MESSAGES = 200  # sampled from a campaign, approximately
_GOLDEN = (5**0.5 - 1) / 2  # whose multiples are evenly spread without a pattern
_CHANCE = 1 / (1 << BITS)  # of two values that have nothing in common
_BAND = 6  # values; two of a Jaccard index of 0.7 meet in some band with probability 0.998
_BANDS = VALUES // _BAND
_MARGIN = 0.1
_PROBE = "Pay 12.50 at https://parcel-fee.example/p or call +1 202 555 0147, code AB12CD34, @help"

Signature = NDArray[np.uint8]  # (256,), 0 to 15


class Shingles:
    """A sample of about 200 masked messages of a campaign, and their common shingles."""

    def __init__(self, messages: int) -> None:
        self._rate = min(1.0, MOST_MESSAGES / max(1, messages))
        self._passed = 0.0
        self._messages = 0
        self._templates: Counter[str] = Counter()

    def add(self, text: str) -> None:
        """Count a message, or skip it: the sample is spread over all messages."""
        self._passed = (self._passed + _GOLDEN) % 1.0
        if self._passed < self._rate:
            self._messages += 1
            self._templates[key_of(mask(text))] += 1

    def shared(self) -> list[str]:
        """Return the shingles of at least half of the messages, in order."""
        counts: Counter[str] = Counter()
        for template, count in self._templates.items():
            counts.update(dict.fromkeys(shingles_of(template), count))
        least = SHARED * self._messages
        return sorted(shingle for shingle, count in counts.items() if count >= least)


def shingles_of(template: str) -> set[str]:
    """Return all sequences of five characters, or the whole of a shorter template."""
    last = max(1, len(template) - SHINGLE + 1)
    return {template[start : start + SHINGLE] for start in range(last)}


class Signer:
    """Sign sets of shingles with a key."""

    def __init__(self, key: Key) -> None:
        self._key = key
        # Not from a NumPy generator, whose numbers may differ in another version.
        self._factors, self._terms = self._numbers("factor") | np.uint64(1), self._numbers("term")

    def sign(self, shingles: Iterable[str]) -> Signature:
        """Return the signature of at least one shingle."""
        digests = (self._key.digest("shingle", s.encode("utf-8", "replace"))[:8] for s in shingles)
        hashes = np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
        least = ((hashes * self._factors + self._terms) >> np.uint64(32)).min(axis=1)
        signature: Signature = (least & np.uint64((1 << BITS) - 1)).astype(np.uint8)
        return signature

    def _numbers(self, purpose: str) -> NDArray[np.uint64]:
        drawn = (self._key.digest(purpose, bytes((n,)))[:8] for n in range(VALUES))
        return np.frombuffer(b"".join(drawn), "<u8").astype(np.uint64).reshape(-1, 1)

    def name(self, campaign: str) -> str:
        """Return a name for a campaign that only the key can relate to its id, 16 digits."""
        return self._key.digest("campaign", campaign.encode("utf-8"))[:8].hex()


def packed(signature: Signature) -> str:
    """Return a signature as hexadecimal digits, one per value."""
    return (signature[::2] << 4 | signature[1::2]).tobytes().hex()


def unpacked(text: str) -> Signature:
    """Return the signature from hexadecimal digits; raise ValueError."""
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
    """Two fingerprints, by their indices, and their estimated similarity."""

    mine: int
    theirs: int
    similarity: float


def matches(
    mine: list[Signature], theirs: list[Signature], at_least: float = ALIKE
) -> Iterator[Match]:
    """Yield the similar pairs, in the order of mine, most similar first."""
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
    """Return a digest of the masking rules, 8 hexadecimal digits."""
    return hashlib.sha256(key_of(mask(_PROBE)).encode()).hexdigest()[:8]


def _bands(signature: Signature) -> Iterator[bytes]:
    for number in range(_BANDS):
        yield bytes((number,)) + signature[number * _BAND : (number + 1) * _BAND].tobytes()
