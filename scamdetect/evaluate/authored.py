"""Figures on the project's own messages: one pooled threshold, pairs, and a reader as ceiling.

A pair is two messages with the same topic, words and form, so it measures whether the detector
recognises the manoeuvre. If one model wrote all rows, no figure here holds a generator out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pyarrow as pa

from scamdetect.calibration.statistics import (
    Bools,
    Estimate,
    Floats,
    as_scores,
    auc_estimate,
    false_positive_rate,
    recall,
    recall_at_fpr_estimate,
    wilson,
)
from scamdetect.calibration.thresholds import threshold_at_fpr
from scamdetect.labels import Verdict
from scamdetect.train.data.table import Objects, column, has_verdict, is_authored, select

RATES = {"1%": 0.01, "5%": 0.05}
READER_FLAG = 50  # percent: from here a blind reader considers a message a scam


@dataclass(frozen=True, slots=True)
class CellFigures:
    """The figures of a language, slice or kind; None if a class is missing."""

    by: str
    name: str
    n_scam: int
    n_legit: int
    recall_at_pooled: Estimate | None  # at the pooled set's threshold for 1 % FPR
    recall_at_pooled_5: Estimate | None  # and for 5 %
    flag_recall: Estimate | None
    flag_fpr: Estimate | None
    reader_recall_at_pooled: Estimate | None  # on the rows read, at the readers' own threshold
    reader_recall_at_pooled_5: Estimate | None


@dataclass(frozen=True, slots=True)
class AuthoredFigures:
    """A detector's figures on the authored rows of one role; promos count only in ``flag_spam``."""

    role: str
    n_scam: int
    n_legit: int
    n_languages: int
    writers: tuple[str, ...]
    auc: Estimate | None
    recall_at: dict[str, Estimate | None]
    flag_recall: Estimate | None
    flag_fpr: Estimate | None
    flag_spam: Estimate | None
    pairs_by_rank: Estimate | None  # the scam ranked above its honest twin, ties half
    pairs_at_flag: Estimate | None  # the scam flagged and its twin not
    cells: tuple[CellFigures, ...]
    reader_auc: Estimate | None  # the blind readers' probabilities on the rows that were read
    reader_recall_at: dict[str, Estimate | None]
    reader_pairs_by_rank: Estimate | None
    reader_pairs_at_flag: Estimate | None  # a reader flags at 50 %


def authored_figures(table: pa.Table, scam: Floats, flagged: Bools) -> Iterator[AuthoredFigures]:
    """Yield the figures of each role with authored rows; ``scam`` and ``flagged`` (rows,)."""
    roles = column(table, "role")
    for role in sorted(set(roles[is_authored(table)])):
        rows = is_authored(table) & (roles == role)
        yield own_figures(role, select(table, rows), as_scores(scam)[rows], flagged[rows])


def writers(table: pa.Table) -> tuple[str, ...]:
    """Return the writers of the rows, by name."""
    return tuple(sorted({str(name) for name in column(table, "generated")}))


def own_figures(
    role: str,
    table: pa.Table,
    scores: Floats,
    flagged: Bools,
    cells: Mapping[str, Sequence[Sequence[str]]] = MappingProxyType({}),
) -> AuthoredFigures:
    """Return the figures of own rows, authored or everyday; ``scores`` and ``flagged`` (rows,).

    ``cells`` names, by type, additional cells of each row (rows,).
    """
    scam, legit = (has_verdict(table, verdict) for verdict in (Verdict.SCAM, Verdict.LEGIT))
    read = column(table, "reader")
    known = np.array([value is not None for value in read], dtype=bool)
    reader = np.array([np.nan if value is None else value for value in read], dtype=np.float64)
    auc, recall_at = _ranking(table, scores, scam | legit)
    reader_auc, reader_recall_at = _ranking(table, reader, known & (scam | legit))
    pairs = _pairs(table)
    read_pairs = [(a, b) for a, b in pairs if known[a] and known[b]]
    return AuthoredFigures(
        role=role,
        n_scam=int(scam.sum()),
        n_legit=int(legit.sum()),
        n_languages=len(set(column(table, "lang"))),
        writers=writers(table),
        auc=auc,
        recall_at=recall_at,
        flag_recall=recall(flagged[scam]),
        flag_fpr=false_positive_rate(flagged[legit]),
        flag_spam=recall(flagged[has_verdict(table, Verdict.SPAM)]),
        pairs_by_rank=_by_rank(scores, pairs),
        pairs_at_flag=_at_flag(flagged, pairs),
        cells=tuple(_cells(table, scores, flagged, reader, cells)),
        reader_auc=reader_auc,
        reader_recall_at=reader_recall_at,
        reader_pairs_by_rank=_by_rank(reader, read_pairs),
        reader_pairs_at_flag=_at_flag(reader >= READER_FLAG, read_pairs),
    )


