"""The criterion for choosing a model: pools of scams at one threshold on a weighted honest side."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.calibration.statistics import (
    Bools,
    Estimate,
    Floats,
    Statistic,
    as_scores,
    bootstrap_by_group,
    mean_by_group,
    recall_at_fpr_estimate,
    widened,
    wilson,
)
from scamdetect.errors import InputError
from scamdetect.labels import Verdict
from scamdetect.train.data.mix import capped, weighted_threshold_at_fpr
from scamdetect.train.data.table import (
    Objects,
    column,
    has_verdict,
    is_authored,
    is_everyday,
    is_own,
)
from scamdetect.train.typed import Table, read_toml

Name = Literal["transfer", "in_source", "everyday", "authored"]
Numbers = NDArray[np.int64]

REST = "other languages"
RATES = (0.01, 0.05)
REAL = ("transfer", "in_source")  # the pools of scams that people received


class Block(Table, frozen=True):
    """A part of the honest side; the sources of one collection share their weight."""

    share: float
    collections: list[list[str]]

    @property
    def sources(self) -> list[str]:
        """Return the sources of all collections."""
        return [source for collection in self.collections for source in collection]


class Pools(Table, frozen=True):
    """The sources of each pool, and the weights of the honest side."""

    transfer: list[str]
    in_source: str
    fpr: float
    smallest_language: int
    smallest_honest: int
    rows_of_source: int
    most_of_mass: float
    fewest_honest: int
    shares: dict[Name, float]
    blocks: dict[str, Block]
    regions: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class OfLanguage:
    """Recall on one language's scams: at the pooled threshold, and at its own honest rows' rate."""

    pooled: Estimate | None
    own: dict[str, Estimate | None]  # by rate; None if the language has too few honest rows


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """The figures of one pool at the pooled threshold; ``mean`` averages sources and languages."""

    name: str
    n_scam: int
    mean: Estimate | None
    sources: dict[str, Estimate | None]
    languages: dict[str, OfLanguage]


@dataclass(frozen=True, slots=True)
class HonestTwins:
    """The honest reports of the in-source pool, compared with its scams."""

    n: int
    over_threshold: Estimate | None
    recall_at_own: Estimate | None  # R@5% against only these reports


@dataclass(frozen=True, slots=True)
class AsShipped:
    """A detector's figures at its own threshold, set on other rows."""

    threshold: float
    real: Estimate | None  # recall on transfer and in-source scams, by their shares
    pools: dict[str, Estimate | None]  # the mean recall of each pool
    honest: Estimate | None  # the share of the weighted honest side above it
    blocks: dict[str, Estimate | None]  # of the honest rows, by block, unweighted
    twins: Estimate | None


@dataclass(frozen=True, slots=True)
class PoolsResult:
    """All figures of one detector on the pools."""

    threshold: float
    n_honest: int
    over_threshold: dict[str, Estimate | None]  # of the honest rows, by block, unweighted
    pools: tuple[PoolFigures, ...]
    twins: HonestTwins
    score: Estimate | None  # the pools' means by their shares; None if a pool is missing
    shipped: dict[str, AsShipped]  # by the name of the detector's own threshold


@dataclass(frozen=True, slots=True)
class Rows:
    """The properties of each row (rows,) used to measure a detector."""

    scores: Floats
    masses: Floats  # of honest rows
    blocks: Objects
    sources: Objects
    langs: Objects
    regions: Objects  # the language, or its region
    groups: Numbers
    threshold: float


