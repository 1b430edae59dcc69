"""How many rows of each measured set stand, word for word or nearly, in the training text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scamdetect.data.neardup import near_duplicate_groups
from scamdetect.evaluation.table import column, evaluation_sets


@dataclass(frozen=True, slots=True)
class Contamination:
    """The rows of one set, and how many of them the train rows hold."""

    rows: str  # a source, or authored and the role
    n: int
    exact: int  # the same normalised text
    near: int  # the same or a near-duplicate: MinHash over character shingles


def contamination(measured: pa.Table, train: pa.Table) -> tuple[Contamination, ...]:
    """Return the overlap of each measured set with the train rows."""
    texts, learnt = (list(column(table, "norm")) for table in (measured, train))
    near = near_duplicate_groups([*texts, *learnt])
    split, known = len(texts), set(learnt)
    exact = np.array([text in known for text in texts], dtype=bool)
    alike = np.isin(near[:split], near[split:])
    return tuple(
        Contamination(name, int(rows.sum()), int(exact[rows].sum()), int(alike[rows].sum()))
        for name, rows in evaluation_sets(measured).items()
    )