def _ranking(
    table: pa.Table, scores: Floats, rows: Bools
) -> tuple[Estimate | None, dict[str, Estimate | None]]:
    truth = has_verdict(table, Verdict.SCAM)[rows]
    if truth.all() or not truth.any():
        return None, dict.fromkeys(RATES)
    groups = column(table, "group")[rows].astype(np.int64)
    values = scores[rows]
    return auc_estimate(values, truth, groups), {
        name: recall_at_fpr_estimate(values, truth, fpr, groups) for name, fpr in RATES.items()
    }


def _pairs(table: pa.Table) -> list[tuple[int, int]]:
    """Return the indices of scam and legit side of every complete pair."""
    sides: dict[str, dict[str, int]] = {}
    names, verdicts = column(table, "thread_id"), column(table, "verdict")
    for place, (pair, verdict) in enumerate(zip(names, verdicts, strict=True)):
        if pair is not None:
            sides.setdefault(pair, {})[verdict] = place
    return [
        (side[Verdict.SCAM], side[Verdict.LEGIT])
        for side in sides.values()
        if Verdict.SCAM in side and Verdict.LEGIT in side
    ]


def _by_rank(scores: Floats, pairs: Sequence[tuple[int, int]]) -> Estimate | None:
    n = len(pairs)
    hits = sum(float(scores[a] > scores[b]) + (scores[a] == scores[b]) / 2 for a, b in pairs)
    return Estimate(hits / n, *wilson(hits, n), n) if n else None


def _at_flag(flagged: Bools, pairs: Sequence[tuple[int, int]]) -> Estimate | None:
    return recall(np.array([flagged[a] and not flagged[b] for a, b in pairs], dtype=bool))


def _cells(
    table: pa.Table,
    scores: Floats,
    flagged: Bools,
    reader: Floats,
    others: Mapping[str, Sequence[Sequence[str]]],
) -> Iterator[CellFigures]:
    scam, legit = (has_verdict(table, verdict) for verdict in (Verdict.SCAM, Verdict.LEGIT))
    if not legit.any():
        return
    caught, caught_5 = _caught(scores, legit)
    read = ~np.isnan(reader)
    read &= bool((read & legit).any())  # readers need an honest row for a threshold
    by_reader, by_reader_5 = _caught(reader, read & legit)
    named: dict[str, Sequence[Sequence[str]]] = {
        "language": [[lang] for lang in column(table, "lang")],
        "slice": _names(column(table, "slices")),
        "kind": _names(column(table, "kinds")),
    }
    for by, names in (named | dict(others)).items():
        for name in sorted({name for row in names for name in row}):
            here = np.array([name in row for row in names], dtype=bool)
            yield CellFigures(
                by=by,
                name=name,
                n_scam=int((here & scam).sum()),
                n_legit=int((here & legit).sum()),
                recall_at_pooled=recall(caught[here & scam]),
                recall_at_pooled_5=recall(caught_5[here & scam]),
                flag_recall=recall(flagged[here & scam]),
                flag_fpr=false_positive_rate(flagged[here & legit]),
                reader_recall_at_pooled=recall(by_reader[here & scam & read]),
                reader_recall_at_pooled_5=recall(by_reader_5[here & scam & read]),
            )


def _caught(scores: Floats, legit: Bools) -> list[Bools]:
    """Return which rows reach the threshold of the legit rows at each rate, if there are any."""
    if not legit.any():
        return [np.zeros(scores.size, dtype=bool) for _ in RATES]
    return [scores >= threshold_at_fpr(scores[legit], rate) for rate in RATES.values()]


def _names(cells: Objects) -> list[Sequence[str]]:
    return [cell or () for cell in cells]
