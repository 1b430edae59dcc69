"""False alarms by slice, language and length, with targets; accuracy of languages and kinds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scamdetect.calibration.statistics import (
    Bools,
    Estimate,
    Floats,
    bootstrap_by_group,
    false_positive_rate,
    recall,
)
from scamdetect.labels import KINDS, Kind, Verdict
from scamdetect.train.bars import BAR, FEWEST_ROWS, FIRST
from scamdetect.train.data.mix import SMALLEST_CELL
from scamdetect.train.data.scores import UNDETERMINED
from scamdetect.train.data.table import (
    Objects,
    column,
    evaluation_sets,
    has_seen_kinds,
    has_verdict,
    is_authored,
    kind_table,
    select,
)

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

    A row counts in each of its cells. Cells with fewer than ten rows are merged into one, printed
    last.
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


@dataclass(frozen=True, slots=True)
class Gate:
    """One slice and its target; ``met`` is None if there are too few rows."""

    where: str
    slice: str
    fpr: Estimate
    met: bool | None

    @property
    def verdict(self) -> str:
        """``met`` in words."""
        words = {True: "met", False: "missed", None: f"too few (fewer than {FEWEST_ROWS} rows)"}
        return words[self.met]


def gates(where: str, slices: Iterable[CellRates], threshold: str) -> tuple[Gate, ...]:
    """Return one gate per slice at the named threshold.

    A target is met if the rate does not exceed it, the upper bound does not exceed twice it, and n
    is at least 150; with fewer rows it can only be missed.
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


SMALLEST_LANGUAGE = 10
_SAME = {"fil": "tl", "in": "id", "iw": "he"}  # two codes for one language


@dataclass(frozen=True, slots=True)
class LanguageAccuracy:
    """A detector's language accuracy; ``accuracy`` counts answered rows, ``und`` is separate."""

    name: str
    n: int
    undetermined: int
    accuracy: Estimate | None
    by_language: dict[str, LanguageAccuracy]


def language_accuracy(name: str, truth: Objects, told: Objects) -> LanguageAccuracy:
    """Compare the identified languages (n,) with the corpus', excluding rows whose own is unknown.

    Languages with fewer than ten rows count only in the total.
    """
    expected, answers = _plain(truth), _plain(told)
    known = expected != UNDETERMINED
    by_language = {
        lang: _measure(lang, expected, answers, rows)
        for lang in sorted(set(expected[known]))
        if (rows := expected == lang).sum() >= SMALLEST_LANGUAGE
    }
    return _measure(name, expected, answers, known, by_language)


def _measure(
    name: str,
    expected: Objects,
    answers: Objects,
    rows: Bools,
    by_language: dict[str, LanguageAccuracy] | None = None,
) -> LanguageAccuracy:
    answered = rows & (answers != UNDETERMINED)
    return LanguageAccuracy(
        name=name,
        n=int(rows.sum()),
        undetermined=int(rows.sum() - answered.sum()),
        accuracy=recall(expected[answered] == answers[answered]),
        by_language=by_language or {},
    )


def _plain(codes: Objects) -> Objects:
    primary = [str(code).lower().replace("_", "-").split("-")[0] for code in codes]
    return np.array([_SAME.get(code, code) for code in primary], dtype=object)


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
    """The accuracy of kinds; ``macro_f1`` is the mean over the ``n_kinds`` measured."""

    macro_f1: Estimate | None
    n_kinds: int
    kinds: tuple[ToldKind, ...]


def kind_figures(table: pa.Table, told: Sequence[frozenset[Kind]]) -> KindFigures:
    """Return the figures of the kinds that a detector lists for each row (rows,).

    A kind with fewer than 30 such scams is not measured. Precision counts only scams: how often a
    listed kind is right if a message is a scam.
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
    """Return the F1 (kinds,) of the columns, 0 if a kind neither occurs nor is listed."""
    hits, stated, said = (weights @ part for part in (truth & named, truth, named))
    return np.asarray(2 * hits / np.maximum(stated + said, 1e-300), dtype=np.float64)
