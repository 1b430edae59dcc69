"""The words of a bundle: log-odds of scam from n-grams of one to three tokens.

An n-gram is identified by a 32-bit fingerprint of its pieces, which are lower-cased, have 0 for
digits and exclude punctuation and masks; unknown n-grams have weight 0. A window's log-odds are the
integer sum of the weights of its distinct n-grams, times a scale, divided by the square root of the
number of all its n-grams, so they shrink with the share of unknown ones.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tokenizers import Tokenizer

from scamdetect.errors import BundleError
from scamdetect.system.files import writing
from scamdetect.system.os_errors import of_system, unreadable

Prints = NDArray[np.uint32]
Floats = NDArray[np.float64]

LONGEST_RUN = 3  # pieces
CLIP = 6.0  # log-odds are clipped to this before they are joined
MOST_RUNS = 400_000  # of a table
_MASKS = ("[link]", "[phone]", "[number]", "[email]", "[handle]", "[account]")
_LONGEST_MASK = 12  # pieces, including brackets
# Odd random numbers: multiply-shift hashing (Dietzfelbinger et al. 1997).
_MIX = tuple(map(np.uint64, (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)))
_SALT = tuple(map(np.uint64, (0x27D4EB2F165667C5, 0x85EBCA77C2B2AE63, 0xD6E8FEB86659FD93)))
_HALF = np.uint64(32)
_UNSEEN = np.uint64(1 << 32)  # not a fingerprint: those have 32 bits
_CHUNK = 32  # rows whose n-grams are sorted together; more do not fit into the cache
_WORD, _DIGIT = re.compile(r"[^\W_]"), re.compile(r"\d")
_AGAIN = "get or export the bundle again"


@dataclass(frozen=True, slots=True)
class Join:
    """How the log-odds of encoder and words are combined: a weight for each, and a bias."""

    encoder: float
    words: float
    bias: float

    def __call__(self, encoder: Floats, words: Floats) -> Floats:
        """Return the combined log-odds (n,) of scam."""
        joined: Floats = (
            self.encoder * np.clip(encoder, -CLIP, CLIP)
            + self.words * np.clip(words, -CLIP, CLIP)
            + self.bias
        )
        return joined


class Pieces:
    """What the words need to know of a tokenizer's pieces, computed when each first occurs.

    The tokenizer's ids have no gaps. Thread-safe.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        numbers = [tokenizer.get_vocab_size(with_added_tokens=False) - 1]
        size = max(numbers + list(tokenizer.get_added_tokens_decoder())) + 1
        # Fingerprints, 0 if it is not a word: punctuation, special tokens.
        self._prints = np.full(size, _UNSEEN)
        self._opens, self._closes, self._names = (np.zeros(size, np.bool_) for _ in range(3))
        for mask in _MASKS:
            ids = np.array(tokenizer.encode(f"x{mask}", add_special_tokens=False).ids, np.intp)
            self._prints_of(ids)
            opening = int(np.argmax(self._opens[ids]))
            if self._opens[ids[opening]]:
                self._names[ids[opening + 1 : opening + 2]] = True

    def _piece(self, number: int) -> str:
        return self._tokenizer.id_to_token(number) or ""

    def _prints_of(self, ids: NDArray[np.intp]) -> NDArray[np.uint64]:
        prints = self._prints[ids]
        unseen = prints == _UNSEEN
        if not unseen.any():
            return prints
        for number in set(ids[unseen].tolist()):
            piece = self._piece(number)
            self._opens[number] = piece.endswith("[")
            self._closes[number] = "]" in piece
            self._prints[number] = _print_of(piece)  # last: it marks the piece as done
        return self._prints[ids]

    def runs(self, rows: Sequence[Sequence[int]]) -> tuple[Prints, NDArray[np.intp]]:
        """Return the fingerprints of the distinct n-grams of all rows of token ids, and their rows.

        They are in the order of the rows, and ascending in each.
        """
        ids, owners = flat(rows)
        prints = self._prints_of(ids)
        kept = self._kept(ids, owners, prints)
        prints, owners = prints[kept], owners[kept]
        found = [
            (owners[: len(mixed)] << _HALF | mixed)[_within(owners, length)]
            for length, mixed in _mixed(prints)
        ]
        distinct = _distinct(np.concatenate(found)) if found else np.zeros(0, np.uint64)
        return distinct.astype(np.uint32), (distinct >> _HALF).astype(np.intp)

    def phrases(self, row: Sequence[int]) -> dict[int, str]:
        """Return the n-grams of a row by fingerprint, lower-cased with 0 for digits."""
        ids, owners = flat([row])
        prints = self._prints_of(ids)
        kept = self._kept(ids, owners, prints)
        names = [self._piece(number) for number in ids[kept].tolist()]
        found: dict[int, str] = {}
        for length, mixed in _mixed(prints[kept]):
            for place, number in enumerate(mixed.tolist()):
                pieces = "".join(names[place : place + length])
                found[number] = _DIGIT.sub("0", pieces.replace("▁", " ").strip().lower())
        return found

    def _kept(
        self, ids: NDArray[np.intp], owners: NDArray[np.uint64], prints: NDArray[np.uint64]
    ) -> NDArray[np.bool_]:
        """Return which tokens are words: not punctuation and not inside a mask."""
        kept: NDArray[np.bool_] = prints != 0
        places = np.flatnonzero(self._opens[ids[:-1]] & self._names[ids[1:]])
        starts = owners[places]
        for _ in range(_LONGEST_MASK):
            inside = places < len(ids)
            places, starts = places[inside], starts[inside]
            same = owners[places] == starts
            places, starts = places[same], starts[same]
            kept[places] = False
            is_open = ~self._closes[ids[places]]
            places, starts = places[is_open] + 1, starts[is_open]
        return kept


