"""Deal by quota and from decks: chance without lumps, for the drawing of cards."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Deck(Generic[T]):
    """Cards in chance order: each is drawn once before any comes again."""

    def __init__(self, cards: Iterable[T], generator: random.Random) -> None:
        self.cards = list(cards)
        self.generator = generator
        self.rest: list[T] = []

    def draw(self) -> T:
        """Return the next card."""
        if not self.rest:
            self.rest = self.generator.sample(self.cards, len(self.cards))
        return self.rest.pop()


def apportion(weights: Sequence[float], total: int, fewest: Sequence[int]) -> list[int]:
    """Return whole numbers of this sum, in proportion to the weights but none under its fewest.

    Where the fewest alone sum to more than the total, they are returned.
    """
    counts = list(fewest)
    free = [place for place, weight in enumerate(weights) if weight > 0]
    while free:
        left = total - sum(count for place, count in enumerate(counts) if place not in free)
        scale = max(left, 0) / sum(weights[place] for place in free)
        short = [place for place in free if weights[place] * scale < fewest[place]]
        if not short:
            break
        free = [place for place in free if place not in short]
    exact = {place: weights[place] * scale for place in free}
    for place in free:
        counts[place] = int(exact[place])
    by_rest = sorted(free, key=lambda place: counts[place] - exact[place])
    for place in by_rest[: max(total - sum(counts), 0)]:
        counts[place] += 1
    return counts


def sample(weights: Sequence[float], count: int, generator: random.Random) -> list[int]:
    """Return ``count`` places, drawn by positive weight without replacement."""
    keys = [generator.random() ** (1 / weight) for weight in weights]
    return sorted(range(len(weights)), key=lambda place: -keys[place])[:count]


def weighted(weights: dict[T, float], generator: random.Random) -> T:
    """Return one of the keys, drawn by weight."""
    return generator.choices(list(weights), list(weights.values()))[0]


def in_batches(items: Iterable[T], number: int) -> list[list[T]]:
    """Return the items dealt round into ``number`` batches."""
    batches: list[list[T]] = [[] for _ in range(number)]
    for place, item in enumerate(items):
        batches[place % number].append(item)
    return batches
