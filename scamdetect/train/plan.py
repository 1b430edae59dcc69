"""Plan which rows a run sees in which batches, from the seed: shares, limits, groups of scams."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scamdetect.errors import RecipeError
from scamdetect.labels import Provenance, Verdict
from scamdetect.train.data.table import column, has_verdict, is_everyday, is_own
from scamdetect.train.recipe import DataTable

Floats = npt.NDArray[np.float64]

_ROUNDS = 30  # a few are enough unless nearly every row reaches the limit
_CLOSE = 1e-3  # of the tokens


def share_out(weights: Floats, total: float, most: Floats) -> Floats:
    """Return ``total`` divided in proportion to ``weights`` (n,) above 0, at most ``most``.

    The excess above ``most`` (n,) goes to the others, also in proportion. The sum is smaller than
    ``total`` only if all reach their maximum.
    """
    order = np.argsort(most / weights, kind="stable")  # the order in which they reach it
    sorted_weights, sorted_most = weights[order], most[order]
    left = total - np.concatenate([[0.0], np.cumsum(sorted_most)[:-1]])
    scales = left / np.cumsum(sorted_weights[::-1])[::-1]
    fitting = np.flatnonzero(scales * sorted_weights <= sorted_most)
    if not len(fitting):
        return most.copy()
    shared: Floats = np.minimum(weights * scales[fitting[0]], most)
    return shared


def limit_draws(
    wanted: Floats,
    groups: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    budget: float,
    most: int,
) -> Floats:
    """Return how often (n,) rows are drawn if none may be drawn more often than ``most``.

    ``wanted`` (n,) is how often without a limit, all above 0. The excess of a row goes to its
    group, numbered from 0, and that of a whole group to the other groups. The draws spend
    ``budget`` tokens, or fewer if all rows reach the limit; ``lengths`` (n,) are in tokens.
    """
    of_group: Floats = np.bincount(groups, weights=wanted).astype(np.float64)
    room: Floats = np.bincount(groups).astype(np.float64) * most
    total = float(wanted.sum())
    drawn = wanted
    for _ in range(_ROUNDS):
        drawn = np.empty_like(wanted)
        for group, share in enumerate(share_out(of_group, total, room)):
            rows = groups == group
            limits = np.full(int(rows.sum()), float(most))
            drawn[rows] = share_out(wanted[rows], float(share), limits)
        spent = float(drawn @ lengths)
        if abs(spent - budget) <= _CLOSE * budget or total >= room.sum() and spent < budget:
            break
        # The limit moved draws to rows of other lengths.
        total *= budget / spent
    return drawn


Log = Callable[[str], object]
# The rows of a cell, their relative frequencies, and how many are drawn.
_Portion = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], float]

MIN_LANGUAGE_ROWS = 100  # below which the model does not learn to identify a language
PAD_TO = 16  # few distinct shapes: the primitive cache of the CPU kernels grows with each
_SORTED_TOGETHER = 4_096  # rows sorted by length at a time


@dataclass(frozen=True)
class RowFacts:
    """The properties of the training rows used by the plan; arrays of length n."""

    lengths: npt.NDArray[np.int64]  # tokens, special ones included
    classes: list[str]  # legit, spam or scam; rows known only not to be legit count as spam
    cells: list[tuple[str, str, str]]  # source, language, honest slice or ""
    weights: npt.NDArray[np.float64]  # how often a row is drawn relative to others of its class
    groups: Sequence[str] = ()  # of data.scam_shares, "" for rows that are not scams; () if unknown


def _silent(line: str) -> None:
    pass


def draw_rows(
    facts: RowFacts, table: DataTable, seed: int, log: Log = _silent
) -> npt.NDArray[np.int64]:
    """Return row numbers in training order, until ``table.tokens`` are spent.

    Classes are drawn at the shares of the recipe. Within a class a cell is drawn in proportion to
    its number of rows to the power ``source_temperature`` times their mean weight, and a row of a
    cell in proportion to its weight, never at 0; rows of equal weight are all seen once before any
    is repeated. Scams of a group are drawn at its share, if the recipe sets shares, and no row more
    often than ``most_draws``. ``log`` gets a line for each share or budget that the rows cannot
    fill. Raises RecipeError if all rows of a class have weight 0 or are of groups without a share.
    """
    generator = np.random.default_rng(seed)
    shares = {"scam": table.scam_share, "spam": table.spam_share}
    shares["legit"] = 1 - sum(shares.values())
    lengths = np.minimum(facts.lengths, table.max_tokens)
    drawn = []
    for name, share in shares.items():
        members = np.array(
            [i for i, label in enumerate(facts.classes) if label == name], dtype=np.int64
        )
        if len(members):
            budget = table.tokens * share
            weighing = members[facts.weights[members] > 0]
            if not len(weighing):
                raise RecipeError(
                    f"all {len(members)} {name} rows have weight 0 (data.authored_weight is "
                    f"{table.authored_weight:g}), so none can be drawn; set "
                    "data.authored_weight above 0, or add sources of that class"
                )
            if name == "scam":
                _report_empty_groups(weighing, facts, table, log)
            portions = _portions(weighing, facts, lengths, table, budget)
            if table.most_draws:
                portions = _limited(name, portions, facts, lengths, table, budget, log)
            drawn += [
                _spread(rows, weights, max(1, round(count)), table.most_draws, generator)
                for rows, weights, count in portions
            ]
    rows = np.concatenate(drawn)
    return generator.permutation(rows)


def draw_shares(facts: RowFacts, table: DataTable) -> npt.NDArray[np.float64]:
    """Return the share (n,) of each row in the draws of its class."""
    shares = np.zeros(len(facts.classes))
    for name in set(facts.classes):
        members = [i for i, label in enumerate(facts.classes) if label == name]
        weighing = [row for row in members if facts.weights[row] > 0]
        for rows, mass in _cell_masses(weighing, facts, table):
            shares[rows] = mass * facts.weights[rows] / facts.weights[rows].sum()
    return shares


def _report_empty_groups(
    members: npt.NDArray[np.int64], facts: RowFacts, table: DataTable, log: Log
) -> None:
    shares, present = table.scam_shares.given, set(_groups(members.tolist(), facts, table))
    if shares and not any(shares.get(group) for group in present):
        raise RecipeError(
            "no scam row belongs to a group with a share in data.scam_shares; its groups are "
            f"{', '.join(sorted(present))}"
        )
    for group, share in shares.items():
        if share and group not in present:
            log(f"no scam rows of group {group}: its share of {share:.1%} goes to the other groups")


def _portions(
    members: npt.NDArray[np.int64],
    facts: RowFacts,
    lengths: npt.NDArray[np.int64],
    table: DataTable,
    budget: float,
) -> list[_Portion]:
    cells = _cell_masses(members.tolist(), facts, table)
    means = [mass * np.average(lengths[rows], weights=facts.weights[rows]) for rows, mass in cells]
    total = budget / float(sum(means))  # rows of this class
    return [(rows, facts.weights[rows], total * mass) for rows, mass in cells]


def _limited(
    name: str,
    portions: list[_Portion],
    facts: RowFacts,
    lengths: npt.NDArray[np.int64],
    table: DataTable,
    budget: float,
    log: Log,
) -> list[_Portion]:
    """Return the portions of a class under the limit of draws; log how much it reduces."""
    most = table.most_draws
    rows = np.concatenate([rows for rows, _, _ in portions])
    wanted = np.concatenate([count * each / each.sum() for _, each, count in portions])
    if wanted.max() <= most:
        return portions
    names, groups = np.unique(_groups(rows.tolist(), facts, table), return_inverse=True)
    drawn = limit_draws(wanted, groups, lengths[rows], budget, most)
    full = drawn >= most * (1 - 1e-9)
    if full.all():
        spent = round(float(drawn @ lengths[rows]))
        log(
            f"all {len(rows)} {name} rows reach data.most_draws ({most}): {spent:,} of their "
            f"{budget:,.0f} tokens"
        )
    else:
        for number, group in enumerate(names.tolist()):
            of_group = groups == number
            if full[of_group].all():
                log(
                    f"all {of_group.sum()} {name} rows of group {group} reach data.most_draws "
                    f"({most}): they are {drawn[of_group].sum() / drawn.sum():.1%} of the "
                    f"{name} draws, target {wanted[of_group].sum() / wanted.sum():.1%}"
                )
    ends = np.cumsum([len(rows) for rows, _, _ in portions])[:-1]
    parts = np.split(drawn, ends)
    return [
        (rows, each, float(each.sum())) for (rows, _, _), each in zip(portions, parts, strict=True)
    ]


def _cell_masses(
    members: list[int], facts: RowFacts, table: DataTable
) -> list[tuple[npt.NDArray[np.int64], float]]:
    """Return the rows of each cell and its share of the draws, in the order of the cells' names.

    A cell of several groups counts as one for each; those of groups without a share are left out.
    """
    cells: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, group in zip(members, _groups(members, facts, table), strict=True):
        cells[group, *facts.cells[row]].append(row)
    names = sorted(cells)
    masses = np.array(
        [len(cells[c]) ** table.source_temperature * facts.weights[cells[c]].mean() for c in names]
    )
    groups = np.array([group for group, *_ in names])
    shares = _group_shares(set(groups.tolist()), table.scam_shares.given)
    for group, share in shares.items():
        masses[groups == group] *= share / masses[groups == group].sum()
    return [
        (np.array(cells[c]), float(mass)) for c, mass in zip(names, masses, strict=True) if mass > 0
    ]


def _groups(members: list[int], facts: RowFacts, table: DataTable) -> list[str]:
    """Return the group by whose share each row is drawn, "" if its class has no shares."""
    if not table.scam_shares.given:
        return [""] * len(members)
    return [facts.groups[row] for row in members]


def _group_shares(present: set[str], given: Mapping[str, float]) -> dict[str, float]:
    """Return the shares of the groups that have rows; they sum to 1. "" means no group."""
    shares = {group: 1.0 if group == "" else given.get(group, 0.0) for group in sorted(present)}
    total = sum(shares.values())
    return {group: share / total for group, share in shares.items()} if total else shares


def _spread(
    rows: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float64],
    count: int,
    most: int,
    generator: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Return ``count`` rows, each in proportion to its weight, with fractions drawn by chance.

    None is drawn more often than ``most``, unless that is 0.
    """
    wanted = count * weights / weights.sum()
    if most:
        wanted = np.minimum(wanted, most)
    times = np.floor(wanted + 1e-9).astype(np.int64)
    fractions = np.maximum(wanted - times, 1e-12)
    if most:
        fractions[times >= most] = 0.0
    rest = min(count - int(times.sum()), int(np.count_nonzero(fractions)))
    if rest > 0:
        more = generator.choice(len(rows), rest, replace=False, p=fractions / fractions.sum())
        times[more] += 1
    return np.repeat(rows, times)


