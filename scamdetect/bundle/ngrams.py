"""The n-grams of a bundle: log-odds of scam from one to three tokens in a row.

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
from typing import Annotated, Any, Self

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Meta
from numpy.typing import NDArray
from tokenizers import Tokenizer

from scamdetect.errors import BundleError
from scamdetect.system.files import writing

Rows = Sequence[Sequence[int]]  # token ids, without the special ones
Fingerprints = NDArray[np.uint32]
Doubles = NDArray[np.float64]

LONGEST = 3  # pieces of an n-gram
CLIP = 6.0  # log-odds are clipped to this before they are joined
MOST_NGRAMS = 400_000  # of a table
_MASKS = ("[link]", "[phone]", "[number]", "[email]", "[handle]", "[account]")
_LONGEST_MASK = 12  # pieces, including brackets
# Odd random numbers: multiply-shift hashing (Dietzfelbinger et al. 1997).
_MIX = tuple(map(np.uint64, (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)))
_SALT = tuple(map(np.uint64, (0x27D4EB2F165667C5, 0x85EBCA77C2B2AE63, 0xD6E8FEB86659FD93)))
_HALF = np.uint64(32)
_UNSEEN = np.uint64(1 << 32)  # not a fingerprint: those have 32 bits
_CHUNK = 32  # rows whose n-grams are sorted together; more do not fit into the cache
_WORD, _DIGIT = re.compile(r"[^\W_]"), re.compile(r"\d")
_Weight = Annotated[float, Meta(ge=0, le=1e6)]


def read_table(content: bytes, path: Path) -> pa.Table:
    """Return the table in the content of an Arrow file; raise BundleError, with ``path``."""
    try:
        return pa.ipc.open_file(pa.BufferReader(content)).read_all()
    except (OSError, ValueError, pa.ArrowException) as problem:
        raise wrong_table(path, type(problem).__name__) from problem


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as a compressed Arrow file."""
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with writing(path) as file, pa.ipc.new_file(file, table.schema, options=options) as writer:
        writer.write_table(table)


def wrong_table(path: Path, problem: str) -> BundleError:
    """Return the error for an Arrow file of a bundle that cannot be used."""
    return BundleError(f"{path}: not a valid table ({problem}); get or export the bundle again")


def integers(column: pa.Array, kind: type[np.integer[Any]]) -> NDArray[Any]:
    """Return a column of that integer type; raise ValueError for other types and for nulls."""
    if column.null_count or column.type != pa.from_numpy_dtype(kind):
        raise ValueError("wrong number type, or missing values")
    # `to_numpy` imports pandas if installed, which takes longer than all of this.
    return np.frombuffer(column.buffers()[1], kind, len(column), column.offset * kind().itemsize)


def flat(rows: Rows) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """Return the token ids of all rows, concatenated, and the row of each."""
    lengths = np.fromiter(map(len, rows), np.intp, len(rows))
    ids = np.fromiter(chain.from_iterable(rows), np.intp, int(lengths.sum()))
    return ids, np.repeat(np.arange(len(rows), dtype=np.uint64), lengths)