def load_pools(path: Path) -> Pools:
    """Return the pools of the file.

    Raises InputError, with file and key, for an unknown key, shares that do not sum to 1 or lack a
    pool, a source in two collections, or a language in two regions.
    """
    pools = read_toml(path, Pools, InputError)
    for key, shares in (
        ("shares", list(pools.shares.values())),
        ("blocks", [block.share for block in pools.blocks.values()]),
    ):
        if abs(sum(shares) - 1) > 1e-9:
            raise InputError(f"{path}: {key}: the shares add up to {sum(shares):g}, not 1")
    if missing := set(get_args(Name)) - set(pools.shares):
        raise InputError(f"{path}: shares: {', '.join(sorted(missing))} is missing")
    listed = [source for block in pools.blocks.values() for source in block.sources]
    for kind, names in (
        ("a source", listed), ("a language", [x for of in pools.regions.values() for x in of]),
    ):  # fmt: skip
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"{path}: {kind} occurs twice: {twice[0]}; keep one")
    return pools


def honest_masses(table: pa.Table, pools: Pools) -> tuple[Floats, Objects]:
    """Return the masses of honest rows (rows,), which sum to 1, and their blocks, else "".

    The collections of a block have equal weight, and so have the near-duplicate groups of a
    collection, because a template that was sent a hundred times is one message. The excess of a
    group above ``most_of_mass`` goes to the others of its block. Raises InputError if there are too
    few honest rows.
    """
    blocks = _blocks(table, pools)
    masses = np.zeros(table.num_rows)
    sources, groups = column(table, "source"), column(table, "group").astype(np.int64)
    for name, block in pools.blocks.items():
        rows = np.flatnonzero(blocks == name)
        collection = {s: n for n, c in enumerate(block.collections) for s in c}
        pairs = np.array([(collection[sources[row]], groups[row]) for row in rows], dtype=np.int64)
        cells, of_row, sizes = np.unique(
            pairs.reshape(-1, 2), axis=0, return_inverse=True, return_counts=True
        )
        groups_of = np.bincount(cells[:, 0], minlength=len(block.collections))
        found = capped(1.0 / groups_of[cells[:, 0]], block.share, pools.most_of_mass)
        of_row = of_row.reshape(-1)
        masses[rows] = found[of_row] / sizes[of_row]
    n = int((masses > 0).sum())
    if n < pools.fewest_honest:
        raise InputError(
            f"the honest side has {n:,} rows, but at least {pools.fewest_honest:,} are needed; "
            "build the corpus with every source of data/pools.toml"
        )
    return masses / masses.sum(), blocks


def evaluate_pools(
    table: pa.Table,
    scam_scores: Floats,
    pools: Pools,
    cells: Objects | None = None,
    thresholds: Mapping[str, float] = MappingProxyType({}),
) -> PoolsResult:
    """Return the figures of one detector's scores (rows,) on these dev rows.

    ``cells`` (rows,) are those of ``language_cells``; the rows of a half take them from all dev
    rows, so that both halves have the same ones. ``thresholds`` are the detector's own, by name.
    Raises InputError if a source is missing.
    """
    scores = as_scores(scam_scores)
    masses, blocks = honest_masses(table, pools)
    members = pool_members(table, pools)
    reports = has_verdict(table, Verdict.LEGIT) & (column(table, "source") == pools.in_source)
    rows = Rows(
        scores=scores,
        masses=masses,
        blocks=blocks,
        sources=column(table, "source"),
        langs=column(table, "lang"),
        regions=language_cells(table, pools) if cells is None else cells,
        groups=column(table, "group").astype(np.int64),
        threshold=_threshold(scores, masses, pools.fpr),
    )
    found = [_pool(name, scams, rows, pools) for name, scams in members.items()]
    return PoolsResult(
        threshold=rows.threshold,
        n_honest=int((masses > 0).sum()),
        over_threshold={name: _over(rows, blocks == name) for name in pools.blocks},
        pools=tuple(found),
        twins=HonestTwins(
            n=int(reports.sum()),
            over_threshold=_over(rows, reports),
            recall_at_own=_recall_at(members["in_source"], reports, rows, RATES[1]),
        ),
        score=_score(members, rows, pools),
        shipped={
            name: _as_shipped(members, reports, replace(rows, threshold=threshold), pools)
            for name, threshold in thresholds.items()
        },
    )


