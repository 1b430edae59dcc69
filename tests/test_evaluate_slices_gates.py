"""Bars on honest slices."""

from __future__ import annotations

import numpy as np
import pytest

from scamdetect.calibration.statistics import false_positive_rate
from scamdetect.evaluate.slices import MERGED, CellRates, gates


def _cell(name: str, hits: int, n: int) -> CellRates:
    fpr = false_positive_rate(np.arange(n) < hits)
    assert fpr is not None
    return CellRates(name, {"flag": fpr})


@pytest.mark.parametrize(
    ("hits", "n", "met"),
    [
        (0, 1_000, True),
        (0, 151, True),
        (0, 149, None),
        (4, 200, False),  # 2 % with an upper bound of 5 %
        (30, 1_000, False),
        (40, 100, False),
        (4, 100, None),
    ],
)
def test_a_bar_needs_rows_and_an_upper_bound(hits: int, n: int, met: bool | None) -> None:
    (gate,) = gates("dev", [_cell("finance", hits, n)], "flag")
    assert gate.met is met
    assert gate.verdict.split()[0] == {True: "met", False: "missed", None: "too"}[met]


def test_transactional_comes_first_and_merged_cells_have_no_bar() -> None:
    cells = [_cell("affection", 0, 200), _cell("transactional", 0, 200), _cell(MERGED, 0, 200)]
    assert [gate.slice for gate in gates("dev", cells, "flag")] == ["transactional", "affection"]
    assert gates("dev", cells, "another") == ()