@dataclass(frozen=True, slots=True)
class WordTable:
    """Known n-grams: ascending ``prints``, int8 ``weights`` of the same length, and their scale."""

    prints: Prints
    weights: NDArray[np.int8]
    scale: float

    @classmethod
    def load(cls, content: bytes, path: Path) -> Self:
        """Return the table in the content of an Arrow file.

        Raises BundleError, with ``path``, for invalid content.
        """
        try:
            table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
            gaps: NDArray[np.uint32] = whole_numbers(table["gap"], np.uint32)
            weights: NDArray[np.int8] = whole_numbers(table["weight"], np.int8)
            scale = float((table.schema.metadata or {})[b"scale"])
        except (OSError, KeyError, ValueError, pa.ArrowException) as problem:
            if of_system(problem):
                raise unreadable(path, problem, error=BundleError, cure=_AGAIN) from problem
            raise BundleError(
                f"{path}: not a valid table of words ({type(problem).__name__}); {_AGAIN}"
            ) from problem
        if 0 < len(gaps) == len(weights) <= MOST_RUNS:
            prints = np.cumsum(gaps, dtype=np.uint64)
            ascends = bool((gaps[1:] > 0).all()) and prints[-1] <= np.iinfo(np.uint32).max
            if ascends and 0 < scale < np.inf:
                return cls(prints.astype(np.uint32), weights, scale)
        raise BundleError(f"{path}: the table of words is inconsistent; {_AGAIN}")

    def save(self, path: Path) -> None:
        """Write the table: weights, and gaps between fingerprints, which compress well."""
        gaps = np.diff(self.prints, prepend=np.uint32(0))
        schema = pa.schema(
            [("gap", pa.uint32()), ("weight", pa.int8())], metadata={"scale": repr(self.scale)}
        )
        table = pa.table({"gap": gaps, "weight": self.weights}, schema=schema)
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with (
            writing(path) as file,
            pa.ipc.new_file(file, table.schema, options=options) as writer,
        ):
            writer.write_table(table)

    def weights_of(self, prints: Prints) -> NDArray[np.int64]:
        """Return the weight (n,) of each fingerprint, 0 if unknown."""
        places = np.minimum(np.searchsorted(self.prints, prints), len(self.prints) - 1)
        known = self.prints[places] == prints
        return np.where(known, self.weights[places], np.int8(0)).astype(np.int64)


