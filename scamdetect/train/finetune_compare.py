"""Compare a fine-tuned bundle with its base, row by row, and report what got worse.

Both score the same rows with the public API. Own rows count once per group of copies; every change
has a 95 % interval of resampled groups, which is never narrower than the exact one of the groups
whose decision changed (Clopper-Pearson, given their number, as in McNemar's test).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.bundle.bundle import Bundle
from scamdetect.calibration.statistics import (
    Bools,
    Estimate,
    Floats,
    as_scores,
    bootstrap_by_group,
    clopper_pearson,
    effective_size,
    mean_by_group,
    recall_at_fpr,
    widened,
)
from scamdetect.labels import KINDS, Kind, Verdict
from scamdetect.train.cells import percent, points
from scamdetect.train.data.mix import SMALLEST_CELL
from scamdetect.train.data.scores import DetectorScores
from scamdetect.train.data.table import (
    column,
    evaluation_sets,
    has_seen_kinds,
    has_verdict,
    kind_table,
)
from scamdetect.train.finetune_rows import OWN
from scamdetect.train.pages import table, titled

OWN_ROWS, ALL = "own rows, held out", "rehearsal rows, all"
RANKED_FPR = 0.01
# How much a figure may fall (recall) or rise (false-positive rate) before it counts as worse.
RECALL_MARGINS = {"own": 0.0, "all": 0.02, "cell": 0.05}
FPR_MARGINS = {"own": 0.0, "all": 0.005, "cell": 0.02}


@dataclass(frozen=True, slots=True)
class Change:
    """A share before and after, each with an interval, and the paired difference."""

    before: Estimate
    after: Estimate
    change: Estimate


@dataclass(frozen=True, slots=True)
class Compared:
    """The figures of some rows; None if a class has too few rows.

    ``recall`` and ``fpr`` are at each bundle's shipped flag threshold, ``ranked`` is the recall at
    the threshold that the rows' own legit ones reach at 1 %, ``named`` the share of scams of a kind
    for which the bundle lists it.
    """

    by: str  # own, all, source, slice, kind, language
    name: str
    n_scam: int
    n_legit: int
    recall: Change | None
    fpr: Change | None
    ranked: Change | None = None
    named: Change | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All figures, and a description of what got worse."""

    before: str  # model ids
    after: str
    fpr_asked: float
    cells: tuple[Compared, ...]
    worse: tuple[str, ...]


def compare_scores(
    rows: pa.Table,
    before: DetectorScores,
    after: DetectorScores,
    fpr_asked: float,
    judged: Collection[Kind] = KINDS,
) -> Comparison:
    """Return what changed on these rows (own ones of source OWN, and rehearsed ones).

    Only ``judged`` kinds count as worse if they are listed more rarely.
    """
    cells = tuple(_cells(rows, before, after))
    worse = tuple(reason for cell in cells for reason in _worse(cell, fpr_asked, judged))
    return Comparison(before.model_id or "", after.model_id or "", fpr_asked, cells, worse)


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """Yield the lines of a page, without any text of a message."""
    yield f"# {comparison.before} -> {comparison.after}"
    yield ""
    yield (
        "At the flag threshold of each bundle (target false-positive rate: "
        f"{comparison.fpr_asked:g}); R@1% at the threshold that the rows' own legit ones reach. "
        "Changes in points, with paired 95 % intervals; own rows count once per group of "
        f"copies. Cells with fewer than {SMALLEST_CELL} rows of a class have no figure for it."
    )
    headers = {
        "recall": "recall at flag",
        "fpr": "false-positive rate at flag",
        "ranked": "R@1%",
        "named": "kind named",
    }
    for title, kinds_of_cell, shown in (
        ("Own rows and all others", ("own", "all"), ("recall", "fpr", "ranked")),
        ("By source of the rehearsal rows", ("source",), ("recall", "fpr", "ranked")),
        ("False alarms by slice", ("slice",), ("fpr",)),
        ("By language", ("language",), ("recall", "fpr")),
        ("By kind", ("kind",), ("recall", "named")),
    ):
        cells = [cell for cell in comparison.cells if cell.by in kinds_of_cell]
        if not cells:
            continue
        header = ["rows", "scam / legit"]
        for name in shown:
            header += [headers[name], "change"]
        yield from titled(title, "", table(header, [_line(cell, shown) for cell in cells]))
    worse = [f"- worse: {reason}" for reason in comparison.worse]
    nothing = "Nothing got worse beyond chance and the margins."
    yield from titled("Verdict", "", worse or [nothing])


