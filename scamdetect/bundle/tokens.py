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
from scamdetect.bundle.lexical import Pieces
from scamdetect.bundle.runtime import Ids
from scamdetect.errors import BundleError
from scamdetect.frames.tables import chunked

T = TypeVar("T")
Encode = Callable[[list[str]], list[list[int]]]
Batch = tuple[list[int], Ids, Ids]  # places, token ids and attention mask, padded

TOKEN_BUDGET = 384  # more leave the processor's cache
LEAST_ROWS = 2  # because a batch of one row costs two: see `scoring._exactly`
MULTIPLE = 8
REMEMBERED = 1 << 15  # words of either generation: about 10 MB
_LONGEST = 24  # characters of a cached word; longer ones rarely repeat
_SLICE = 256  # texts or words that one thread encodes at a time
_BETWEEN = "<pad>"  # words of one call
# The steps of `train.base.build_tokenizer`. Each step treats the words between blanks separately:
# normalisation composes nothing across blanks, and words are split before anything else.
_BY_WORD = (
    {
        "type": "Sequence",
        "normalizers": [
            {"type": "NFKC"},
            {
                "type": "Replace",
                "pattern": {"Regex": "[\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]"},
                "content": " ",
            },
        ],
    },
    {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "WhitespaceSplit"},
            {
                "type": "Metaspace",
                "replacement": "\u2581",
                "prepend_scheme": "always",
                "split": True,
            },
        ],
    },
)


def windows(length: int, size: int, stride: int) -> list[tuple[int, int]]:
    """Return the (start, end) spans of up to ``size`` tokens that cover ``length`` tokens.

    Neighbours share at least ``stride`` tokens; the last span is full too, because a short rest has
    too little context. A text without tokens has one empty span.
    """
    if length <= size:
        return [(0, length)]
    starts = range(0, length - size, size - stride)
    return [(start, start + size) for start in (*starts, length - size)]


def thin(spans: Sequence[T], most: int | None) -> list[T]:
    """Return up to ``most`` evenly spaced spans, with the first and (from two on) the last."""
    if most is None or len(spans) <= most:
        return list(spans)
    return [spans[int(place)] for place in np.linspace(0, len(spans) - 1, most)]


def batches(
    lengths: Sequence[int], budget: int = TOKEN_BUDGET, multiple: int = MULTIPLE
) -> Iterator[tuple[list[int], int]]:
    """Yield (places, padded length) by rising length, each place once.

    A batch holds at most ``budget`` padded tokens, or two longer items. Equal lengths keep their
    order, so the same input always makes the same batches.
    """
    batch: list[int] = []
    padded = 0
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        width = _width(lengths[place], multiple)
        if is_full(len(batch), width, budget):
            yield batch, padded
            batch = []
        batch.append(place)
        padded = width
    if batch:
        yield batch, padded


def is_full(rows: int, width: int, budget: int = TOKEN_BUDGET) -> bool:
    """Return True if a batch of so many rows has no room for one more, padded to ``width``."""
    return rows >= LEAST_ROWS and width * (rows + 1) > budget


