"""Read the messages of scored dumps with their senders, recipients, days, campaigns and labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from scamdetect.adapt.labels import read_answers
from scamdetect.dumps.columns import Column, Grouping
from scamdetect.dumps.rows import Rows
from scamdetect.errors import InputError
from scamdetect.frames.arrow import cell_texts, plain_array
from scamdetect.frames.times import instants
from scamdetect.labels import Verdict
from scamdetect.scored.source import Opened, aligned
from scamdetect.share.findings import NO_SCAM, SCAM, Message
from scamdetect.share.members import Members

_DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True)
class Dump:
    """A scored dump with its columns, and the labels of its rows by their number from 0."""

    opened: Opened
    columns: Grouping
    labels: Mapping[int, str]


def labels_of(path: Path, dump: Opened) -> dict[int, str]:
    """Return people's labels of the messages, by the rows of the dump; raise InputError."""
    found = {
        answer.row - 1: SCAM if answer.label == Verdict.SCAM else NO_SCAM
        for answer in read_answers(path).usable
    }
    if found and max(found) >= dump.record.rows:
        raise InputError(
            f"{path}: labels row {max(found) + 1}, but {dump.path} has {dump.record.rows:,}; "
            "pass the labels of this dump"
        )
    return found


def batches(dumps: Sequence[Dump], members: Members | None) -> Iterator[list[Message]]:
    """Yield the messages of all dumps in order, in batches; raise InputError."""
    for number, dump in enumerate(dumps):
        first = 0
        for scores, values in aligned(dump.opened.scores(), _values(dump)):
            count = scores.num_rows
            campaigns = [None] * count if members is None else members.of_rows(number, first, count)
            yield list(_messages(dump, scores, values, campaigns, first))
            first += count


def _messages(
    dump: Dump, scores: pa.Table, values: pa.Table, campaigns: Sequence[str | None], first: int
) -> Iterator[Message]:
    columns = [
        *(values[name].to_pylist() for name in ("text", "sender", "recipient", "day")),
        *(scores[name].to_pylist() for name in ("decision", "language", "kinds", "model_id")),
    ]
    for place, (text, sender, recipient, day, decision, language, kinds, model) in enumerate(
        zip(*columns, strict=True)
    ):
        yield Message(
            text=text or "",
            decision=decision,
            language=language,
            kinds=kinds or (),
            model=model,
            sender=sender,
            recipient=recipient,
            day=day,
            campaign=campaigns[place],
            label=dump.labels.get(first + place),
        )


def _values(dump: Dump) -> Iterator[pa.Table]:
    for rows in dump.opened.batches():
        texts = [text if isinstance(text, str) else None for text in dump.opened.texts(rows)]
        yield pa.table(
            {
                "text": plain_array(texts, pa.string()),
                "sender": _names(dump.columns, rows, dump.columns.sender),
                "recipient": _names(dump.columns, rows, dump.columns.recipient),
                "day": days_of(dump.columns, rows),
            }
        )


def _names(columns: Grouping, rows: Rows, column: Column | None) -> pa.Array:
    if column is None:
        return pa.nulls(len(rows), pa.string())
    names = cell_texts(pa.chunked_array([columns.values(rows, column)]))
    return plain_array([name or None for name in names], pa.string())


def days_of(columns: Grouping, rows: Rows) -> pa.Array:
    """Return days since 1970 in UTC, null if unknown."""
    if columns.time is None:
        return pa.nulls(len(rows), pa.int64())
    found = instants(columns.values(rows, columns.time))
    days = np.floor_divide(found.micros, _DAY)
    return plain_array(
        [int(day) if known else None for day, known in zip(days, found.known, strict=True)],
        pa.int64(),
    )
