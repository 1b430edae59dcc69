"""The messages that a report shows: the highest scores, and the passed ones nearest to review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.adapt.sampling import Pool
from scamdetect.detector import ScamDetector
from scamdetect.frames.arrow import cell_texts
from scamdetect.labels import Decision
from scamdetect.reports.dump_notes import Piece, sample
from scamdetect.scored.read import ScoredBatch, decided_otherwise
from scamdetect.text.masking import beginning

MOST_MESSAGES = 10
KEY_COLUMNS = ("id", "message_id", "msg_id", "uid", "uuid", "guid")
# Of a batch: copies of one campaign could otherwise be masked one by one, millions of them.
_MOST_COMPARED = 200


@dataclass(frozen=True)
class Message:
    """A message with its row, counted from 1, and its key if the file has a column of keys."""

    row: int
    key: str | None
    decision: str
    probability: float
    kinds: tuple[str, ...]
    language: str
    text: str
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Messages:
    """The flagged or reviewed messages, and the passed ones, with the highest scores."""

    found: tuple[Message, ...] = ()
    passed: tuple[Message, ...] = ()


class TopMessages:
    """Collect messages batch by batch; of equal masked texts one, in memory that does not grow."""

    def __init__(self, most: int = MOST_MESSAGES) -> None:
        self._found, self._passed = Pool(most), Pool(most)
        self._kept: dict[int, Message] = {}
        self._rows = 0

    def add(self, batch: ScoredBatch) -> None:
        """Take the next rows of a dump, read with their text and, if there is one, their key."""
        table = batch.table
        texts = table.column("text")
        scores = table.column("probability").to_numpy()
        known = np.asarray(texts.is_valid(), bool) & ~np.isnan(scores)
        decisions = table.column("decision").to_numpy()
        found = known & np.isin(decisions, (Decision.FLAG.value, Decision.REVIEW.value))
        # A message that an allow-list lets pass is not near the threshold, however high its score.
        passed = known & (decisions == Decision.PASS.value)
        passed &= ~np.asarray(decided_otherwise(table), bool)
        for pool, here in ((self._found, found), (self._passed, passed)):
            self._take(pool, np.where(here, 1 - scores, np.inf), texts)
        rows = {one.row for pool in (self._found, self._passed) for one in pool.candidates()}
        self._kept = {row: one for row, one in self._kept.items() if row in rows}
        for row in sorted(rows - self._kept.keys()):
            self._kept[row] = _message(row, table.slice(row - self._rows - 1, 1))
        self._rows += table.num_rows

    def messages(self) -> Messages:
        """Return the messages of the batches so far, highest score first."""
        found, passed = (
            tuple(self._kept[one.row] for one in pool.candidates())
            for pool in (self._found, self._passed)
        )
        return Messages(found, passed)

    def _take(self, pool: Pool, distances: NDArray[np.float64], texts: pa.ChunkedArray) -> None:
        places = np.argsort(distances, kind="stable")[:_MOST_COMPARED]
        pool.add(
            distances[places],
            self._rows + 1 + places,
            lambda place: str(texts[int(places[place])].as_py()),
        )


def find_key_column(columns: Sequence[str]) -> str | None:
    """Return the column with a usual name for keys, None if no column has one."""
    by_name = {name.casefold(): name for name in reversed(columns)}
    return next((by_name[name] for name in KEY_COLUMNS if name in by_name), None)


def with_pieces(
    messages: Sequence[Message], detector: ScamDetector | None = None
) -> tuple[Message, ...]:
    """Return the messages with their masked texts; a detector marks parts of them."""
    return tuple(replace(one, pieces=sample(one.text, detector)) for one in messages)


def _message(row: int, table: pa.Table) -> Message:
    values = {name: table.column(name)[0].as_py() for name in table.column_names if name != "key"}
    return Message(
        row=row,
        key=cell_texts(table.column("key"))[0] if "key" in table.column_names else None,
        decision=values["decision"],
        probability=values["probability"],
        kinds=tuple(kind for kind in values["kinds"] or () if kind),
        language=values["language"] or "und",
        text=beginning(values["text"]),
    )
