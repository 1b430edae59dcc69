"""Which steps of a plan a run takes, how fast it learns at each, and which states it keeps.

A rate that stays, with short decays from marks on the way, shows with one long run what runs of
several lengths would reach. Of the decays that Hägele et al. 2024 (arXiv:2405.18392) compare, one
minus the square root does best, and a tenth of the steps is nearly enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scamdetect.errors import RecipeError
from scamdetect.train.recipe import OptimiserTable

Ints = npt.NDArray[np.int64]
Rate = Callable[[int], float]  # the share of the full learning rate at a step


@dataclass(frozen=True)
class Stretch:
    """The steps of a plan from ``first`` on, before ``last``."""

    first: int
    last: int
    rate: Rate
    keep: Mapping[int, int]  # after how many steps the state is kept, and the mark in tokens


def tokens_spent(batches: Sequence[Ints], lengths: Ints) -> Ints:
    """Return the tokens (steps,) that a run has seen after each batch; ``lengths`` is by row."""
    return np.cumsum([int(lengths[batch].sum()) for batch in batches])


def whole_plan(spent: Ints, table: OptimiserTable) -> Stretch:
    """Return all steps of the plan, of which ``spent`` (steps,) is the tokens after each.

    Raises RecipeError if the plan ends before a mark and its decay, or marks share a step.
    """
    keep = {mark_and_decay(spent, table, mark)[0]: mark for mark in table.keep_at}
    if len(keep) < len(table.keep_at):
        raise RecipeError("marks of optimiser.keep_at share a step; set them further apart")
    return Stretch(0, len(spent), _rate(len(spent), table), keep)


def decay(spent: Ints, table: OptimiserTable, mark: int) -> Stretch:
    """Return the steps of the decay from a mark of the plan; raise as ``whole_plan`` does."""
    first, last = mark_and_decay(spent, table, mark)
    before = _rate(len(spent), table)

    def rate(step: int) -> float:
        return before(step) * (1 - math.sqrt(max(0, step - first) / (last - first)))

    return Stretch(first, last, rate, {})


def mark_and_decay(spent: Ints, table: OptimiserTable, mark: int) -> tuple[int, int]:
    """Return the steps up to the mark and up to the end of its decay.

    Raises RecipeError if the plan, of which ``spent`` (steps,) is the tokens, ends before that.
    """
    first = _steps(spent, mark)
    reached = int(spent[min(first, len(spent)) - 1])
    end = max(mark, reached) + table.decay_share * max(mark, reached)
    last = _steps(spent, end)
    if last > len(spent):
        raise RecipeError(
            f"the plan has {int(spent[-1]):,} tokens, but the mark {mark:,} of optimiser.keep_at "
            f"and its decay need {end:,.0f}; raise data.tokens, or add rows if they reach "
            "data.most_draws"
        )
    return first, last


def _steps(spent: Ints, tokens: float) -> int:
    return int(np.searchsorted(spent, tokens)) + 1


def _rate(steps: int, table: OptimiserTable) -> Rate:
    warmup = max(1, round(table.warmup * steps))
    if table.schedule == "stable":
        return lambda step: min((step + 1) / warmup, 1.0)
    return lambda step: min((step + 1) / warmup, max(0.0, (steps - step) / max(1, steps - warmup)))
