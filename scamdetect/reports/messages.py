"""The messages that a report shows: the highest scores, and the passed ones nearest to review."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.explain.explanation import Piece, cut
from scamdetect.explain.occlusion import Detector, explain
from scamdetect.frames.arrow import cell_texts
from scamdetect.labels import Decision
from scamdetect.scored.read import decided_otherwise
from scamdetect.text.masking import beginning, masked, template_key
from scamdetect.text.traced import trace

KEY_COLUMNS = ("id", "message_id", "msg_id", "uid", "uuid", "guid")
_MOST_MESSAGES = 10
_MOST_COMPARED = 200  # rows of a batch: copies of one campaign are masked one by one
_MOST_SHOWN, _MOST_MARKED = 600, 3
_CUT_TAG = re.compile(r"\[[a-z]*$")
_RECOGNISED = pa.array([Decision.FLAG.value, Decision.REVIEW.value])
_ORDER = [("probability", "descending"), ("row", "ascending")]
_COLUMNS = ["row", "decision", "probability", "kinds", "language", "text"]

Message = dict[str, Any]  # by _COLUMNS, and its ``key`` if the file has a column of keys


class TopMessages:
    """Collect messages batch by batch; of equal masked texts one, in memory that does not grow."""

    def __init__(self) -> None:
        self.recognised: list[Message] = []
        self.passed: list[Message] = []
        self._rows = 0

    def add(self, batch: pa.Table) -> None:
        """Take the next rows of a dump, read with their text and, if there is one, their key.

        Rows are counted from 1.
        """
        numbers = np.arange(self._rows + 1, self._rows + 1 + len(batch))
        self._rows += len(batch)
        batch = batch.append_column("row", pa.array(numbers))
        batch = batch.filter(pc.and_(pc.is_valid(batch["text"]), pc.is_valid(batch["probability"])))
        recognised = batch.filter(pc.is_in(batch["decision"], value_set=_RECOGNISED))
        # A message that an allow-list lets pass is not near the threshold, however high its score.
        near = batch.filter(pc.invert(decided_otherwise(batch)))
        passed = near.filter(pc.equal(near["decision"], Decision.PASS.value))
        self.recognised = _best(self.recognised, recognised)
        self.passed = _best(self.passed, passed)


def _best(kept: list[Message], rows: pa.Table) -> list[Message]:
    """Return the messages with the highest scores of the kept ones and the rows."""
    if len(kept) == _MOST_MESSAGES:
        rows = rows.filter(pc.greater(rows["probability"], kept[-1]["probability"]))
    rows = rows.take(pc.select_k_unstable(rows, min(_MOST_COMPARED, len(rows)), _ORDER))
    keys = cell_texts(rows["key"]) if "key" in rows.schema.names else [None] * len(rows)
    best = [
        values | {"key": key, "text": beginning(values["text"])}
        for values, key in zip(rows.select(_COLUMNS).to_pylist(), keys, strict=True)
    ]
    distinct: dict[str, Message] = {}
    for message in sorted([*kept, *best], key=lambda row: (-row["probability"], row["row"])):
        if len(distinct) < _MOST_MESSAGES:
            distinct.setdefault(template_key(message["text"]), message)
    return list(distinct.values())


def sample(text: str, detector: Detector | None) -> tuple[Piece, ...]:
    """Return the pieces of a masked message, its strongest segments marked by the detector.

    At most 600 characters are shown, of at most 2,000 that are searched.
    """
    text = beginning(text)
    spans = () if detector is None else explain(detector, text)
    strongest = sorted(spans, key=lambda span: -span.weight)[:_MOST_MARKED]
    whole = masked(trace(text))
    shown = str(whole)
    if len(shown) > _MOST_SHOWN:
        shown = _CUT_TAG.sub("", shown[:_MOST_SHOWN])
    more = [Piece("…", 0, "")] if len(shown) < len(whole) else []
    return (*cut(shown, strongest, offsets=whole.offsets), *more)
