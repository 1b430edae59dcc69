"""Sentence vectors of a bundle's frozen encoder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scamdetect.bundle.bundle import MANIFEST, MODEL, Bundle, default_bundle_path
from scamdetect.bundle.cache import StaysInProcess
from scamdetect.bundle.graph import read_by, with_output
from scamdetect.bundle.session import AGAIN, INPUTS, OUTPUTS, open_graph
from scamdetect.bundle.tokens import Batch, TokenWindows
from scamdetect.calibration.probabilities import scam_logits
from scamdetect.errors import BundleError
from scamdetect.frames.tables import check_several, chunked
from scamdetect.system.files import read_bytes
from scamdetect.text.normalise import normalise

Floats = NDArray[np.float32]

REMEMBERED = 20_000  # cached texts: about 30 MB for a bundle of 384 dimensions
_CHUNK = 1024


class SentenceVectors(StaysInProcess):
    """The vectors that a bundle's verdict head reads; thread-safe.

    Those of the last texts are cached under hashes of the texts, so that folds and searches over
    one data set read each text once.
    """

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        self.model_id, self._path = bundle.model_id, bundle.folder / MODEL
        graph = bundle.read(MODEL)
        try:
            output = read_by(graph, OUTPUTS[0])
        except ValueError as problem:
            raise BundleError(f"{self._path}: has no vectors ({problem}); {AGAIN}") from problem
        self._outputs = (OUTPUTS[0], output)
        self._session = open_graph(with_output(graph, output), self._path)
        self._windows = TokenWindows(bundle, threads)
        self._kept: dict[bytes, Floats] = {}
        self.width = self._read([[0]]).shape[1]

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
        return [normalise(text) for text in texts]

    def _of_chunk(self, texts: Sequence[str]) -> Floats:
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        kept = self._kept
        known = {key: kept[key] for key in keys if key in kept}
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        tokens = self._windows.encode(self.normalised(list(fresh.values())))
        known |= zip(fresh, self._read(tokens), strict=True)
        self._kept = known if len(kept) + len(fresh) > REMEMBERED else {**kept, **known}
        return np.stack([known[key] for key in keys])

    def _read(self, tokens: Sequence[list[int]]) -> Floats:
        """Return (texts, width) from the token ids of each text, NaN for a text without any."""
        cuts = [self._windows.cut(ids)[0] for ids in tokens]
        rows = [row for windows in cuts for row in windows]
        read: dict[int, tuple[float, Floats]] = {}

        def read_batches(batches: Iterator[Batch]) -> None:
            for indices, ids, mask in batches:
                feeds = dict(zip(INPUTS, (ids, mask), strict=True))
                logits, vectors = self._session.run(self._outputs, feeds)
                odds = scam_logits(logits).tolist()
                read.update(zip(indices, zip(odds, vectors, strict=True), strict=True))

        self._windows.read(rows, read_batches)
        if not all(np.isfinite(vector).all() for _, vector in read.values()):
            raise BundleError(
                f"{self._path}: returned invalid vectors (NaN or infinite) on this machine; run "
                "`scamdetect model check`, then get or export the bundle again"
            )
        width = len(read[0][1]) if read else self.width
        vectors = np.full((len(cuts), width), np.nan, np.float32)
        first = 0
        for text, windows in enumerate(cuts):
            of_text = range(first, first + len(windows))
            if windows:
                vectors[text] = read[max(of_text, key=lambda row: read[row][0])][1]
            first += len(windows)
        return vectors


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
