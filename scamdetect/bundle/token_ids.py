"""Token ids of texts; the ids of words that occur often are remembered."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from tokenizers import Tokenizer

from scamdetect.frames.tables import chunked

REMEMBERED = 1 << 15  # words of either generation: about 10 MB
_LONGEST = 24  # characters of a remembered word; longer ones seldom come again
_SLICE = 256  # texts or words that one thread encodes at a time
_BETWEEN = "<pad>"  # words of one call
# The steps of `train.base.build_tokenizer`. No step of them sees beyond a blank: it composes with
# nothing, each invisible character is replaced by itself, and words are split before anything else.
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

Encode = Callable[[list[str]], list[list[int]]]


class TokenIds:
    """The token ids of texts by a tokenizer without truncation, padding and special tokens.

    ``threads`` bounds how many encode a long input (None: as many as there are cores). Safe to
    share between threads and to fork: no thread outlives a call.
    """

    def __init__(self, tokenizer: Tokenizer, threads: int | None = None) -> None:
        # The pool of `tokenizers` heeds no bound that is set after its start, and breaks when the
        # process is forked.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        self._tokenizer = tokenizer
        self._threads = threads or os.cpu_count() or 1
        self._between = tokenizer.token_to_id(_BETWEEN)
        self._by_word = reads_by_word(tokenizer)
        self._kept: tuple[dict[str, list[int]], dict[str, list[int]]] = {}, {}

    def of(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, order kept."""
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
        slices = list(chunked(texts, _SLICE))
        threads = min(self._threads, len(slices))
        if threads < 2:
            return list(chain.from_iterable(map(encode, slices)))
        with ThreadPoolExecutor(threads) as pool:
            return list(chain.from_iterable(pool.map(encode, slices)))

    def _encode(self, texts: list[str]) -> list[list[int]]:
        # The call for one text would keep the other threads waiting.
        encoded = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encoded]

    def _encode_words(self, words: list[str]) -> list[list[int]]:
        # One call for all of them; it splits at special tokens before it does anything else.
        (ids,) = self._encode([_BETWEEN.join(words)])
        ends = [place for place, number in enumerate(ids) if number == self._between]
        if len(ends) != len(words) - 1:  # a word holds the token itself
            return self._encode(words)
        starts = [0, *(end + 1 for end in ends)]
        return [ids[start:end] for start, end in zip(starts, [*ends, None], strict=True)]


def reads_by_word(tokenizer: Tokenizer) -> bool:
    """Return whether a text's ids are those of its words, as blanks and line breaks split it."""
    added = tokenizer.get_added_tokens_decoder().values()
    apart = all(
        not (one.lstrip or one.rstrip or one.single_word or one.normalized)
        and not any(map(str.isspace, one.content))
        for one in added
    )
    steps = (tokenizer.normalizer, tokenizer.pre_tokenizer)
    read = tuple(step and json.loads(step.__getstate__()) for step in steps)
    return read == _BY_WORD and apart and _BETWEEN in {one.content for one in added}