class Words:
    """Score windows of token ids by their words; thread-safe."""

    def __init__(self, table: WordTable, pieces: Pieces) -> None:
        self._table, self._pieces = table, pieces

    def log_odds(self, rows: Sequence[Sequence[int]]) -> Floats:
        """Return the log-odds (n,) of scam of rows of token ids; 0 for one without words.

        Integer sums are exact, so neither batch nor order changes a result.
        """
        odds = np.zeros(len(rows))
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            prints, owners = self._pieces.runs(chunk)
            sums = np.bincount(owners, self._table.weights_of(prints), minlength=len(chunk))
            counts = np.bincount(owners, minlength=len(chunk))
            odds[start : start + _CHUNK] = self._table.scale * sums / np.sqrt(np.maximum(counts, 1))
        return odds

    def shares(self, row: Sequence[int]) -> dict[str, float]:
        """Return the contribution of each known n-gram of a row of token ids to its log-odds."""
        phrases = self._pieces.phrases(row)
        prints = np.array(list(phrases), np.uint32)
        added = self._table.scale * self._table.weights_of(prints) / np.sqrt(max(len(prints), 1))
        shares: dict[str, float] = defaultdict(float)
        for phrase, share in zip(phrases.values(), added.tolist(), strict=True):
            if share:
                shares[phrase] += share  # pieces split in different places can read alike
        return dict(shares)


def whole_numbers(column: pa.ChunkedArray, kind: type[np.integer[Any]]) -> NDArray[Any]:
    """Return a column of that integer type; raise ValueError for other types and for nulls."""
    # Its own `to_numpy` imports pandas if installed, which takes longer than all of this.
    whole = column.combine_chunks()
    if whole.null_count or whole.type != pa.from_numpy_dtype(kind):
        raise ValueError("wrong number type, or missing values")
    return np.frombuffer(whole.buffers()[1], kind, len(whole), whole.offset * kind().itemsize)


def _distinct(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return ``np.unique`` of some values, which are sorted in place; its hashing is slower."""
    values.sort()
    fresh = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=fresh[1:])
    return values[fresh]


def flat(rows: Sequence[Sequence[int]]) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """Return the token ids of all rows, concatenated, and the row of each."""
    lengths = np.fromiter(map(len, rows), np.intp, len(rows))
    ids = np.fromiter(chain.from_iterable(rows), np.intp, int(lengths.sum()))
    return ids, np.repeat(np.arange(len(rows), dtype=np.uint64), lengths)


def _mixed(prints: NDArray[np.uint64]) -> list[tuple[int, NDArray[np.uint64]]]:
    """Return the 32-bit fingerprints of the n-grams of each length at each position."""
    found = []
    for length in range(1, min(LONGEST_RUN, len(prints)) + 1):
        begins = len(prints) - length + 1
        mixed = np.full(begins, _SALT[length - 1], np.uint64)
        for place in range(length):
            mixed += prints[place : place + begins] * _MIX[place]
        found.append((length, mixed >> _HALF))
    return found


def _within(owners: NDArray[np.uint64], length: int) -> NDArray[np.bool_]:
    """Return which n-grams of a length stay within one row."""
    same: NDArray[np.bool_] = owners[: len(owners) - length + 1] == owners[length - 1 :]
    return same


def _print_of(piece: str) -> int:
    """Return the 32-bit fingerprint of a piece as a word, 0 if it is not one."""
    if piece.startswith("<") and piece.endswith(">"):
        return 0
    # Vowel signs of Indic and South-East Asian scripts are pieces too, although not letters.
    if not _WORD.search(piece) and not any(unicodedata.category(c)[0] == "M" for c in piece):
        return 0
    return zlib.crc32(_DIGIT.sub("0", piece.lower()).encode()) or 1
