"""False alarms by honest slice, language and length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scamdetect.calibration.statistics import Bools, Estimate, false_positive_rate
from scamdetect.labels import Verdict
from scamdetect.train.data.mix import SMALLEST_CELL
from scamdetect.train.data.table import column, has_verdict, select

SMALLEST_KIND = 30

MERGED = "(cells under 10 rows)"
NO_SLICE = "(no slice)"
LENGTH_BANDS = ("<40", "40-119", "120-400", ">400")  # characters of the normalised text
_LENGTH_EDGES = (40, 120, 401)


@dataclass(frozen=True, slots=True)
class CellRates:
    """The false-positive rate of one cell at each named threshold."""

    cell: str
    rates: dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """False-positive rates of the legit rows by slice, language and length."""

    slices: tuple[CellRates, ...]
    languages: tuple[CellRates, ...]
    lengths: tuple[CellRates, ...]


def false_alarms(table: pa.Table, flagged: Mapping[str, Bools]) -> FalseAlarms:
    """Return the false-positive rates at each named threshold (a mask (rows,) each) by cell."""
    honest = has_verdict(table, Verdict.LEGIT)
    legit = select(table, honest)
    masks = {name: mask[honest] for name, mask in flagged.items()}
    slices = [tuple(names or (NO_SLICE,)) for names in column(legit, "slices")]
    languages = [(lang,) for lang in column(legit, "lang")]
    lengths = [(length_band(length),) for length in column(legit, "length")]
    by_length = {rates.cell: rates for rates in cell_rates(lengths, masks)}
    return FalseAlarms(
        slices=cell_rates(slices, masks),
        languages=cell_rates(languages, masks),
        lengths=tuple(by_length[band] for band in (*LENGTH_BANDS, MERGED) if band in by_length),
    )


def length_band(length: int) -> str:
    """Return the band of a length in characters."""
    return LENGTH_BANDS[int(np.searchsorted(_LENGTH_EDGES, length, side="right"))]


def cell_rates(
    cells: Sequence[Sequence[str]], flagged: Mapping[str, Bools]
) -> tuple[CellRates, ...]:
    """Return the rates of each cell by its name; ``cells`` names those of each row (rows,).

    A row counts in each of its cells. Cells under ten rows are merged into one, printed last.
    """
    places: dict[str, set[int]] = defaultdict(set)
    for row, names in enumerate(cells):
        for name in names:
            places[name].add(row)
    small = [name for name, rows in places.items() if len(rows) < SMALLEST_CELL]
    merged = set[int]().union(*(places.pop(name) for name in small))
    ordered = [*sorted(places.items()), *([(MERGED, merged)] if merged else [])]
    return tuple(CellRates(name, _rates(sorted(rows), flagged)) for name, rows in ordered)


def _rates(rows: list[int], flagged: Mapping[str, Bools]) -> dict[str, Estimate]:
    estimates = {name: false_positive_rate(mask[rows]) for name, mask in flagged.items()}
    return {name: estimate for name, estimate in estimates.items() if estimate is not None}
