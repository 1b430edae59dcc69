"""Which rows a run sees in which batches: decided beforehand by the seed, so that it can resume."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scamdetect.errors import RecipeError
from scamdetect.training.recipe import DataTable

MIN_LANGUAGE_ROWS = 100  # under which a language is none that the model learns to name
PAD_TO = 16  # few distinct shapes: the primitive cache of the CPU kernels grows with each
_SORTED_TOGETHER = 4_096  # rows sorted by length at a time


@dataclass(frozen=True)
class RowFacts:
    """What the plan needs to know of the training rows; arrays of length n."""

    lengths: npt.NDArray[np.int64]  # tokens, special ones included
    classes: list[str]  # legit, spam or scam; rows known only not to be legit count as spam
    cells: list[tuple[str, str, str]]  # source, language, honest slice or ""
    weights: npt.NDArray[np.float64]


def draw_rows(facts: RowFacts, table: DataTable, seed: int) -> npt.NDArray[np.int64]:
    """Return row numbers in the order in which they are seen, until ``table.tokens`` are spent.

    Classes come at the shares of the recipe. Within a class a cell is drawn in proportion to its
    number of rows to the power ``source_temperature`` times its weight, and never at weight 0;
    within a cell each row is seen once before any is seen again. Raises RecipeError where all rows
    of a class weigh 0.
    """
    generator = np.random.default_rng(seed)
    shares = {"scam": table.scam_share, "spam": table.spam_share}
    shares["legit"] = 1 - sum(shares.values())
    lengths = np.minimum(facts.lengths, table.max_tokens)
    drawn = []
    for name, share in shares.items():
        members = np.array(
            [i for i, label in enumerate(facts.classes) if label == name], dtype=np.int64
        )
        if len(members):
            budget = table.tokens * share
            weighing = members[facts.weights[members] > 0]
            if not len(weighing):
                raise RecipeError(
                    f"all {len(members)} {name} rows weigh 0 (data.authored_weight is "
                    f"{table.authored_weight:g}), so none can be drawn; set data.authored_weight "
                    "over 0, or add sources of that class"
                )
            drawn.append(_draw_class(weighing, facts, lengths, table, budget, generator))
    rows = np.concatenate(drawn)
    return generator.permutation(rows)


def _draw_class(
    members: npt.NDArray[np.int64],
    facts: RowFacts,
    lengths: npt.NDArray[np.int64],
    table: DataTable,
    budget: float,
    generator: np.random.Generator,
) -> npt.NDArray[np.int64]:
    cells: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row in members.tolist():
        cells[facts.cells[row]].append(row)
    names = sorted(cells)
    masses = np.array(
        [len(cells[c]) ** table.source_temperature * facts.weights[cells[c][0]] for c in names]
    )
    masses /= masses.sum()
    means = np.array([lengths[cells[c]].mean() for c in names])
    total = budget / float(masses @ means)  # rows of this class
    drawn = []
    for name, mass in zip(names, masses, strict=True):
        rows = np.array(cells[name])
        count = max(1, round(total * mass))
        rounds = [generator.permutation(rows) for _ in range(-(-count // len(rows)))]
        drawn.append(np.concatenate(rounds)[:count])
    return np.concatenate(drawn)


def make_batches(
    rows: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    batch_tokens: int,
    seed: int,
    pairs: npt.NDArray[np.int64] | None = None,
) -> list[npt.NDArray[np.int64]]:
    """Return shuffled batches of row numbers of like length.

    A batch holds at most ``batch_tokens`` padded tokens, or one row that is longer. ``pairs``
    (corpus rows,) gives each row the number of its pair or -1: the sides of a pair, each time both
    were drawn, come one after the other, so that nearly all of them share a batch.
    """
    if pairs is not None:
        rows, lengths = _side_by_side(rows, lengths, pairs)
    generator = np.random.default_rng(seed + 1)
    batches = []
    for start in range(0, len(rows), _SORTED_TOGETHER):
        chunk = rows[start : start + _SORTED_TOGETHER]
        chunk = chunk[np.argsort(lengths[chunk], kind="stable")]
        part: list[npt.NDArray[np.int64]] = []
        place = 0
        while place < len(chunk):
            # Rows ascend in length, so the last row that is taken decides the width of the batch.
            count = 1
            while place + count < len(chunk):
                width = padded(int(lengths[chunk[place + count]]))
                if width * (count + 1) > batch_tokens:
                    break
                count += 1
            part.append(chunk[place : place + count])
            place += count
        batches += [part[i] for i in generator.permutation(len(part))]
    return batches


def _side_by_side(
    rows: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], pairs: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Move a pair's second side to its first; both get the longer length, so that they sort alike.

    Lengths are of corpus rows: a side's own length may be shorter than its place says, never
    longer, so batches stay within their tokens.
    """
    waiting: dict[int, list[tuple[int, int]]] = defaultdict(list)
    keys = np.arange(len(rows), dtype=np.float64)
    lengths = lengths.copy()
    for place, row in enumerate(rows.tolist()):
        pair = int(pairs[row])
        if pair < 0:
            continue
        other = next((found for found in waiting[pair] if found[1] != row), None)
        if other is None:
            waiting[pair].append((place, row))
            continue
        waiting[pair].remove(other)
        keys[place] = keys[other[0]] + 0.5
        lengths[[row, other[1]]] = max(lengths[row], lengths[other[1]])
    return rows[np.argsort(keys, kind="stable")], lengths


def padded(length: int) -> int:
    """Return the length rounded up to a multiple of PAD_TO."""
    return -(-length // PAD_TO) * PAD_TO