def make_batches(
    rows: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    batch_tokens: int,
    seed: int,
    pairs: npt.NDArray[np.int64] | None = None,
) -> list[npt.NDArray[np.int64]]:
    """Return shuffled batches of row numbers of similar length.

    A batch holds at most ``batch_tokens`` padded tokens, or one longer row. ``pairs`` (corpus
    rows,) gives each row the number of its pair or -1: the sides of a pair, each time both were
    drawn, are consecutive, so that nearly all of them share a batch.
    """
    if pairs is not None:
        rows, lengths = _side_by_side(rows, lengths, pairs)
    generator = np.random.default_rng(seed + 1)
    batches = []
    for start in range(0, len(rows), _SORTED_TOGETHER):
        chunk = rows[start : start + _SORTED_TOGETHER]
        chunk = chunk[np.argsort(lengths[chunk], kind="stable")]
        part: list[npt.NDArray[np.int64]] = []
        place = 0
        while place < len(chunk):
            # Rows are sorted by length, so the last row of a batch sets its width.
            count = 1
            while place + count < len(chunk):
                width = padded(int(lengths[chunk[place + count]]))
                if width * (count + 1) > batch_tokens:
                    break
                count += 1
            part.append(chunk[place : place + count])
            place += count
        batches += [part[i] for i in generator.permutation(len(part))]
    return batches