def _as_shipped(
    members: Mapping[str, Bools], reports: Bools, rows: Rows, pools: Pools
) -> AsShipped:
    honest = rows.masses > 0
    hits, masses = rows.scores[honest] >= rows.threshold, rows.masses[honest]

    def share(weights: Floats) -> float:
        both = masses * weights
        return float(np.average(hits, weights=both)) if both.any() else float("nan")

    return AsShipped(
        threshold=rows.threshold,
        real=_score({name: members[name] for name in REAL}, rows, pools, fixed=True),
        pools={
            name: _score({name: scams}, rows, pools, fixed=True) for name, scams in members.items()
        },
        honest=bootstrap_by_group(share, rows.groups[honest], int(honest.sum())),
        blocks={name: _over(rows, rows.blocks == name) for name in pools.blocks},
        twins=_over(rows, reports),
    )


def _pool(name: str, scams: Bools, rows: Rows, pools: Pools) -> PoolFigures:
    mean = None
    if scams.any():
        used = scams | (rows.masses > 0)
        mean = bootstrap_by_group(
            _mean_recall(rows, used, scams, pools.fpr), rows.groups[used], int(scams.sum())
        )
    sources = sorted(set(rows.sources[scams])) if name == "transfer" else []
    return PoolFigures(
        name=name,
        n_scam=int(scams.sum()),
        mean=mean,
        sources={source: _over(rows, scams & (rows.sources == source)) for source in sources},
        languages=_by_language(scams, rows, pools),
    )


def pool_members(table: pa.Table, pools: Pools) -> dict[str, Bools]:
    """Return which rows (rows,) are the scams of each pool.

    Raises InputError if a source of the pools or of the honest side has no rows: a figure without
    it would not be comparable.
    """
    scams, sources = has_verdict(table, Verdict.SCAM), column(table, "source")
    present = set(sources)
    honest = [source for block in pools.blocks.values() for source in block.sources]
    listed = dict.fromkeys((*pools.transfer, pools.in_source, *honest))
    if missing := [name for name in listed if name not in present]:
        raise InputError(
            f"the rows contain none of {', '.join(missing)}; a measured source is never left "
            "out: run: scamdetect data fetch, then scamdetect data build"
        )
    return {
        "transfer": scams & np.isin(sources.astype(str), pools.transfer),
        "in_source": scams & (sources == pools.in_source),
        "everyday": scams & is_everyday(table),
        "authored": scams & is_authored(table),
    }


def used_rows(table: pa.Table, pools: Pools) -> Bools:
    """Return which rows (rows,) the figures use: scams, the honest side and honest reports."""
    rows = np.logical_or.reduce([*pool_members(table, pools).values(), _blocks(table, pools) != ""])
    reports = has_verdict(table, Verdict.LEGIT) & (column(table, "source") == pools.in_source)
    return np.asarray(rows | reports, dtype=bool)


def _blocks(table: pa.Table, pools: Pools) -> Objects:
    of_source = {source: name for name, block in pools.blocks.items() for source in block.sources}
    honest = has_verdict(table, Verdict.LEGIT) & ~is_own(table)
    sources, langs, hashes = (column(table, name) for name in ("source", "lang", "row_hash"))
    blocks = np.full(table.num_rows, "", dtype=object)
    cells: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in np.flatnonzero(honest).tolist():
        if sources[row] in of_source:
            cells[sources[row], langs[row]].append(row)
    for (source, _), rows in cells.items():
        for row in sorted(rows, key=lambda row: hashes[row])[: pools.rows_of_source]:
            blocks[row] = of_source[source]
    return blocks


def _threshold(scores: Floats, masses: Floats, fpr: float) -> float:
    honest = masses > 0
    return float(weighted_threshold_at_fpr(scores[honest], masses[honest], fpr))


