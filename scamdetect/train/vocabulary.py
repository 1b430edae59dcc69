"""Trim the vocabulary of a base to the pieces used in the supported languages."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from scamdetect.errors import RecipeError

_SPECIAL = 4  # <s> <pad> </s> <unk>


def count_pieces(tokenizer: Tokenizer, texts: Iterable[str]) -> Counter[int]:
    """Return how often each piece id occurs in the texts."""
    counts: Counter[int] = Counter()
    batch: list[str] = []
    for text in texts:
        batch.append(text[:2000])
        if len(batch) == 2000:
            _count_batch(tokenizer, batch, counts)
            batch = []
    _count_batch(tokenizer, batch, counts)
    return counts


def _count_batch(tokenizer: Tokenizer, batch: list[str], counts: Counter[int]) -> None:
    for encoding in tokenizer.encode_batch(batch, add_special_tokens=False):
        counts.update(encoding.ids)


def choose_pieces(
    tokenizer: Tokenizer, counts: Counter[int], max_pieces: int, whole_scripts: Sequence[str]
) -> list[int]:
    """Return the ids to keep, ascending.

    Special tokens, single characters and whole scripts are kept, then the most used pieces, then
    the most likely ones of the base. Raises RecipeError if ``max_pieces`` is too small for those
    that must be kept.
    """
    vocabulary = json.loads(tokenizer.to_str())["model"]["vocab"]
    pieces = [piece for piece, _ in vocabulary]
    must = {
        number
        for number, piece in enumerate(pieces)
        if number < _SPECIAL
        or len(piece.removeprefix("\u2581")) <= 1
        or _is_of_script(piece, whole_scripts)
    }
    if len(must) > max_pieces:
        raise RecipeError(
            f"vocabulary.max_pieces is {max_pieces}, but {len(must)} pieces must be kept"
        )
    optional = (number for number in range(len(pieces)) if number not in must)
    ranked = sorted(optional, key=lambda number: (-counts[number], -vocabulary[number][1]))
    return sorted(must | set(ranked[: max_pieces - len(must)]))


def _is_of_script(piece: str, scripts: Sequence[str]) -> bool:
    letters = [character for character in piece if character != "\u2581" and character.isalpha()]
    return bool(letters) and all(
        unicodedata.name(letter, "").startswith(tuple(scripts)) for letter in letters
    )


def trim(encoder: PreTrainedModel, tokenizer: Tokenizer, keep: list[int]) -> Tokenizer:
    """Return the tokenizer of the pieces ``keep``; renumber the encoder's embedding in place."""
    description = json.loads(tokenizer.to_str())
    vocabulary = description["model"]["vocab"]
    description["model"]["vocab"] = [vocabulary[number] for number in keep]
    description["added_tokens"] = [
        token for token in description["added_tokens"] if token["id"] < _SPECIAL
    ]
    old = cast(torch.nn.Embedding, encoder.get_input_embeddings()).weight.data
    rows = torch.from_numpy(np.asarray(keep))
    new = torch.nn.Embedding(len(keep), old.shape[1], padding_idx=1)
    new.weight.data.copy_(old[rows])
    encoder.set_input_embeddings(new)
    encoder.config.vocab_size = len(keep)
    return Tokenizer.from_str(json.dumps(description, ensure_ascii=False))


def growth(before: Tokenizer, after: Tokenizer, texts: list[str]) -> tuple[float, float]:
    """Return the relative increase of tokens by trimming, and the share of unknown ones."""
    old = sum(len(e.ids) for e in before.encode_batch(texts, add_special_tokens=False))
    encoded = after.encode_batch(texts, add_special_tokens=False)
    new = sum(len(e.ids) for e in encoded)
    unknown = sum(e.ids.count(3) for e in encoded)
    return new / max(old, 1) - 1, unknown / max(new, 1)
