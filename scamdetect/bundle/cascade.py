"""The cascade: a harmless message is cleared by its n-grams, or after the lower layers.

It first uses the log-odds of the n-grams, then an exit head on the mean state of a lower layer
(early exit: Schwartz et al. 2020, arXiv:2004.07453). All sums are of integer multiples of powers of
two that doubles represent exactly, so the result for the same states is identical for every batch,
order and processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.bundle.ngrams import (
    CLIP,
    Doubles,
    Rows,
    flat,
    integers,
    read_table,
    write_table,
    wrong_table,
)
from scamdetect.calibration.probabilities import Floats, Scaling, Share, sigmoid

Tier = Literal["auto", "full"]

GRID = 1 << 10  # weights and features are multiples of its inverse
_LARGEST = np.iinfo(np.int16).max
_COLUMNS: dict[str, type[np.integer[Any]]] = {
    "hidden": np.int16, "output": np.int16, "pieces": np.uint32, "languages": np.uint8,
    "votes": np.uint8,
}  # fmt: skip
# How many more votes the first language needs than the second; with fewer it is uncertain.
_LEAD = 0.2


class CascadeRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the cascade clears a message and with which probabilities.

    A message of one window is cleared if the log-odds of its n-grams are below ``ngrams_below``, or
    if those of the exit head on the states of ``tensor`` are below ``exit_below``. The scalings
    convert either to probabilities of scam; of the rest, ``spam_share`` is spam. ``proven`` is True
    if the cascade lost few flags and reviews on held-out rows (``scamdetect.train.cascade``).
    """

    tensor: str
    ngrams_below: float = msgspec.field(name="words_below")
    ngrams_scaling: Scaling = msgspec.field(name="words_scaling")
    exit_below: float
    exit_scaling: Scaling
    spam_share: Share
    proven: bool


@dataclass(frozen=True, slots=True)
class Cascade:
    """A rule with its exit head and the language votes of tokens.

    ``hidden`` float64 (width + 2, units): weights of the mean state, of the n-grams' log-odds, and
    the bias; ``output`` (units + 1,) the weights of the units and the bias; all multiples of 1 /
    GRID. ``pieces`` are ascending token ids; each votes for the bundle's language with the index in
    ``languages`` by the integer in ``votes``.
    """

    rule: CascadeRule
    hidden: Doubles
    output: Doubles
    pieces: NDArray[np.int64]
    languages: NDArray[np.int64]
    votes: NDArray[np.int64]

    @classmethod
    def load(cls, content: bytes, path: Path, rule: CascadeRule, languages: int) -> Self:
        """Return the cascade in the content of an Arrow file, for a bundle of this many languages.

        Raises BundleError, with ``path``, for invalid content.
        """
        table = read_table(content, path)
        try:
            hidden, output, gaps, spoken, votes = (
                integers(table[name].combine_chunks().flatten(), kind)
                for name, kind in _COLUMNS.items()
            )
        except (KeyError, ValueError, AttributeError) as problem:
            raise wrong_table(path, type(problem).__name__) from problem
        units = len(output) - 1
        if (
            units < 1
            or len(hidden) < 3 * units
            or len(hidden) % units
            or not len(gaps) == len(spoken) == len(votes)
            or not (gaps[1:] > 0).all()
            or not (spoken < languages).all()
        ):
            raise wrong_table(path, "inconsistent")
        return cls(
            rule,
            hidden.reshape(-1, units).astype(np.float64) / GRID,
            output.astype(np.float64) / GRID,
            np.cumsum(gaps, dtype=np.int64),
            spoken.astype(np.int64),
            votes.astype(np.int64),
        )

    def save(self, path: Path) -> None:
        """Write the weights as 16-bit integers, which compress well."""
        arrays = (
            np.round(self.hidden.ravel() * GRID),
            np.round(self.output * GRID),
            np.diff(self.pieces, prepend=0),
            self.languages,
            self.votes,
        )
        columns = zip(_COLUMNS.items(), arrays, strict=True)
        table = {name: pa.array([array.astype(kind)]) for (name, kind), array in columns}
        write_table(pa.table(table), path)

    def exit_odds(self, means: Doubles, odds: Doubles) -> Doubles:
        """Return the exit head's log-odds of scam (n,)."""
        features = np.column_stack([means, np.clip(odds, -CLIP, CLIP), np.ones(len(means))])
        units = on_grid(np.maximum(on_grid(features) @ self.hidden, 0.0))
        exits: Doubles = units @ self.output[:-1] + self.output[-1]
        return exits

    def probabilities(self, ngrams: Doubles, exits: Doubles, own: Scaling) -> Floats:
        """Return float32 (n, verdicts) of cleared messages from their log-odds (n,).

        ``exits`` are NaN for messages cleared by their n-grams. ``own`` is the scaling to own
        messages.
        """
        rule = self.rule
        odds = np.where(
            np.isnan(exits), rule.ngrams_scaling.logits(ngrams), rule.exit_scaling.logits(exits)
        )
        scam = own(sigmoid(odds))
        spam = (1 - scam) * rule.spam_share
        return np.column_stack([1 - scam - spam, spam, scam]).astype(np.float32)

    def languages_of(self, rows: Rows, languages: int) -> NDArray[np.int32]:
        """Return the index (n,) of the language of rows of token ids, -1 if uncertain."""
        ids, owners = flat(rows)
        if not len(self.pieces):
            return np.full(len(rows), -1, np.int32)
        pieces = np.minimum(np.searchsorted(self.pieces, ids), len(self.pieces) - 1)
        known = self.pieces[pieces] == ids
        pieces = pieces[known]
        cells = owners[known].astype(np.int64) * languages + self.languages[pieces]
        votes = np.bincount(cells, self.votes[pieces], minlength=len(rows) * languages)
        votes = np.pad(votes.reshape(len(rows), languages), ((0, 0), (0, 1)))
        second, first = np.sort(votes, axis=1)[:, -2:].T
        sure = first - second > _LEAD * votes.sum(axis=1)
        return np.where(sure, votes.argmax(axis=1), -1).astype(np.int32)


def on_grid(values: Doubles) -> Doubles:
    """Return the nearest multiples of 1 / GRID that fit into 16 bits."""
    rounded: Doubles = np.clip(np.round(values * GRID), -_LARGEST, _LARGEST) / GRID
    return rounded


def mean_states(states: Floats, mask: NDArray[np.int64]) -> Doubles:
    """Return the mean (n, width) of the states (n, tokens, width) in a mask (n, tokens)."""
    # Token by token, so that padding adds zeros at the end and changes nothing.
    sums = np.zeros((states.shape[0], states.shape[2]))
    for token in range(states.shape[1]):
        sums += states[:, token] * mask[:, token, None]
    means: Doubles = sums / mask.sum(axis=1, keepdims=True)
    return means