def _width(length: int, multiple: int = MULTIPLE) -> int:
    return max(-(-length // multiple) * multiple, multiple)


def pad(
    rows: Sequence[Sequence[int]], width: int, pad_id: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return token ids and attention mask, both int64 (rows, width)."""
    ids = np.full((len(rows), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
        mask[place, : len(row)] = 1
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
    for one in running:
        one.result()


class TokenIds:
    """Token ids of texts by a tokenizer without truncation, padding and special tokens.

    ``threads`` limits how many encode a long input. Thread-safe and fork-safe: no thread outlives a
    call.
    """

    def __init__(self, tokenizer: Tokenizer, threads: int = 1) -> None:
        # The thread pool of `tokenizers` ignores limits set after its start, and breaks when the
        # process is forked.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        self._tokenizer = tokenizer
        self._threads = threads
        self._between = tokenizer.token_to_id(_BETWEEN)
        self._by_word = reads_by_word(tokenizer)
        self._kept: tuple[dict[str, list[int]], dict[str, list[int]]] = {}, {}

    def of(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, in order."""
        if not self._by_word:
            return self._spread(self._encode, texts)
        words_of = [text.replace("\n", " ").split(" ") for text in texts]
        recent, former = self._kept
        ids_of: dict[str, list[int]] = {}
        unknown = []
        for word in set(chain.from_iterable(words_of)):
            ids = recent.get(word) or former.get(word)
            if ids is None:
                unknown.append(word)
            else:
                ids_of[word] = ids
        ids_of.update(zip(unknown, self._spread(self._encode_words, unknown), strict=True))
        recent.update((word, ids) for word, ids in ids_of.items() if len(word) <= _LONGEST)
        if len(recent) > REMEMBERED:
            self._kept = {}, recent
        find = ids_of.__getitem__
        return [list(chain.from_iterable(map(find, words))) for words in words_of]

    def _spread(self, encode: Encode, texts: Sequence[str]) -> list[list[int]]:
        found: dict[int, list[list[int]]] = {}

        def work(share: Iterator[tuple[int, list[str]]]) -> None:
            for place, part in share:
                found[place] = encode(part)

        in_threads(enumerate(chunked(texts, _SLICE)), work, self._threads)
        return list(chain.from_iterable(found[place] for place in range(len(found))))

    def _encode(self, texts: list[str]) -> list[list[int]]:
        # A call for one text would make the other threads wait.
        encoded = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encoded]

    def _encode_words(self, words: list[str]) -> list[list[int]]:
        # One call for all of them; it splits at special tokens first.
        (ids,) = self._encode([_BETWEEN.join(words)])
        ends = [place for place, number in enumerate(ids) if number == self._between]
        if len(ends) != len(words) - 1:  # a word contains the token itself
            return self._encode(words)
        starts = [0, *(end + 1 for end in ends)]
        return [ids[start:end] for start, end in zip(starts, [*ends, None], strict=True)]


def reads_by_word(tokenizer: Tokenizer) -> bool:
    """Return True if a text's ids are those of its words, split at blanks and line breaks."""
    added = tokenizer.get_added_tokens_decoder().values()
    apart = all(
        not (one.lstrip or one.rstrip or one.single_word or one.normalized)
        and not any(map(str.isspace, one.content))
        for one in added
    )
    steps = (tokenizer.normalizer, tokenizer.pre_tokenizer)
    read = tuple(step and json.loads(step.__getstate__()) for step in steps)
    return read == _BY_WORD and apart and _BETWEEN in {one.content for one in added}


class TokenWindows:
    """Split texts into a bundle's windows; thread-safe.

    ``room`` is how many tokens of a text fit into one window; ``threads`` limits how many threads
    tokenise texts and read windows (None: all cores). Raises BundleError if the tokenizer does not
    match.
    """

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        self._bundle = bundle
        path, content = bundle.folder / TOKENIZER, bundle.read(TOKENIZER)
        try:
            self._tokenizer = Tokenizer.from_buffer(content)
        except Exception as problem:
            raise BundleError(f"{path}: not a tokenizer ({problem}); export it again") from problem
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._threads = threads or os.cpu_count() or 1
        self._ids = TokenIds(self._tokenizer, self._threads)
        edges = self._tokenizer.encode("").ids
        pad_id = self._tokenizer.token_to_id("<pad>")
        if len(edges) != 2 or pad_id is None:
            raise BundleError(
                f"{path}: needs <pad> and a post-processor that adds one token before and one "
                "after a text; export it again"
            )
        self._head = [edges[0], *self.tokens([bundle.prefix.strip()])[0]]
        self._tail = [edges[1]]
        self._pad_id: int = pad_id
        self.room = bundle.max_tokens - len(self._head) - 1
        if self.room <= bundle.stride:
            raise BundleError(
                f"{bundle.folder}: max_tokens {bundle.max_tokens} leaves no room for text after "
                f"the prefix and a stride of {bundle.stride}; export it again"
            )

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each normalised text, without special tokens."""
        return self._ids.of(texts)

    def pieces(self) -> Pieces:
        """Return what a bundle's words need to know of the tokenizer."""
        return Pieces(self._tokenizer)

    def cut(self, tokens: list[int]) -> tuple[list[list[int]], int]:
        """Return the windows to read, with their special tokens, and the number of all windows."""
        spans = windows(len(tokens), self.room, self._bundle.stride) if tokens else []
        kept = thin(spans, self._bundle.max_windows)
        return [self._head + tokens[start:end] + self._tail for start, end in kept], len(spans)

    def bare(self, window: list[int]) -> list[int]:
        """Return the tokens of a window's text, without prefix and special tokens."""
        return window[len(self._head) : -len(self._tail)]

    def read(self, rows: Sequence[Sequence[int]], read: Callable[[Iterator[Batch]], None]) -> None:
        """Let each thread call ``read`` with its share of the batches, which hold each row once."""
        lengths = [len(row) for row in rows]
        # A small call has a batch for each thread.
        budget = min(TOKEN_BUDGET, -(-sum(map(_width, lengths)) // self._threads))

        def padded(share: Iterator[tuple[list[int], int]]) -> Iterator[Batch]:
            for places, width in share:
                yield places, *pad([rows[place] for place in places], width, self._pad_id)

        in_threads(batches(lengths, budget), lambda share: read(padded(share)), self._threads)
