"""Scores, and a cache of the last ones."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from threading import Lock
from typing import NoReturn, Self, SupportsIndex

import numpy as np

from scamdetect.errors import InputError, SharingError
from scamdetect.labels import KINDS, VERDICTS

CACHE_SIZE = 100_000  # messages; about 30 MB, of which a short stream needs little
MOST_CACHED = 10_000_000  # more are probably a mistake and would fill the memory
_DIGEST = 15  # bytes: one more would cost 16 bytes per entry

# Scores of n texts, an array of records; a text without tokens has 0 windows and NaN. ``kind`` is
# the probability of being a scam of that kind, ``language`` the index of the bundle's language or
# -1 if uncertain, ``scored`` and ``windows`` how many windows were scored and how many the text
# has, ``cleared`` whether the cascade cleared the text before the whole encoder read it.
Scores = np.recarray
_RECORD = np.dtype(
    [
        ("verdict", np.float32, len(VERDICTS)),
        ("kind", np.float32, len(KINDS)),
        ("language", np.int32),
        ("scored", np.int32),
        ("windows", np.int32),
        ("cleared", np.bool_),
    ]
)


def no_scores(size: int) -> Scores:
    """Return the scores of texts without tokens."""
    scores = np.zeros(size, _RECORD).view(np.recarray)
    scores.verdict = scores.kind = np.nan
    scores.language = -1
    return scores


class StaysInProcess:
    """Base class of objects that cannot be pickled; the error suggests what to do instead."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        raise SharingError(
            "a detector, or another object with an open model, cannot be pickled; pass its bundle "
            "folder and call ScamDetector.load in each process"
        )


class ScoreCache(StaysInProcess):
    """Cache the scores of the last ``size`` distinct texts; thread-safe.

    The key is a digest of the normalised text, which is all that the scorer reads: numbers, names
    and links are tokens there, so copies that differ only in these share an entry. A cached score
    is exactly that of scoring the text again: calls for one text, whose last digit can differ, have
    separate entries. No text is stored, and the digests are keyed by random bytes of the cache, so
    a guess of a message cannot be tested without them.
    """

    def __init__(self, size: int = CACHE_SIZE) -> None:
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= MOST_CACHED:
            raise InputError(
                f"cache_size={size!r} is invalid; use 0 to cache no scores, or up to {MOST_CACHED}"
            )
        self._size = size
        self._secret = os.urandom(32)
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = Lock()

    def score(
        self, texts: Sequence[str], compute: Callable[[Sequence[str]], Scores], *, clear: bool
    ) -> Scores:
        """Return the scores of normalised texts, in order; ``compute`` returns the missing ones.

        ``compute`` is called at most once, and with one text only if ``texts`` has one. ``clear``
        is True if it may clear texts; the two cases have separate entries.
        """
        if not self._size or not texts:
            return compute(texts)
        alone = len(texts) == 1
        keys = [self._key(text, bytes([clear, alone])) for text in texts]
        with self._lock:
            rows = [self._kept.get(key) for key in keys]
        new = [index for index, row in enumerate(rows) if row is None]
        if new:
            computed = [texts[index] for index in new]
            if len(new) == 1 and not alone:
                computed.append(texts[new[0] - 1])
            content, width = compute(computed).tobytes(), _RECORD.itemsize
            for number, index in enumerate(new):
                rows[index] = content[number * width : (number + 1) * width]
        with self._lock:
            for key, row in zip(keys, rows, strict=True):
                self._kept[key] = row or b""
                self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        whole = bytearray(b"".join(row for row in rows if row is not None))
        return np.frombuffer(whole, _RECORD).view(np.recarray)

    def forget(self) -> None:
        """Drop all scores."""
        with self._lock:
            self._kept.clear()

    def _key(self, text: str, salt: bytes) -> bytes:
        content = text.encode("utf-8", "surrogatepass")
        return blake2b(content, digest_size=_DIGEST, key=self._secret, salt=salt).digest()
