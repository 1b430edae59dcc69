"""Scores of the messages that were scored last, so that a later copy costs no run of the encoder.

The key is a digest of the normalised text, which is all that the scorer reads: numbers, names and
links are tokens there, so that copies which differ in nothing else are one entry. To the last digit
the kept score is that of scoring the text again: a call for one text, whose last digit may be
another one, has entries of its own. No text is kept, and the digests are keyed by random bytes of
the cache: whoever reads its memory can test no guess of a message without them.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import fields
from hashlib import blake2b
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scamdetect.bundle.scoring import Scores, StaysInProcess
from scamdetect.errors import InputError

CACHE_SIZE = 100_000  # messages; some 30 MB, of which a short stream needs little
MOST_CACHED = 10_000_000  # more are a slip that would fill the memory
_DIGEST = 15  # bytes: one more would cost an entry 16 bytes


class ScoreCache(StaysInProcess):
    """Keeps the scores of the last ``size`` different texts; safe to share between threads."""

    def __init__(self, size: int = CACHE_SIZE) -> None:
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= MOST_CACHED:
            raise InputError(
                f"cache_size={size!r} is impossible; use 0 to keep no scores, or up to "
                f"{MOST_CACHED}"
            )
        self._size = size
        self._secret = os.urandom(32)
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = Lock()
        self._row: np.dtype[np.void] | None = None

    def score(
        self, texts: Sequence[str], compute: Callable[[Sequence[str]], Scores], *, clear: bool
    ) -> Scores:
        """Return the scores of normalised texts, order kept; ``compute`` gives those not kept.

        It is called at most once, for one text only where ``texts`` is one. ``clear`` says whether
        it may clear texts: what was scored with it is not kept for a call without, nor the other
        way round.
        """
        if not self._size:
            return compute(texts)
        alone = len(texts) == 1
        keys = [self._key(text, clear=clear, alone=alone) for text in texts]
        rows = self._find(keys)
        new = [place for place, row in enumerate(rows) if row is None]
        if new or not texts:
            wanted = [texts[place] for place in new]
            if len(new) == 1 and not alone:
                wanted.append(texts[new[0] - 1])
            computed = compute(wanted)
            packed = self._packed(computed)[: len(new)]
            self._keep([keys[place] for place in new], packed)
            if len(new) == len(texts):
                return computed
            for place, row in zip(new, packed, strict=True):
                rows[place] = row
        return self._unpacked(b"".join(row for row in rows if row is not None))

    def forget(self) -> None:
        """Forget all scores."""
        with self._lock:
            self._kept.clear()

    def _key(self, text: str, *, clear: bool, alone: bool) -> bytes:
        content = text.encode("utf-8", "surrogatepass")
        salt = bytes([clear, alone])
        return blake2b(content, digest_size=_DIGEST, key=self._secret, salt=salt).digest()

    def _find(self, keys: Sequence[bytes]) -> list[bytes | None]:
        with self._lock:
            rows = [self._kept.get(key) for key in keys]
            for key, row in zip(keys, rows, strict=True):
                if row is not None:
                    self._kept.move_to_end(key)
        return rows

    def _keep(self, keys: Sequence[bytes], rows: Sequence[bytes]) -> None:
        with self._lock:
            self._kept.update(zip(keys, rows, strict=True))
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def _packed(self, scores: Scores) -> list[bytes]:
        """Return the bytes of each text's scores."""
        columns: dict[str, NDArray[Any]] = {
            field.name: getattr(scores, field.name) for field in fields(scores)
        }
        if self._row is None:
            self._row = np.dtype(
                [(name, column.dtype, column.shape[1:]) for name, column in columns.items()]
            )
        table = np.empty(len(scores.scored), self._row)
        for name, column in columns.items():
            table[name] = column
        content, width = table.tobytes(), self._row.itemsize
        return [content[start : start + width] for start in range(0, len(content), width)]

    def _unpacked(self, content: bytes) -> Scores:
        table = np.frombuffer(content, self._row)
        # Copies, because a field within packed rows is not aligned.
        return Scores(*(table[field.name].copy() for field in fields(Scores)))
