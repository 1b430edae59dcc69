"""Bars that a bundle must pass on each honest slice, transactional notices first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scamdetect.calibration.statistics import Estimate
from scamdetect.evaluate.slices import CellRates
from scamdetect.train.bars import BAR, FEWEST_ROWS, FIRST


@dataclass(frozen=True, slots=True)
class Gate:
    """One slice against its bar; ``met`` is None where there are too few rows to say so."""

    where: str
    slice: str
    fpr: Estimate
    met: bool | None

    @property
    def verdict(self) -> str:
        """What ``met`` says, in words."""
        words = {True: "met", False: "missed", None: f"too few (under {FEWEST_ROWS} rows)"}
        return words[self.met]


def gates(where: str, slices: Iterable[CellRates], threshold: str) -> tuple[Gate, ...]:
    """Return a gate a slice at the named threshold.

    A bar counts as met when the rate is not over it, the upper bound not over twice it, and n at
    least 150; with fewer rows it can only be missed.
    """
    found = []
    for cell in sorted(slices, key=lambda cell: (cell.cell != FIRST, cell.cell)):
        fpr = cell.rates.get(threshold)
        if fpr is None or cell.cell.startswith("("):
            continue
        found.append(Gate(where, cell.cell, fpr, _met(fpr)))
    return tuple(found)


def _met(fpr: Estimate) -> bool | None:
    if fpr.n < FEWEST_ROWS:
        return False if fpr.low > BAR else None
    return fpr.value <= BAR and fpr.high <= 2 * BAR
