"""A bundle's tokenizer, with a cache of common words, and its windows, grouped into batches."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from scamdetect.bundle.bundle import TOKENIZER, Bundle
from scamdetect.errors import BundleError, InputError
from scamdetect.frames.tables import chunked

T = TypeVar("T")
Ids = NDArray[np.int64]
Batch = tuple[list[int], Ids, Ids]  # indices of rows, their token ids and attention mask, padded

TOKEN_BUDGET = 384  # more leave the processor's cache
LEAST_ROWS = 2  # because a batch of one row costs two: see `session.Session`
MULTIPLE = 8
MOST_THREADS = 1024  # more are probably a mistake, and the library would fail
REMEMBERED = 1 << 15  # words of either generation: about 10 MB
_LONGEST = 24  # characters of a cached word; longer ones rarely repeat
_SLICE = 256  # texts or words that one thread encodes at a time
_BETWEEN = "<pad>"  # words of one call
_REMOVED = "[\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]"
# The steps of `train.base.build_tokenizer`. Each step treats the words between blanks separately:
# normalisation composes nothing across blanks, and words are split before anything else.
_BY_WORD = (
    {"type": "Sequence", "normalizers": [
        {"type": "NFKC"},
        {"type": "Replace", "pattern": {"Regex": _REMOVED}, "content": " "},
    ]},
    {"type": "Sequence", "pretokenizers": [
        {"type": "WhitespaceSplit"},
        {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
    ]},
)  # fmt: skip


def windows(length: int, size: int, stride: int) -> list[tuple[int, int]]:
    """Return the (start, end) spans of up to ``size`` tokens that cover ``length`` tokens.

    Neighbours share at least ``stride`` tokens; the last span is full too, because a short rest has
    too little context.
    """
    if length <= size:
        return [(0, length)]
    starts = range(0, length - size, size - stride)
    return [(start, start + size) for start in (*starts, length - size)]


def batches(
    lengths: Sequence[int], indices: Iterable[int], budget: int = TOKEN_BUDGET
) -> Iterator[tuple[list[int], int]]:
    """Yield (indices, padded length) by rising length, each index once.

    A batch holds at most ``budget`` padded tokens, or two longer items. Equal lengths keep their
    order, so the same input always makes the same batches.
    """
    batch: list[int] = []
    padded = 0
    for index in sorted(indices, key=lengths.__getitem__):
        width = _width(lengths[index])
        if is_full(len(batch), width, budget):
            yield batch, padded
            batch = []
        batch.append(index)
        padded = width
    if batch:
        yield batch, padded


def is_full(rows: int, width: int, budget: int = TOKEN_BUDGET) -> bool:
    """Return True if a batch of so many rows has no room for one more, padded to ``width``."""
    return rows >= LEAST_ROWS and width * (rows + 1) > budget


def _width(length: int) -> int:
    return max(-(-length // MULTIPLE) * MULTIPLE, MULTIPLE)


def pad(rows: Sequence[Sequence[int]], width: int, pad_id: int) -> tuple[Ids, Ids]:
    """Return token ids and attention mask, both int64 (rows, width)."""
    ids = np.full((len(rows), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for line, row in enumerate(rows):
        ids[line, : len(row)] = row
        mask[line, : len(row)] = 1
    return ids, mask


def in_threads(items: Iterable[T], work: Callable[[Iterator[T]], None], threads: int) -> None:
    """Let up to ``threads`` threads, this one included, call ``work`` with the items they take.

    Each takes its next item when it needs one. After an error no thread takes another item.
    """
    left = deque(items)

    def taken() -> Iterator[T]:
        while left:
            with suppress(IndexError):  # another thread took the last one
                yield left.popleft()

    def share() -> None:
        try:
            work(taken())
        except BaseException:
            left.clear()
            raise

    others = min(threads, len(left)) - 1
    if others < 1:
        return share()
    with ThreadPoolExecutor(others) as pool:
        running = [pool.submit(share) for _ in range(others)]
        share()
    for future in running:
        future.result()


class TokenIds:
    """Token ids of texts by a tokenizer without truncation, padding and special tokens.

    ``threads`` limits how many encode a long input. Thread-safe and fork-safe: no thread outlives a
    call.
    """

    def __init__(self, tokenizer: Tokenizer, threads: int = 1) -> None:
        # The thread pool of `tokenizers` ignores limits set after its start, and breaks when the
        # process is forked.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        self._tokenizer, self._threads = tokenizer, threads
        self._between = tokenizer.token_to_id(_BETWEEN)
        self._by_word = reads_by_word(tokenizer)
        self._kept: tuple[dict[str, list[int]], dict[str, list[int]]] = {}, {}

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, in order."""
        if not self._by_word:
            return self._in_slices(self._encode, texts)
        words_of = [text.replace("\n", " ").split(" ") for text in texts]
        recent, former = self._kept
        distinct = set(chain.from_iterable(words_of))
        ids_of = {word: ids for word in distinct if (ids := recent.get(word) or former.get(word))}
        unknown = [word for word in distinct if word not in ids_of]
        ids_of.update(zip(unknown, self._in_slices(self._encode_words, unknown), strict=True))
        recent.update((word, ids) for word, ids in ids_of.items() if len(word) <= _LONGEST)
        if len(recent) > REMEMBERED:
            self._kept = {}, recent
        find = ids_of.__getitem__
        return [list(chain.from_iterable(map(find, words))) for words in words_of]

    def _in_slices(
        self, encode: Callable[[list[str]], list[list[int]]], texts: Sequence[str]
    ) -> list[list[int]]:
        encoded: dict[int, list[list[int]]] = {}

        def work(share: Iterator[tuple[int, list[str]]]) -> None:
            encoded.update((number, encode(part)) for number, part in share)

        in_threads(enumerate(chunked(texts, _SLICE)), work, self._threads)
        return list(chain.from_iterable(encoded[number] for number in range(len(encoded))))

    def _encode(self, texts: list[str]) -> list[list[int]]:
        # A call for one text would make the other threads wait.
        encoded = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encoded]

    def _encode_words(self, words: list[str]) -> list[list[int]]:
        # One call for all of them; it splits at special tokens first.
        (ids,) = self._encode([_BETWEEN.join(words)])
        ends = [index for index, number in enumerate(ids) if number == self._between]
        if len(ends) != len(words) - 1:  # a word contains the token itself
            return self._encode(words)
        starts = [0, *(end + 1 for end in ends)]
        return [ids[start:end] for start, end in zip(starts, [*ends, None], strict=True)]


