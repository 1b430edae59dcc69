"""The weights of rows: the reference mix, with equal cells, and the blocks of real traffic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from scamdetect.calibration.presets import PRESETS
from scamdetect.calibration.statistics import Floats, as_scores
from scamdetect.calibration.thresholds import threshold_at_fpr
from scamdetect.labels import Verdict
from scamdetect.train.data.table import column, has_verdict

Positions = NDArray[np.intp]

SMALLEST_CELL = 10
CALIBRATE_ROWS = 12_000  # maximum, to calibrate a bundle or a baseline on
# Honest traffic by block. Slices that are not listed, and rows without one, are talk.
BLOCKS = {"notices": 0.5, "talk": 0.3, "money": 0.2}
_BLOCK_OF = {"transactional": "notices", "marketing": "notices", "finance": "money"}
MOST_OF_MASS = 0.001  # of the honest side, for one leak group
FLAG_FPR = PRESETS["balanced"]  # maximum share of the honest mix that may reach the flag threshold


def reference_weights(table: pa.Table) -> Floats:
    """Return one weight per row (rows,): the cells of a verdict weigh the same, rows average 1.

    Legit and spam rows form slice x language cells, scams kind x language cells; a row in several
    cells adds its shares. Rows known only as "not legit" have weight 0.
    """
    weights = np.zeros(table.num_rows)
    langs, slices, kinds = (column(table, name) for name in ("lang", "slices", "kinds"))
    for verdict in Verdict:
        rows = np.flatnonzero(has_verdict(table, verdict))
        if rows.size:
            names = kinds if verdict is Verdict.SCAM else slices
            for cell in merged_cells(list(names[rows]), list(langs[rows])):
                weights[rows[cell]] += 1 / cell.size
            weights[rows] *= rows.size / weights[rows].sum()
    return weights


def block_weights(table: pa.Table) -> Floats:
    """Return one weight per row (rows,): honest rows by the blocks of traffic, others as reference.

    Blocks weigh as in ``BLOCKS`` and the leak groups of a block equally, none above
    ``MOST_OF_MASS`` if there are enough groups: the excess of a small block goes to the others, and
    so does the share of a block without rows. Honest rows average 1.
    """
    weights = reference_weights(table)
    rows = np.flatnonzero(has_verdict(table, Verdict.LEGIT))
    if not rows.size:
        return weights
    blocks = row_blocks(table)[rows]
    _, of_row, sizes = np.unique(
        column(table, "group")[rows].astype(np.int64), return_inverse=True, return_counts=True
    )
    # A group can have rows of several slices, and counts once.
    order = {"notices": 0, "money": 1, "talk": 2}  # as row_blocks has it
    of_group = np.full(sizes.size, len(order))
    np.minimum.at(of_group, of_row, [order[name] for name in blocks])
    shares = np.array([BLOCKS[name] for name in order])
    counts = np.bincount(of_group, minlength=len(order))
    masses = capped(shares[of_group] / counts[of_group], 1.0, MOST_OF_MASS)
    weights[rows] = rows.size * masses[of_row] / sizes[of_row]
    return weights


def row_blocks(table: pa.Table) -> NDArray[np.object_]:
    """Return the block of each row (rows,) by its slices: notices before money before talk."""
    found = np.full(table.num_rows, "talk", dtype=object)
    for row, slices in enumerate(column(table, "slices")):
        named = {_BLOCK_OF[name] for name in slices or () if name in _BLOCK_OF}
        if named:
            found[row] = "notices" if "notices" in named else "money"
    return found


def capped(weights: Floats, share: float, most: float) -> Floats:
    """Return the weights (n,) scaled to ``share`` in total, none above ``most`` if possible."""
    masses = share * weights / weights.sum() if len(weights) else weights
    if share > most * len(masses):
        return masses
    full = np.zeros(len(masses), dtype=bool)
    while (over := ~full & (masses > most)).any() and not (full | over).all():
        full |= over
        rest = share - most * full.sum()
        masses = np.where(full, most, masses * rest / masses[~full].sum())
    return np.minimum(masses, most)


def weighted_threshold_at_fpr(scores: ArrayLike, weights: ArrayLike, fpr: float) -> float:
    """Return the lowest threshold that at most ``fpr`` of the weight of honest rows reaches.

    ``scores`` and ``weights`` (n,) belong to honest rows only; rows of weight 0 are left out and
    unscored ones (NaN) count as not flagged. Raises InputError if no row is left.
    """
    mass = np.asarray(weights, dtype=np.float64)
    return threshold_at_fpr(as_scores(scores)[mass > 0], fpr, mass[mass > 0])


def merged_cells(
    names: Sequence[Sequence[str] | None], langs: Sequence[str], smallest: int = SMALLEST_CELL
) -> list[Positions]:
    """Return the row indices of every name x language cell, with small cells merged.

    Cells with fewer than ``smallest`` rows of one language are pooled; a pool that is still too
    small joins the smallest cell of its language, else the pool of all languages, else the smallest
    cell.
    """
    cells: dict[tuple[str, str], set[int]] = defaultdict(set)
    for position, (of_row, lang) in enumerate(zip(names, langs, strict=True)):
        for name in of_row or ("",):
            cells[lang, name].add(position)
    kept: dict[str, list[set[int]]] = defaultdict(list)
    pools: dict[str, set[int]] = defaultdict(set)
    for (lang, _), rows in sorted(cells.items()):
        if len(rows) >= smallest:
            kept[lang].append(rows)
        else:
            pools[lang] |= rows
    rest: set[int] = set()
    for lang, pool in pools.items():
        if len(pool) >= smallest:
            kept[lang].append(pool)
        elif kept[lang]:
            min(kept[lang], key=len).update(pool)
        else:
            rest |= pool
    merged = [rows for of_lang in kept.values() for rows in of_lang]
    if rest and (len(rest) >= smallest or not merged):
        merged.append(rest)
    elif rest:
        min(merged, key=len).update(rest)
    return [np.array(sorted(rows), dtype=np.intp) for rows in merged]


def balanced_sample(table: pa.Table, limit: int) -> pa.Table:
    """Return at most ``limit`` rows, in their order, drawn evenly from the cells; deterministic.

    Cells are verdict x first slice (or kind) x language; rows of a cell are ordered by hash, and
    small cells are complete. All rows known only as "not legit" are dropped.
    """
    return table.take(pa.array(_balanced_rows(table, limit), pa.int64()))


def calibrate_sample(table: pa.Table, limit: int = CALIBRATE_ROWS) -> pa.Table:
    """Return ``balanced_sample`` with all other honest rows of the blocks except talk, in order.

    Those blocks have most of the honest mass, and an even sample has few of their rows.
    """
    scarce = has_verdict(table, Verdict.LEGIT) & (row_blocks(table) != "talk")
    rows = {*_balanced_rows(table, limit), *np.flatnonzero(scarce).tolist()}
    return table.take(pa.array(sorted(rows), pa.int64()))


def _balanced_rows(table: pa.Table, limit: int) -> list[int]:
    verdicts, langs = column(table, "verdict"), column(table, "lang")
    hashes, slices, kinds = (column(table, name) for name in ("row_hash", "slices", "kinds"))
    places: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row in np.flatnonzero(~column(table, "not_legit").astype(bool)):
        names = kinds[row] if verdicts[row] == Verdict.SCAM.value else slices[row]
        places[verdicts[row], names[0] if names else "", langs[row]].append(int(row))
    quota = _even_quota([len(rows) for rows in places.values()], limit)
    taken = [
        row
        for rows in places.values()
        for row in sorted(rows, key=lambda row: (hashes[row], row))[:quota]
    ]
    return sorted(taken)


def _even_quota(sizes: Sequence[int], limit: int) -> int:
    low, high = 0, max(sizes, default=0)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(min(size, middle) for size in sizes) <= limit:
            low = middle
        else:
            high = middle - 1
    return low
