"""The cascade: a harmless message is cleared by its words, or after the lower layers.

It first uses the log-odds of the words, then an exit head on the mean state of a lower layer (early
exit: Schwartz et al. 2020, arXiv:2004.07453). All sums are of integer multiples of powers of two
that doubles represent exactly, so the result for the same states is identical for every batch,
order and processor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.bundle.lexical import CLIP, flat, whole_numbers
from scamdetect.calibration.probabilities import Doubles, Floats, Scaling, sigmoid
from scamdetect.calibration.statistics import clopper_pearson
from scamdetect.errors import BundleError, InputError
from scamdetect.system.files import writing
from scamdetect.system.os_errors import of_system, unreadable

Tier = Literal["auto", "full"]

MOST_FLAGS_LOST, MOST_REVIEWS_LOST = 0.005, 0.01  # of what the whole model flags, or reviews
GRID = 1 << 10  # weights and features are multiples of its inverse
_LARGEST = np.iinfo(np.int16).max
_COLUMNS: dict[str, type[np.integer[Any]]] = {
    "hidden": np.int16, "output": np.int16, "pieces": np.uint32, "languages": np.uint8,
    "votes": np.uint8,
}  # fmt: skip
# How many more votes the first language needs than the second; with fewer it is uncertain.
_LEAD = 0.2
_AGAIN = "get or export the bundle again"


@dataclass(frozen=True, slots=True)
class CascadeRule:
    """When the cascade clears a message and with which probabilities, as in ``scamdetect.json``.

    A message of one window is cleared if the log-odds of its words are below ``words_below``, or if
    those of the exit head on the states of ``tensor`` are below ``exit_below``. The scalings
    convert either to probabilities of scam; of the rest, ``spam_share`` is spam. ``proven`` is True
    if the cascade lost at most the shares above on held-out rows (``scamdetect.train.cascade``).
    """

    tensor: str
    words_below: float
    words_scaling: Scaling
    exit_below: float
    exit_scaling: Scaling
    spam_share: float
    proven: bool

    def settings(self) -> dict[str, object]:
        """Return the setting ``cascade`` of a bundle."""
        return {
            "tensor": self.tensor,
            "words_below": self.words_below,
            "words_scaling": [self.words_scaling.temperature, self.words_scaling.bias],
            "exit_below": self.exit_below,
            "exit_scaling": [self.exit_scaling.temperature, self.exit_scaling.bias],
            "spam_share": self.spam_share,
            "proven": self.proven,
        }


@dataclass(frozen=True, slots=True)
class Lost:
    """How many rows that the whole model flags, or reviews or flags, the cascade clears."""

    rows: int
    cleared: int
    flags: int
    flags_lost: int
    reviews: int  # and flags
    reviews_lost: int

    def bounds(self) -> tuple[float, float]:
        """Return the upper 95 % bounds of the shares of flags and of reviews lost."""
        found = (
            clopper_pearson(lost, n, 0.9)[1] if n else 1.0
            for lost, n in ((self.flags_lost, self.flags), (self.reviews_lost, self.reviews))
        )
        flags, reviews = found
        return flags, reviews

    @property
    def holds(self) -> bool:
        """Return True if the shares themselves are within both limits."""
        return (
            self.flags_lost <= MOST_FLAGS_LOST * self.flags
            and self.reviews_lost <= MOST_REVIEWS_LOST * self.reviews
        )


@dataclass(frozen=True, slots=True)
class Cascade:
    """A rule with its exit head and the language votes of tokens.

    ``hidden`` float64 (width + 2, units): weights of the mean state, of the words' log-odds, and
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
        try:
            table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
            lists = (table[name].combine_chunks().flatten() for name in _COLUMNS)
            parts = [
                whole_numbers(pa.chunked_array([values]), kind)
                for values, kind in zip(lists, _COLUMNS.values(), strict=True)
            ]
        except (OSError, KeyError, ValueError, AttributeError, pa.ArrowException) as problem:
            if of_system(problem):
                raise unreadable(path, problem, error=BundleError, cure=_AGAIN) from problem
            raise BundleError(
                f"{path}: not a valid cascade ({type(problem).__name__}); {_AGAIN}"
            ) from (problem)
        units = len(parts[1]) - 1
        if units > 0 and len(parts[0]) >= 3 * units and len(parts[0]) % units == 0:
            hidden, output = (part.astype(np.float64) / GRID for part in parts[:2])
            gaps, spoken, votes = (part.astype(np.int64) for part in parts[2:])
            fits = len(gaps) == len(spoken) == len(votes) and bool((gaps[1:] > 0).all())
            if fits and ((0 <= spoken) & (spoken < languages)).all():
                pieces = np.cumsum(gaps)
                return cls(rule, hidden.reshape(-1, units), output, pieces, spoken, votes)
        raise BundleError(f"{path}: the cascade is inconsistent; {_AGAIN}")

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
        table = pa.table({name: pa.array([part.astype(kind)]) for (name, kind), part in columns})
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with writing(path) as file, pa.ipc.new_file(file, table.schema, options=options) as writer:
            writer.write_table(table)

    def exit_odds(self, means: Doubles, odds: Doubles) -> Doubles:
        """Return the exit head's log-odds of scam (n,)."""
        ones = np.ones(len(means))
        features = np.column_stack([means, np.clip(odds, -CLIP, CLIP), ones])
        units = on_grid(np.maximum(on_grid(features) @ self.hidden, 0.0))
        found: Doubles = units @ self.output[:-1] + self.output[-1]
        return found

    def probabilities(self, words: Doubles, exits: Doubles, own: Scaling) -> NDArray[np.float32]:
        """Return float32 (n, verdicts) of cleared messages from their log-odds (n,).

        ``exits`` are NaN for messages cleared by their words. ``own`` is the scaling to own
        messages.
        """
        rule = self.rule
        sides = np.where(
            np.isnan(exits),
            words / rule.words_scaling.temperature + rule.words_scaling.bias,
            exits / rule.exit_scaling.temperature + rule.exit_scaling.bias,
        )
        scam = own(sigmoid(sides).astype(np.float64))
        spam = (1 - scam) * rule.spam_share
        return np.column_stack([1 - scam - spam, spam, scam]).astype(np.float32)

    def languages_of(self, rows: Sequence[Sequence[int]], languages: int) -> NDArray[np.int32]:
        """Return the index (n,) of the language of rows of token ids, -1 if uncertain."""
        ids, of_row = flat(rows)
        owners = of_row.astype(np.int64)
        places = np.minimum(np.searchsorted(self.pieces, ids), max(len(self.pieces) - 1, 0))
        known = self.pieces[places] == ids if len(self.pieces) else np.zeros(len(ids), np.bool_)
        places, owners = places[known], owners[known]
        cells = owners * languages + self.languages[places]
        votes = np.bincount(cells, self.votes[places], minlength=len(rows) * languages)
        votes = votes.reshape(len(rows), languages)
        best = votes.argmax(axis=1)
        first = votes[np.arange(len(rows)), best]
        second = np.partition(votes, -2, axis=1)[:, -2] if languages > 1 else np.zeros(len(rows))
        sure = first - second > _LEAD * votes.sum(axis=1)
        return np.where(sure, best, -1).astype(np.int32)