def reads_by_word(tokenizer: Tokenizer) -> bool:
    """Return True if a text's ids are those of its words, split at blanks and line breaks."""
    added = tokenizer.get_added_tokens_decoder().values()
    apart = all(
        not (token.lstrip or token.rstrip or token.single_word or token.normalized)
        and not any(map(str.isspace, token.content))
        for token in added
    )
    steps = (tokenizer.normalizer, tokenizer.pre_tokenizer)
    read = tuple(step and json.loads(step.__getstate__()) for step in steps)
    return read == _BY_WORD and apart and _BETWEEN in {token.content for token in added}


class TokenWindows:
    """Split texts into a bundle's windows; thread-safe.

    ``room`` is how many tokens of a text fit into one window; ``threads`` limits how many threads
    tokenise texts and read windows (None: all cores). Raises InputError for invalid ``threads``,
    BundleError if the tokenizer does not match.
    """

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        if threads is not None and not 1 <= threads <= MOST_THREADS:
            raise InputError(
                f"threads={threads!r} is invalid; use 1 to {MOST_THREADS}, or None for all cores"
            )
        self._bundle, self._threads = bundle, threads or os.cpu_count() or 1
        path, content = bundle.folder / TOKENIZER, bundle.read(TOKENIZER)
        try:
            self.tokenizer = Tokenizer.from_buffer(content)
        except Exception as problem:
            raise BundleError(f"{path}: not a tokenizer ({problem}); export it again") from problem
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.encode = TokenIds(self.tokenizer, self._threads).encode
        edges = self.tokenizer.encode("").ids
        pad_id = self.tokenizer.token_to_id("<pad>")
        if len(edges) != 2 or pad_id is None:
            raise BundleError(
                f"{path}: needs <pad> and a post-processor that adds one token before and one "
                "after a text; export it again"
            )
        self._head = [edges[0], *self.encode([bundle.prefix.strip()])[0]]
        self._tail = [edges[1]]
        self._pad_id: int = pad_id
        self.room = bundle.max_tokens - len(self._head) - 1
        if self.room <= bundle.stride:
            raise BundleError(
                f"{bundle.folder}: max_tokens {bundle.max_tokens} leaves no room for text after "
                f"the prefix and a stride of {bundle.stride}; export it again"
            )

    def cut(self, tokens: list[int]) -> tuple[list[list[int]], int]:
        """Return the windows to read, with their special tokens, and the number of all windows.

        At most ``max_windows`` are read: evenly spaced ones, with the first and the last.
        """
        spans = windows(len(tokens), self.room, self._bundle.stride) if tokens else []
        count, most = len(spans), self._bundle.max_windows
        if most is not None and count > most:
            spans = [spans[int(index)] for index in np.linspace(0, count - 1, most)]
        return [self._head + tokens[start:end] + self._tail for start, end in spans], count

    def bare(self, window: list[int]) -> list[int]:
        """Return the tokens of a window's text, without prefix and special tokens."""
        return window[len(self._head) : -len(self._tail)]

    def read(
        self,
        rows: Sequence[Sequence[int]],
        read: Callable[[Iterator[Batch]], None],
        indices: Sequence[int] | None = None,
    ) -> None:
        """Let each thread call ``read`` with its share of the batches of some rows, by default all.

        The batches hold each of the rows once.
        """
        lengths = [len(row) for row in rows]
        indices = range(len(rows)) if indices is None else indices
        # A small call has a batch for each thread.
        total = sum(_width(lengths[index]) for index in indices)
        budget = min(TOKEN_BUDGET, -(-total // self._threads))

        def padded(share: Iterator[tuple[list[int], int]]) -> Iterator[Batch]:
            for batch, width in share:
                yield batch, *pad([rows[index] for index in batch], width, self._pad_id)

        work = batches(lengths, indices, budget)
        in_threads(work, lambda share: read(padded(share)), self._threads)