def _line(cell: Compared, shown: Sequence[str]) -> list[str]:
    line = [cell.name, f"{cell.n_scam:,} / {cell.n_legit:,}"]
    for name in shown:
        change: Change | None = getattr(cell, name)
        if change is None:
            line += ["-", "-"]
        else:
            line += [
                f"{change.before.value:.1%} -> {percent(change.after)}", points(change.change)
            ]  # fmt: skip
    return line


def judged_kinds(before: Bundle, after: Bundle) -> frozenset[Kind]:
    """Return the kinds whose listing by two bundles can be compared.

    Each was tested as credible for both. An older bundle lists kinds without that test; some kinds
    fail it and others pass at a higher threshold, which is not caused by the training.
    """
    if set(before.kind_thresholds) != set(KINDS):
        return frozenset()
    pairs = (before.kind_thresholds, after.kind_thresholds)
    return frozenset(
        kind for kind in KINDS if all(kind in own and own[kind].f1 is not None for own in pairs)
    )


def _worse(cell: Compared, fpr_asked: float, judged: Collection[Kind]) -> Iterator[str]:
    scope = cell.by if cell.by in ("own", "all") else "cell"
    label = cell.name if scope != "cell" else f"{cell.by} {cell.name}"
    recall, fpr = cell.recall, cell.fpr
    if recall is not None and recall.change.high < -RECALL_MARGINS[scope]:
        yield (
            f"{label}: recall at flag {recall.before.value:.1%} -> {recall.after.value:.1%}, "
            f"change {points(recall.change)} points, margin {100 * RECALL_MARGINS[scope]:g}"
        )
    named = cell.named if cell.name in judged else None
    if named is not None and named.change.high < -RECALL_MARGINS[scope]:
        yield (
            f"{label}: named {named.before.value:.1%} -> {named.after.value:.1%}, "
            f"change {points(named.change)} points, margin {100 * RECALL_MARGINS[scope]:g}"
        )
    # The goal was no worsening, even if the old threshold was better than its rate.
    if fpr is not None and fpr.change.low > FPR_MARGINS[scope] and fpr.after.value > fpr_asked:
        yield (
            f"{label}: false-positive rate at flag {fpr.before.value:.1%} -> "
            f"{fpr.after.value:.1%}, change {points(fpr.change)} points, margin "
            f"{100 * FPR_MARGINS[scope]:g}"
        )


def _cells(rows: pa.Table, before: DetectorScores, after: DetectorScores) -> Iterator[Compared]:
    pair = _Pair(rows, before, after)
    own = column(rows, "source") == OWN
    yield pair.compared("own", OWN_ROWS, own, ranked=True)
    yield from pair.by_name(
        "language", own, [[lang] for lang in column(rows, "lang")], "own rows, "
    )
    if not (~own).any():
        return
    yield pair.compared("all", ALL, ~own, ranked=True)
    for name, members in evaluation_sets(rows).items():
        if name != OWN:
            yield pair.compared("source", name, members, ranked=True)
    yield from pair.by_name("slice", ~own, list(column(rows, "slices")))
    yield from pair.by_name("language", ~own, [[lang] for lang in column(rows, "lang")])
    seen = has_seen_kinds(rows) | ~has_verdict(rows, Verdict.SCAM)
    yield from pair.by_name("kind", ~own & seen, list(column(rows, "kinds")))


