"""How well the kinds of scams are told, on rows whose kinds were read or authored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scamdetect.calibration.statistics import Bools, Estimate, Floats, bootstrap_by_group, recall
from scamdetect.evaluate.slices import SMALLEST_KIND
from scamdetect.labels import KINDS, Kind
from scamdetect.train.data.table import (
    column,
    evaluation_sets,
    has_seen_kinds,
    is_authored,
    kind_table,
)

BY_SOURCE = (Kind.INVESTMENT, Kind.ROMANCE)
TOGETHER = "investment and romance"  # pig butchering: a lover who invests
ALL = "all"


@dataclass(frozen=True, slots=True)
class ToldKind:
    """Precision and recall of one kind among the scams of one set; None: not measured."""

    kind: str  # or both of investment and romance
    rows: str  # all, authored and the role, or a source
    n: int  # scams of it
    precision: Estimate | None
    recall: Estimate | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class KindFigures:
    """The kinds told of scams; ``macro_f1`` is the plain mean over the ``n_kinds`` measured."""

    macro_f1: Estimate | None
    n_kinds: int
    kinds: tuple[ToldKind, ...]


def kind_figures(table: pa.Table, told: Sequence[frozenset[Kind]]) -> KindFigures:
    """Return the figures of the kinds that a detector names of each row (rows,).

    A kind of under 30 such scams is not measured. Precision counts scams only: how often a named
    kind is right once a message is a scam.
    """
    seen = has_seen_kinds(table)
    if not seen.any():
        return KindFigures(None, 0, ())
    truth = kind_table(column(table, "kinds")[seen])
    named = kind_table(told[row] for row in np.flatnonzero(seen).tolist())
    groups = column(table, "group")[seen].astype(np.int64)
    found = [_told(kind.value, ALL, truth[:, k], named[:, k]) for k, kind in enumerate(KINDS)]
    for name, rows in evaluation_sets(table).items():
        here = rows[seen]
        for kind in BY_SOURCE:
            k = KINDS.index(kind)
            found.append(_told(kind.value, name, truth[here, k], named[here, k]))
    both = [KINDS.index(kind) for kind in BY_SOURCE]
    own = (is_authored(table) & (column(table, "role") == "dev"))[seen]
    together = (part[own][:, both].all(axis=1) for part in (truth, named))
    found.append(_told(TOGETHER, "authored dev", *together))
    measured = truth.sum(axis=0) >= SMALLEST_KIND

    def macro(weights: Floats) -> float:
        return float(np.mean(_f1(truth[:, measured], named[:, measured], weights)))

    return KindFigures(
        macro_f1=bootstrap_by_group(macro, groups, truth.shape[0]) if measured.any() else None,
        n_kinds=int(measured.sum()),
        kinds=tuple(one for one in found if one.n),
    )


def _told(kind: str, rows: str, truth: Bools, named: Bools) -> ToldKind:
    n = int(truth.sum())
    if n < SMALLEST_KIND:
        return ToldKind(kind, rows, n, None, None, None)
    f1 = float(_f1(truth[:, None], named[:, None], np.ones(truth.size))[0])
    return ToldKind(kind, rows, n, recall(truth[named]), recall(named[truth]), f1)


def _f1(truth: Bools, named: Bools, weights: Floats) -> Floats:
    """Return the F1 (kinds,) of the columns, 0 where a kind is neither there nor named."""
    hits, stated, said = (weights @ part for part in (truth & named, truth, named))
    return np.asarray(2 * hits / np.maximum(stated + said, 1e-300), dtype=np.float64)