def language_cells(table: pa.Table, pools: Pools) -> Objects:
    """Return the language of each row (rows,), or the cell it is counted under.

    If a pool has few scams of a language, the cell is its region; if that has few too, all such
    languages together; and "" if even these are few: such rows are in no mean of languages.
    """
    region = {lang: name for name, langs in pools.regions.items() for lang in langs}
    cells = column(table, "lang").copy()
    of_all: dict[str, str] = defaultdict(lambda: REST)
    of_none: dict[str, str] = defaultdict(str)
    for scams in pool_members(table, pools).values():
        for coarser in (defaultdict(lambda: REST, region), of_all, of_none):
            counts = Counter(cells[scams])
            few = {name for name, n in counts.items() if n < pools.smallest_language}
            for row in np.flatnonzero(scams).tolist():
                if cells[row] in few:
                    cells[row] = coarser[cells[row]]
    return cells


def _mean_recall(rows: Rows, used: Bools, scams: Bools, fpr: float | None) -> Statistic:
    """Return the mean of source mean and language mean, as a statistic of the rows ``used``.

    The threshold is the one for ``fpr`` on the drawn honest rows, or that of ``rows``.
    """
    scores, masses = rows.scores[used], rows.masses[used]
    parts = [
        [
            np.flatnonzero((scams & (names == name))[used])
            for name in sorted(set(names[scams]) - {""})
        ]
        for names in (rows.sources, rows.regions)
    ]

    def statistic(weights: Floats) -> float:
        threshold = rows.threshold
        if fpr is not None:
            honest = (masses > 0) & (weights > 0)
            if not honest.any():
                return float("nan")
            threshold = _threshold(scores[honest], masses[honest] * weights[honest], fpr)
        means = []
        for places in parts:
            recalls = [
                float(np.average(scores[found] >= threshold, weights=weights[found]))
                for found in places
                if weights[found].sum() > 0
            ]
            means.append(float(np.mean(recalls)) if recalls else float("nan"))
        return float(np.mean(means))

    return statistic


def _by_language(scams: Bools, rows: Rows, pools: Pools) -> dict[str, OfLanguage]:
    found = {}
    for name in sorted(set(rows.regions[scams]) - {""}):
        mine = scams & (rows.regions == name)
        twins = (rows.blocks != "") & (rows.langs == name)
        enough = int(twins.sum()) >= pools.smallest_honest
        own = {
            f"{rate:.0%}": _recall_at(mine, twins, rows, rate) if enough else None for rate in RATES
        }
        found[name] = OfLanguage(_over(rows, mine), own)
    return found


def _recall_at(scams: Bools, honest: Bools, rows: Rows, rate: float) -> Estimate | None:
    both = scams | honest
    if not both.any():
        return None
    return recall_at_fpr_estimate(rows.scores[both], scams[both], rate, rows.groups[both])


def _over(rows: Rows, which: Bools) -> Estimate | None:
    hits = rows.scores[which] >= rows.threshold
    found = mean_by_group(hits, rows.groups[which])
    return None if found is None else widened(found, wilson(int(hits.sum()), hits.size))


def _score(
    members: Mapping[str, Bools], rows: Rows, pools: Pools, *, fixed: bool = False
) -> Estimate | None:
    """Return the pools' means by their shares; all are resampled together, with one threshold.

    That is the threshold of ``rows`` if ``fixed``, else the one for the pools' rate on each draw.
    """
    if not all(scams.any() for scams in members.values()):
        return None
    every = np.logical_or.reduce(list(members.values()))
    used = every if fixed else every | (rows.masses > 0)
    shares = [pools.shares[cast(Name, name)] for name in members]
    means = [
        _mean_recall(rows, used, scams, None if fixed else pools.fpr) for scams in members.values()
    ]

    def statistic(weights: Floats) -> float:
        return float(np.average([mean(weights) for mean in means], weights=shares))

    return bootstrap_by_group(statistic, rows.groups[used], int(every.sum()))
