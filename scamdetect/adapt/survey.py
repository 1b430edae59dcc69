"""What must be known of a scored dump before rows are chosen: counts, and its thresholds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from scamdetect.errors import InputError
from scamdetect.labels import Decision
from scamdetect.scored.read import ScoredDump, decided_otherwise

_EDGE = 1e-6  # a probability of 0 or 1 is taken for as much less certain


class Survey:
    """The messages that can be labelled, those scored that have a text: by language, in all.

    ``lowest`` and ``highest`` hold the scam probabilities by decision, where these decided.
    """

    def __init__(self) -> None:
        self.languages: Counter[str] = Counter()
        self.decisions: set[str] = set()
        self.lowest: dict[str, float] = {}
        self.highest: dict[str, float] = {}

    @property
    def messages(self) -> int:
        """Return how many messages can be labelled."""
        return self.languages.total()

    def add(self, table: pa.Table) -> None:
        """Count the rows of ``usable``."""
        self.languages.update(table.column("language").to_pylist())
        self.decisions.update(table.column("decision").to_pylist())
        deciding = table.filter(pc.invert(decided_otherwise(table)))
        ends = deciding.group_by("decision").aggregate(
            [("probability", "min"), ("probability", "max")]
        )
        for row in ends.to_pylist():
            name, low, high = row["decision"], row["probability_min"], row["probability_max"]
            self.lowest[name] = min(low, self.lowest.get(name, 1.0))
            self.highest[name] = max(high, self.highest.get(name, 0.0))

    def thresholds(self) -> dict[str, float]:
        """Return the logits of the thresholds in force, flag and review, read off the decisions.

        Each stands midway between the scores on its two sides. What nothing reaches is not known;
        where nothing was flagged or is to review, the highest score stands for the threshold.
        """
        above = {
            Decision.FLAG: (Decision.FLAG,),
            Decision.REVIEW: (Decision.FLAG, Decision.REVIEW),
        }
        found = {}
        for threshold, reached in above.items():
            over = [self.lowest[name] for name in reached if name in self.lowest]
            under = [self.highest[name] for name in self.highest if name not in reached]
            if over and (threshold is Decision.FLAG or Decision.REVIEW in self.lowest):
                sides = [min(over), *([max(under)] if under else [])]
                found[threshold.value] = float(logit(sides).mean())
        return found or {"none reached": float(logit(max(self.highest.values())))}


def survey(dump: ScoredDump, text: str) -> Survey:
    """Return the counts of a dump, read once; raise InputError where no message can be labelled."""
    found = Survey()
    for batch in dump.batches(text):
        found.add(usable(batch.table))
    if not found.messages:
        raise InputError(f"{dump.path}: holds no scored message with a text in column {text!r}")
    return found


def usable(table: pa.Table) -> pa.Table:
    """Return the rows that are scored and have a text; a language without a name is ``und``."""
    scored = pc.not_equal(table["decision"], Decision.UNSCORED.value)
    with_text = pc.greater(pc.fill_null(pc.utf8_length(table["text"]), 0), 0)
    rows = table.filter(pc.and_(scored, with_text))
    # A code has few letters; what is longer is none, and there is no end of such.
    codes = pc.fill_null(rows["language"], "und")
    codes = pc.if_else(pc.less_equal(pc.utf8_length(codes), 3), codes, "und")
    return rows.set_column(rows.column_names.index("language"), "language", codes)


def logit(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return the logits, those of 0 and 1 as of what is just within."""
    values = np.clip(np.asarray(probabilities, np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(values / (1 - values)))