class _Pair:
    """Both detectors' scores of the same rows."""

    def __init__(self, rows: pa.Table, before: DetectorScores, after: DetectorScores) -> None:
        self.scam, self.legit = (has_verdict(rows, v) for v in (Verdict.SCAM, Verdict.LEGIT))
        self.groups = column(rows, "group").astype(np.int64)
        self.mass = _masses(self.groups, column(rows, "source") == OWN, self.scam)
        self.scores = [as_scores(one.scam) for one in (before, after)]
        self.flagged = [one.flagged for one in (before, after)]
        self.named = [kind_table(one.kinds or [()] * len(one.scam)) for one in (before, after)]

    def by_name(
        self, by: str, members: Bools, names: Sequence[Sequence[str] | None], prefix: str = ""
    ) -> Iterator[Compared]:
        for name in sorted({name for of_row in names for name in of_row or ()}):
            here = members & np.array([name in (of_row or ()) for of_row in names], dtype=bool)
            if (here & (self.scam | self.legit)).sum() >= SMALLEST_CELL:
                yield self.compared(by, prefix + name, here)

    def compared(self, by: str, name: str, members: Bools, *, ranked: bool = False) -> Compared:
        scam, legit = members & self.scam, members & self.legit
        named = None
        if by == "kind":
            place = KINDS.index(name)
            named = self._change(scam, [flags[:, place] for flags in self.named])
        return Compared(
            by=by,
            name=name,
            n_scam=int(scam.sum()),
            n_legit=int(legit.sum()),
            recall=self._change(scam, self.flagged),
            fpr=self._change(legit, self.flagged),
            ranked=self._ranked(scam, legit) if ranked else None,
            named=named,
        )

    def _change(self, rows: Bools, flags: Sequence[Bools]) -> Change | None:
        if rows.sum() < SMALLEST_CELL:
            return None
        mass, groups = self.mass[rows], self.groups[rows]
        old, new = (one[rows].astype(np.float64) for one in flags)
        return Change(
            _share(old, mass, groups),
            _share(new, mass, groups),
            paired_change(old, new, mass, groups),
        )

    def _ranked(self, scam: Bools, legit: Bools) -> Change | None:
        if min(scam.sum(), legit.sum()) < SMALLEST_CELL:
            return None
        rows = scam | legit
        truth, mass, groups = scam[rows], self.mass[rows], self.groups[rows]
        values = [scores[rows] for scores in self.scores]
        n = int(truth.sum())

        def at(which: int, weights: Floats) -> float:
            return recall_at_fpr(values[which], truth, RANKED_FPR, weights * mass)

        before, after, change = (
            bootstrap_by_group(statistic, groups, n)
            for statistic in (
                partial(at, 0),
                partial(at, 1),
                lambda weights: at(1, weights) - at(0, weights),
            )
        )
        assert before is not None and after is not None and change is not None, "it has rows"
        return Change(before, after, change)


def paired_change(old: Floats, new: Floats, mass: Floats, groups: NDArray[np.int64]) -> Estimate:
    """Return the weighted mean of ``new - old`` (n,) with its interval over groups."""
    found = mean_by_group(new - old, groups, weights=mass)
    assert found is not None, "callers hand in rows"
    _, inverse = np.unique(groups, return_inverse=True)
    of_group = np.bincount(inverse, mass * (new - old))
    won, lost = int((of_group > 0).sum()), int((of_group < 0).sum())
    if won + lost:
        size = float(np.abs(of_group).sum() / mass.sum())
        low, high = ((2 * end - 1) * size for end in clopper_pearson(won, won + lost))
    else:  # no decision changed, which is weak evidence with few groups
        high = clopper_pearson(0, of_group.size)[1]
        low = -high
    return widened(found, (low, high))


def _share(flags: Floats, mass: Floats, groups: NDArray[np.int64]) -> Estimate:
    value = min(float((flags * mass).sum() / mass.sum()), 1.0)
    effective = effective_size(mass, groups)
    return Estimate(value, *clopper_pearson(value * effective, effective), flags.size)


def _masses(groups: NDArray[np.int64], own: Bools, scam: Bools) -> Floats:
    """Return one weight per row (n,): own rows of a group and class together weigh 1."""
    mass = np.ones(groups.size)
    for side in (own & scam, own & ~scam):
        _, inverse, sizes = np.unique(groups[side], return_inverse=True, return_counts=True)
        mass[side] = 1 / sizes[inverse]
    return mass


def as_record(comparison: Comparison) -> dict[str, object]:
    """Return the comparison in JSON types."""
    return asdict(comparison)