def _side_by_side(
    rows: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], pairs: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Move a pair's second side next to its first; both get the longer length to sort together.

    Lengths are of corpus rows: a side may be shorter than its place says, never longer, so batches
    stay within their tokens.
    """
    waiting: dict[int, list[tuple[int, int]]] = defaultdict(list)
    keys = np.arange(len(rows), dtype=np.float64)
    lengths = lengths.copy()
    for place, row in enumerate(rows.tolist()):
        pair = int(pairs[row])
        if pair < 0:
            continue
        other = next((found for found in waiting[pair] if found[1] != row), None)
        if other is None:
            waiting[pair].append((place, row))
            continue
        waiting[pair].remove(other)
        keys[place] = keys[other[0]] + 0.5
        lengths[[row, other[1]]] = max(lengths[row], lengths[other[1]])
    return rows[np.argsort(keys, kind="stable")], lengths


def padded(length: int) -> int:
    """Return the length rounded up to a multiple of PAD_TO."""
    return -(-length // PAD_TO) * PAD_TO


_WEAK = "_weak"  # suffix of sources whose scams were selected by a keyword rule of ours


def scam_groups(table: pa.Table) -> list[str]:
    """Return the group of each scam row of a corpus, "" for every other row."""
    provenance = column(table, "verdict_provenance")
    named = np.array([str(name).endswith(_WEAK) for name in column(table, "source")], dtype=bool)
    by_rule = np.where(named, provenance == Provenance.SOURCE.value, False)
    by_rule |= np.asarray(provenance == Provenance.RULE.value, dtype=bool)
    groups = np.select(
        [~has_verdict(table, Verdict.SCAM), is_everyday(table), is_own(table), by_rule],
        ["", "everyday", "riddles", "weak"],
        default="real",
    )
    return [str(group) for group in groups]
