"""A bundle's tokeniser: normalised texts to windows of token ids, and windows to padded batches."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from tokenizers import Tokenizer

from scamdetect.bundle.batching import batches, pad, thin, windows
from scamdetect.bundle.bundle import TOKENIZER, Bundle
from scamdetect.bundle.lexical import Pieces
from scamdetect.bundle.runtime import Ids
from scamdetect.errors import BundleError


class TokenWindows:
    """Cuts texts as a bundle reads them; safe to share between threads.

    ``room`` is how many tokens of a text one window holds. Raises BundleError on a tokeniser that
    does not fit.
    """

    def __init__(self, bundle: Bundle) -> None:
        # The pool of threads of `tokenizers` is never used, but it asks about it when forked.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        self._bundle = bundle
        path, content = bundle.folder / TOKENIZER, bundle.read(TOKENIZER)
        try:
            self._tokenizer = Tokenizer.from_buffer(content)
        except Exception as problem:
            raise BundleError(f"{path}: no tokenizer ({problem}); export it again") from problem
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        edges = self._tokenizer.encode("").ids
        pad_id = self._tokenizer.token_to_id("<pad>")
        if len(edges) != 2 or pad_id is None:
            raise BundleError(
                f"{path}: needs <pad> and a post-processor that adds one token before and one "
                "after a text; export it again"
            )
        self._head = [edges[0], *self.tokens(bundle.prefix.strip())]
        self._tail = [edges[1]]
        self._pad_id: int = pad_id
        self.room = bundle.max_tokens - len(self._head) - 1
        if self.room <= bundle.stride:
            raise BundleError(
                f"{bundle.folder}: max_tokens {bundle.max_tokens} leaves no room beside the "
                f"prefix and a stride of {bundle.stride}; export it again"
            )

    def tokens(self, text: str) -> list[int]:
        """Return the token ids of a normalised text, without the special ones."""
        # One text at a time: a batch call would start a thread pool beside the session's own.
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def pieces(self) -> Pieces:
        """Return what the words of a bundle need to know of the tokeniser."""
        return Pieces(self._tokenizer)

    def cut(self, tokens: list[int]) -> tuple[list[list[int]], int]:
        """Return the windows that are read, with their special tokens, and how many there are."""
        spans = windows(len(tokens), self.room, self._bundle.stride) if tokens else []
        kept = thin(spans, self._bundle.max_windows)
        return [self._head + tokens[start:end] + self._tail for start, end in kept], len(spans)

    def bare(self, window: list[int]) -> list[int]:
        """Return a window's tokens of the text alone, without prefix and special tokens."""
        return window[len(self._head) : -len(self._tail)]

    def padded(self, rows: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], Ids, Ids]]:
        """Yield places, token ids and attention mask of batches that hold each row once."""
        for places, width in batches([len(row) for row in rows]):
            yield places, *pad([rows[place] for place in places], width, self._pad_id)
