"""Count the rows of each measured set that occur, exactly or in large part, in the training text.

The corpus build removes near-duplicates of held-out rows by a strict rule; this check uses a
looser, independent one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scamdetect.calibration.statistics import Floats
from scamdetect.errors import MissingExtraError
from scamdetect.train.data.neardup import shingles
from scamdetect.train.data.table import column, evaluation_sets

try:
    from sklearn.feature_extraction.text import HashingVectorizer
except ImportError as error:
    raise MissingExtraError("scikit-learn", "train") from error

CONTAINED = 0.5
FEWEST_SHINGLES = 20  # shorter texts consist of common phrases, and count only if equal
_RAREST = 40  # shingles of a text used to find its nearest train texts
_NEAREST = 10  # train texts compared in full
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Contamination:
    """The rows of one set, and their overlap with the train rows."""

    rows: str  # a source, or authored and the role
    n: int
    exact: int  # the same normalised text
    n_long: int  # rows of 20 shingles or more, the basis of ``contained`` and ``most``
    contained: int  # half of the shingles or more are in one train text
    most: float | None  # the highest such share; None without long rows


def contamination(measured: pa.Table, train: pa.Table) -> tuple[Contamination, ...]:
    """Return the overlap of each measured set with the train rows."""
    texts, learnt = (list(column(table, "norm")) for table in (measured, train))
    known = set(learnt)
    exact = np.array([text in known for text in texts], dtype=bool)
    share = containment(texts, learnt)
    long = ~np.isnan(share)
    return tuple(
        Contamination(
            rows=name,
            n=int(rows.sum()),
            exact=int(exact[rows].sum()),
            n_long=int((rows & long).sum()),
            contained=int((share[rows & long] >= CONTAINED).sum()),
            most=float(share[rows & long].max()) if (rows & long).any() else None,
        )
        for name, rows in evaluation_sets(measured).items()
    )


def containment(texts: Sequence[str], learnt: Sequence[str]) -> Floats:
    """Return the largest share of each text's character 5-grams in a single train text (n,).

    Only the ten train texts that share most of a text's rarest 5-grams are compared, so the share
    may be too low for a text of common ones. NaN for texts with fewer than 20 5-grams.
    """
    found = np.full(len(texts), np.nan)
    if not learnt:
        return found
    vectoriser = HashingVectorizer(
        analyzer=shingles, n_features=2**22, binary=True, norm=None, alternate_sign=False,
        dtype=np.float32,
    )  # fmt: skip
    known, asked = vectoriser.transform(learnt), vectoriser.transform(texts)
    holders = known.T.tocsr()  # by shingle: the train texts that contain it
    common = np.diff(holders.indptr)
    sizes = np.diff(asked.indptr)
    long = np.flatnonzero(sizes >= FEWEST_SHINGLES)
    found[long] = 0.0
    rare = asked.copy()
    for row in long:
        place = slice(asked.indptr[row], asked.indptr[row + 1])
        held = common[asked.indices[place]]
        # Shingles in no train text sort last: they find nothing.
        order = np.argsort(np.where(held, held, np.iinfo(held.dtype).max), kind="stable")
        rare.data[place][order[_RAREST:]] = 0
    rare.eliminate_zeros()
    for start in range(0, long.size, _BATCH):
        rows = long[start : start + _BATCH]
        shared = (rare[rows] @ holders).tocsr()
        for row, first, last in zip(rows, shared.indptr, shared.indptr[1:], strict=False):
            nearest = shared.indices[first:last][np.argsort(-shared.data[first:last])[:_NEAREST]]
            if nearest.size:
                held = (known[nearest] @ asked[row].T).max()
                found[row] = float(held) / int(sizes[row])
    return found