def on_grid(values: Doubles) -> Doubles:
    """Return the nearest multiples of 1 / GRID that fit into 16 bits."""
    rounded: Doubles = np.clip(np.round(values * GRID), -_LARGEST, _LARGEST) / GRID
    return rounded


def mean_states(states: Floats, mask: NDArray[np.int64]) -> Doubles:
    """Return the mean (n, width) of the states (n, tokens, width) in a mask (n, tokens)."""
    # Token by token, so that padding adds zeros at the end and changes nothing.
    sums = np.zeros((states.shape[0], states.shape[2]))
    for place in range(states.shape[1]):
        sums += states[:, place] * mask[:, place, None]
    means: Doubles = sums / mask.sum(axis=1, keepdims=True)
    return means


def proof_line(record: Mapping[str, Any]) -> str:
    """Return the test record of a cascade on one line."""
    whole, honest = Lost(**record["check"]), Lost(**record["honest"])
    flags, reviews = whole.bounds()
    return (
        f"clears {honest.cleared / max(honest.rows, 1):.0%} of honest held-out rows; loses "
        f"{whole.flags_lost} of {whole.flags} flags (95 % bound {flags:.2%}) and "
        f"{whole.reviews_lost} of {whole.reviews} reviews ({reviews:.2%})"
    )


def check_tier(tier: str) -> None:
    """Raise InputError for an unknown tier."""
    if tier not in get_args(Tier):
        raise InputError(f"unknown tier {tier!r}; use one of {get_args(Tier)}")
