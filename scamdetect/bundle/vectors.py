"""Sentence vectors of a bundle's frozen encoder."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from scamdetect.bundle.bundle import MANIFEST, MODEL, Bundle, default_bundle_path
from scamdetect.bundle.runtime import VectorSession
from scamdetect.bundle.scoring import StaysInProcess
from scamdetect.bundle.tokens import Batch, TokenWindows
from scamdetect.calibration.probabilities import scam_logits
from scamdetect.errors import BundleError, InputError
from scamdetect.frames.tables import check_several, chunked
from scamdetect.system.files import read_bytes
from scamdetect.text.normalise import normalise

Floats = NDArray[np.float32]

REMEMBERED = 20_000  # cached texts: about 30 MB for a bundle of 384 dimensions
_CHUNK = 1024


class SentenceVectors(StaysInProcess):
    """The vectors that a bundle's verdict head reads; thread-safe.

    Those of the last ``REMEMBERED`` distinct texts are cached under hashes of the texts, so that
    folds and searches over one data set read each text once.
    """

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise InputError(f"threads={threads!r} is invalid; use 1 or more, or None for all")
        self.model_id = bundle.model_id
        self._bundle = bundle
        self._session = VectorSession(
            bundle.read(MODEL), bundle.folder / MODEL, len(bundle.languages)
        )
        self._cutter = TokenWindows(bundle, threads)
        self._kept: OrderedDict[bytes, Floats] = OrderedDict()
        self._lock = Lock()
        self.width = self._read([self._cutter.cut([0])[0]]).shape[1]

    def of(self, texts: Sequence[str]) -> Floats:
        """Return float32 (n, width), for each text the vector of its most suspicious window.

        Rows of texts without tokens are NaN. Raises BundleError if the graph returns invalid
        numbers, TextsError for a single string.
        """
        check_several(texts)
        parts = [self._of_chunk(chunk) for chunk in chunked(texts, _CHUNK)]
        return np.concatenate([np.empty((0, self.width), np.float32), *parts])

    def normalised(self, texts: Sequence[str]) -> list[str]:
        """Return the texts as the encoder reads them, '' if nothing is left."""
        return [normalise(text, self._bundle.normaliser_version) for text in texts]

    def _of_chunk(self, texts: Sequence[str]) -> Floats:
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        with self._lock:
            known = {key: self._kept[key] for key in keys if key in self._kept}
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        tokens = self._cutter.tokens(self.normalised(list(fresh.values())))
        known |= zip(fresh, self._read([self._cutter.cut(ids)[0] for ids in tokens]), strict=True)
        self._keep(known)
        return np.stack([known[key] for key in keys])

    def _keep(self, vectors: Mapping[bytes, Floats]) -> None:
        with self._lock:
            for key, vector in vectors.items():
                self._kept[key] = vector
                self._kept.move_to_end(key)
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)

    def _read(self, windows_of: Sequence[list[list[int]]]) -> Floats:
        """Return (texts, width) from the windows of each text, NaN for a text without windows."""
        rows = list(chain.from_iterable(windows_of))
        read: dict[int, tuple[float, Floats]] = {}

        def read_batches(batches: Iterator[Batch]) -> None:
            for places, ids, mask in batches:
                logits, vectors = self._session.run(ids, mask)
                odds = scam_logits(logits.verdict)
                read.update(zip(places, zip(odds, vectors, strict=True), strict=True))

        self._cutter.read(rows, read_batches)
        if not all(np.isfinite(vector).all() for _, vector in read.values()):
            raise BundleError(
                f"{self._bundle.folder / MODEL}: returned invalid vectors (NaN or infinite) on "
                "this machine; run `scamdetect doctor`, then get or export the bundle again"
            )
        width = len(read[0][1]) if read else self.width
        found = np.full((len(windows_of), width), np.nan, np.float32)
        first = 0
        for place, windows in enumerate(windows_of):
            if windows:
                of_text = [read[row] for row in range(first, first + len(windows))]
                found[place] = max(of_text, key=itemgetter(0))[1]
            first += len(windows)
        return found


def sentence_vectors(
    path: str | os.PathLike[str] | None = None, threads: int | None = None
) -> SentenceVectors:
    """Return the vectors of the bundle in a folder, by default the shipped one.

    The last ones stay open for the next call while the bundle's manifest is unchanged. Raises
    BundleError if the bundle fails its checks, InputError for invalid ``threads``.
    """
    folder = default_bundle_path() if path is None else Path(path)
    try:
        manifest = read_bytes(folder / MANIFEST)
    except OSError:
        manifest = b""  # loading reports what is wrong
    return _opened(folder.absolute(), hashlib.sha256(manifest).digest(), threads)


@lru_cache(maxsize=2)
def _opened(folder: Path, _manifest: bytes, threads: int | None) -> SentenceVectors:
    return SentenceVectors(Bundle.load(folder), threads)
