"""False alarms by cell."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_corpus import row, table

from scamdetect.evaluate.slices import MERGED, NO_SLICE, false_alarms, length_band

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("length", "band"),
    [(0, "<40"), (39, "<40"), (40, "40-119"), (119, "40-119"), (120, "120-400"), (400, "120-400"),
     (401, ">400")],
)  # fmt: skip
def test_length_band(length: int, band: str) -> None:
    assert length_band(length) == band


def test_rates_count_legit_rows_in_each_of_their_cells() -> None:
    rows = [row(i, "legit", slices=["finance", "affection"], length=500) for i in range(10)]
    rows += [row(i, "legit", slices=["finance"], lang="vi", length=20) for i in range(30)]
    rows += [row(i, "legit", slices=[], lang="pt", length=20) for i in range(12)]
    rows += [row(i, "scam") for i in range(20)]
    flagged = np.zeros(72, dtype=bool)
    flagged[:2] = True
    flagged[52:] = True  # scams: in no false-positive rate
    found = false_alarms(table(rows), {"flag": flagged})
    rates = {cell.cell: cell.rates["flag"] for cell in found.slices}
    assert {name: (rate.n, rate.value) for name, rate in rates.items()} == {
        "affection": (10, 0.2),
        "finance": (40, 0.05),
        NO_SLICE: (12, 0.0),
    }
    assert [(cell.cell, cell.rates["flag"].n) for cell in found.lengths] == [
        ("<40", 42),
        (">400", 10),
    ]


def test_small_cells_are_merged_and_come_last() -> None:
    rows = [row(i, "legit", lang=lang) for lang, n in (("vi", 9), ("ar", 3), ("zh", 10))
            for i in range(n)]  # fmt: skip
    found = false_alarms(table(rows), {"flag": np.ones(22, dtype=bool)})
    assert [(cell.cell, cell.rates["flag"].n) for cell in found.languages] == [
        ("zh", 10),
        (MERGED, 12),
    ]
