"""Cut, fold and group work so that a batch wastes little, and put the results back in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

TOKEN_BUDGET = 1280
MULTIPLE = 8


def windows(length: int, size: int, stride: int) -> list[tuple[int, int]]:
    """Return the (start, end) spans of up to ``size`` tokens that cover ``length`` tokens.

    Neighbours share at least ``stride`` tokens; the last span is a full one too, because a short
    rest has too little context. A text of no tokens has one empty span.
    """
    if length <= size:
        return [(0, length)]
    starts = range(0, length - size, size - stride)
    return [(start, start + size) for start in (*starts, length - size)]


def thin(spans: Sequence[T], most: int | None) -> list[T]:
    """Return up to ``most`` spans, evenly spread, the first and (from two on) the last included."""
    if most is None or len(spans) <= most:
        return list(spans)
    return [spans[int(place)] for place in np.linspace(0, len(spans) - 1, most)]


def batches(
    lengths: Sequence[int], budget: int = TOKEN_BUDGET, multiple: int = MULTIPLE
) -> Iterator[tuple[list[int], int]]:
    """Yield (places, padded length) by rising length, each place once.

    A batch holds at most ``budget`` padded tokens, or one item that is longer. Equal lengths keep
    their order, so that the same input always makes the same batches.
    """
    batch: list[int] = []
    padded = 0
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        width = max(-(-lengths[place] // multiple) * multiple, multiple)
        if batch and width * (len(batch) + 1) > budget:
            yield batch, padded
            batch = []
        batch.append(place)
        padded = width
    if batch:
        yield batch, padded


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