class Join(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the log-odds of encoder and n-grams are combined: a weight for each, and a bias."""

    encoder: _Weight
    ngrams: _Weight = msgspec.field(name="words")
    bias: Annotated[float, Meta(ge=-1e6, le=1e6)]

    def __call__(self, encoder: Doubles, ngrams: Doubles) -> Doubles:
        """Return the combined log-odds (n,) of scam."""
        joined: Doubles = (
            self.encoder * np.clip(encoder, -CLIP, CLIP)
            + self.ngrams * np.clip(ngrams, -CLIP, CLIP)
            + self.bias
        )
        return joined


class NgramReader:
    """Read the n-grams of token ids; thread-safe.

    A piece of the tokenizer, whose ids have no gaps, is examined when it first occurs.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        last = tokenizer.get_vocab_size(with_added_tokens=False) - 1
        size = max([last, *tokenizer.get_added_tokens_decoder()]) + 1
        # Fingerprints of pieces, 0 if it is not a word: punctuation, special tokens.
        self._fingerprints = np.full(size, _UNSEEN)
        self._opens, self._closes, self._names = (np.zeros(size, np.bool_) for _ in range(3))
        for mask in _MASKS:
            ids = np.array(tokenizer.encode(f"x{mask}", add_special_tokens=False).ids, np.intp)
            self._of_pieces(ids)
            opening = int(np.argmax(self._opens[ids]))
            if self._opens[ids[opening]]:
                self._names[ids[opening + 1 : opening + 2]] = True

    def ngrams(self, rows: Rows) -> tuple[Fingerprints, NDArray[np.intp]]:
        """Return the fingerprints of the distinct n-grams of all rows, and their rows.

        They are in the order of the rows, and ascending in each.
        """
        ids, owners = flat(rows)
        fingerprints = self._of_pieces(ids)
        kept = self._outside_masks(ids, owners) & (fingerprints != 0)
        owners = owners[kept]
        keys = [np.zeros(0, np.uint64)]
        for length, mixed in _mixed(fingerprints[kept]):
            within_row = owners[: len(mixed)] == owners[length - 1 :]
            keys.append((owners[: len(mixed)] << _HALF | mixed)[within_row])
        distinct = np.sort(np.concatenate(keys))  # `np.unique` hashes, which is slower
        distinct = distinct[np.append(True, distinct[1:] != distinct[:-1])[: len(distinct)]]
        return distinct.astype(np.uint32), (distinct >> _HALF).astype(np.intp)

    def texts(self, row: Sequence[int]) -> dict[int, str]:
        """Return the n-grams of a row by fingerprint, lower-cased with 0 for digits."""
        ids, owners = flat([row])
        fingerprints = self._of_pieces(ids)
        kept = self._outside_masks(ids, owners) & (fingerprints != 0)
        pieces = [self._piece(number) for number in ids[kept].tolist()]
        texts: dict[int, str] = {}
        for length, mixed in _mixed(fingerprints[kept]):
            for start, number in enumerate(mixed.tolist()):
                text = "".join(pieces[start : start + length]).replace("▁", " ")
                texts[number] = _DIGIT.sub("0", text.strip().lower())
        return texts

    def _piece(self, number: int) -> str:
        return self._tokenizer.id_to_token(number) or ""

    def _of_pieces(self, ids: NDArray[np.intp]) -> NDArray[np.uint64]:
        fingerprints = self._fingerprints[ids]
        unseen = fingerprints == _UNSEEN
        if not unseen.any():
            return fingerprints
        for number in set(ids[unseen].tolist()):
            piece = self._piece(number)
            self._opens[number] = piece.endswith("[")
            self._closes[number] = "]" in piece
            self._fingerprints[number] = _of_piece(piece)  # last: it marks the piece as done
        return self._fingerprints[ids]

    def _outside_masks(
        self, ids: NDArray[np.intp], owners: NDArray[np.uint64]
    ) -> NDArray[np.bool_]:
        outside = np.ones(len(ids), np.bool_)
        inside = np.flatnonzero(self._opens[ids[:-1]] & self._names[ids[1:]])
        rows = owners[inside]
        for _ in range(_LONGEST_MASK):
            kept = inside < len(ids)
            inside, rows = inside[kept], rows[kept]
            kept = owners[inside] == rows
            inside, rows = inside[kept], rows[kept]
            outside[inside] = False
            kept = ~self._closes[ids[inside]]
            inside, rows = inside[kept] + 1, rows[kept]
        return outside


@dataclass(frozen=True, slots=True)
class NgramTable:
    """Known n-grams: ascending ``fingerprints``, their int8 ``weights``, and the scale of these."""

    fingerprints: Fingerprints
    weights: NDArray[np.int8]
    scale: float

    @classmethod
    def load(cls, content: bytes, path: Path) -> Self:
        """Return the table in the content of ``words.arrow``; raise BundleError, with ``path``."""
        table = read_table(content, path)
        try:
            gaps: NDArray[np.uint32] = integers(table["gap"].combine_chunks(), np.uint32)
            weights: NDArray[np.int8] = integers(table["weight"].combine_chunks(), np.int8)
            scale = float((table.schema.metadata or {})[b"scale"])
        except (KeyError, ValueError) as problem:
            raise wrong_table(path, type(problem).__name__) from problem
        last = int(gaps.sum(dtype=np.uint64)) if len(gaps) else 0
        if not (0 < len(gaps) <= MOST_NGRAMS and (gaps[1:] > 0).all() and 0 < scale < np.inf):
            raise wrong_table(path, "inconsistent")
        if last > np.iinfo(np.uint32).max:
            raise wrong_table(path, "inconsistent")
        return cls(np.cumsum(gaps, dtype=np.uint32), weights, scale)

    def save(self, path: Path) -> None:
        """Write the table: weights, and gaps between fingerprints, which compress well."""
        columns = {
            "gap": np.diff(self.fingerprints, prepend=np.uint32(0)),
            "weight": self.weights,
        }
        write_table(pa.table(columns).replace_schema_metadata({"scale": repr(self.scale)}), path)

    def weights_of(self, fingerprints: Fingerprints) -> NDArray[np.int64]:
        """Return the weight (n,) of each fingerprint, 0 if unknown."""
        last = len(self.fingerprints) - 1
        indices = np.minimum(np.searchsorted(self.fingerprints, fingerprints), last)
        known = self.fingerprints[indices] == fingerprints
        return np.where(known, self.weights[indices], np.int8(0)).astype(np.int64)


class Ngrams:
    """Score windows of token ids by their n-grams; thread-safe."""

    def __init__(self, table: NgramTable, reader: NgramReader) -> None:
        self._table, self._reader = table, reader

    def log_odds(self, rows: Rows) -> Doubles:
        """Return the log-odds (n,) of scam of rows of token ids; 0 for a row without words.

        Integer sums are exact, so neither batch nor order changes a result.
        """
        odds = np.zeros(len(rows))
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            fingerprints, owners = self._reader.ngrams(chunk)
            weights = self._table.weights_of(fingerprints)
            sums = np.bincount(owners, weights, minlength=len(chunk))
            counts = np.bincount(owners, minlength=len(chunk))
            odds[start : start + _CHUNK] = self._table.scale * sums / np.sqrt(np.maximum(counts, 1))
        return odds

    def shares(self, row: Sequence[int]) -> dict[str, float]:
        """Return the contribution of each known n-gram of a row of token ids to its log-odds."""
        texts = self._reader.texts(row)
        weights = self._table.weights_of(np.array(list(texts), np.uint32))
        added = self._table.scale * weights / np.sqrt(max(len(texts), 1))
        shares: dict[str, float] = defaultdict(float)
        for text, share in zip(texts.values(), added.tolist(), strict=True):
            if share:
                shares[text] += share  # pieces that are split differently can have one text
        return dict(shares)


def _mixed(pieces: NDArray[np.uint64]) -> list[tuple[int, NDArray[np.uint64]]]:
    """Return the 32-bit fingerprints of the n-grams of each length at each position."""
    by_length = []
    for length in range(1, min(LONGEST, len(pieces)) + 1):
        count = len(pieces) - length + 1
        mixed = np.full(count, _SALT[length - 1], np.uint64)
        for offset in range(length):
            mixed += pieces[offset : offset + count] * _MIX[offset]
        by_length.append((length, mixed >> _HALF))
    return by_length


def _of_piece(piece: str) -> int:
    """Return the 32-bit fingerprint of a piece as a word, 0 if it is not one."""
    if piece.startswith("<") and piece.endswith(">"):
        return 0
    # Vowel signs of Indic and South-East Asian scripts are pieces too, although not letters.
    if not _WORD.search(piece) and not any(unicodedata.category(c)[0] == "M" for c in piece):
        return 0
    return zlib.crc32(_DIGIT.sub("0", piece.lower()).encode()) or 1
