"""The first tier: a linear score of tokens and token pairs that clears plainly honest messages.

It reads the token ids that the encoder would read, so what it does not clear costs nothing more.
Features are hashed (Weinberger et al. 2009, arXiv:0902.2206); a text's score is the sum of their
weights over the square root of their number, plus a bias: log-odds of not being honest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal, Self, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.errors import BundleError, InputError
from scamdetect.system.files import writing
from scamdetect.system.os_errors import of_system, unreadable

BUCKETS = 1 << 18

Tier = Literal["auto", "encoder", "first"]

_COLUMN = "weights"
_HIGH, _LOW = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


@dataclass(frozen=True, slots=True)
class ClearingRule:
    """When the first tier clears and what it says then, as ``scamdetect.json`` holds it.

    ``probabilities`` (legit, spam, scam) are the encoder's means over the messages that it cleared
    when it was fitted. ``proven`` says that on left-out sources the encoder agreed on at least
    99.9 % of what it cleared while recall fell by at most 0.2 points.
    """

    clear_below: float
    bias: float
    probabilities: tuple[float, float, float]
    proven: bool


@dataclass(frozen=True, slots=True)
class FirstTier:
    """A rule with its weights, float32 (BUCKETS,)."""

    rule: ClearingRule
    weights: NDArray[np.float32]

    @classmethod
    def load(cls, content: bytes, path: Path, rule: ClearingRule) -> Self:
        """Return the tier whose weights are the content of an Arrow file.

        Raises BundleError, naming ``path``, where they are not.
        """
        try:
            table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
            weights = table[_COLUMN].to_numpy().astype(np.float32)
        except (OSError, KeyError, pa.ArrowException) as problem:
            if of_system(problem):
                cure = "get or export the bundle again"
                raise unreadable(path, problem, error=BundleError, cure=cure) from problem
            raise BundleError(
                f"{path}: no weights of a first tier ({type(problem).__name__}); get or export the "
                "bundle again"
            ) from problem
        if weights.shape != (BUCKETS,) or not np.isfinite(weights).all():
            raise BundleError(f"{path}: must hold {BUCKETS} finite weights; export it again")
        return cls(rule, weights)

    def save(self, path: Path) -> None:
        """Write the weights as float16."""
        table = pa.table({_COLUMN: pa.array(self.weights.astype(np.float16))})
        with writing(path) as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)

    def clears(self, rows: Sequence[Sequence[int]]) -> NDArray[np.bool_]:
        """Return which of the rows of token ids (n,) it decides; an empty row is not."""
        cleared: NDArray[np.bool_] = self.log_odds(rows) < self.rule.clear_below
        return cleared & np.array([len(row) > 0 for row in rows], dtype=np.bool_)

    def log_odds(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Return the log-odds (n,) of not being honest."""
        buckets, owners = hashed_features(rows)
        sums = np.bincount(owners, self.weights[buckets], minlength=len(rows))
        counts = np.bincount(owners, minlength=len(rows))
        odds: NDArray[np.float64] = sums / np.sqrt(np.maximum(counts, 1)) + self.rule.bias
        return odds


def hashed_features(
    rows: Sequence[Sequence[int]],
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the buckets of all tokens and neighbouring pairs, and the row that each belongs to."""
    lengths = np.fromiter(map(len, rows), np.intp, len(rows))
    ids = np.fromiter(chain.from_iterable(rows), np.uint64, int(lengths.sum()))
    owners = np.repeat(np.arange(len(rows), dtype=np.intp), lengths)
    within = owners[1:] == owners[:-1]
    pairs = (ids[:-1] * _HIGH + (ids[1:] + np.uint64(1)) * _LOW)[within]
    hashes = np.concatenate([(ids + np.uint64(1)) * _HIGH, pairs])
    # The high bits of a product are the well-mixed ones.
    buckets = (hashes >> np.uint64(64 - BUCKETS.bit_length() + 1)).astype(np.intp)
    return buckets, np.concatenate([owners, owners[1:][within]])


def check_tier(tier: str, has_one: bool) -> None:
    """Raise InputError on an unknown tier and on ``first`` where the bundle has none."""
    if tier not in get_args(Tier):
        raise InputError(f"unknown tier {tier!r}; use one of {get_args(Tier)}")
    if tier == "first" and not has_one:
        raise InputError("this bundle has no first tier; use tier='encoder' or 'auto'")
