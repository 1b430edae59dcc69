"""Judge the threads of a bucket and write one row per thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.dumps.columns import Grouping
from scamdetect.frames.arrow import list_array, number_array, numbers, one_array, plain_array, wide
from scamdetect.frames.times import Instants, instants
from scamdetect.prediction import ConversationDetector

if TYPE_CHECKING:
    from scamdetect.conversation.predict import ConversationPrediction

_BATCH_MESSAGES = 2048
_BATCH_BYTES = 8 << 20
_KIND = pa.struct([("kind", pa.string()), ("probability", pa.float64())])
_TURN = pa.struct([("row", pa.int64()), ("risk", pa.float64())])


def thread_schema(grouping: Grouping) -> pa.Schema:
    """Return the columns of a table of threads; the column of their names is ``thread``."""
    assert grouping.thread is not None
    fields: list[tuple[str, pa.DataType]] = [
        ("thread", wide(grouping.thread.kind)),
        ("decision", pa.string()),
        ("needs_context", pa.bool_()),
        ("risk", pa.float64()),
        ("kinds", pa.list_(_KIND)),
        ("crossed_row", pa.int64()),
        ("crossed_turn", pa.int64()),
        ("messages", pa.int64()),
        ("judged", pa.int64()),
    ]
    if grouping.sender is not None:
        fields += [("senders", pa.int64()), ("suspect", pa.string())]
    if grouping.time is not None:
        kind = wide(grouping.time.kind)
        fields += [("first_time", kind), ("last_time", kind), ("bad_times", pa.int64())]
    fields += [
        ("first_row", pa.int64()),
        ("turns_that_mattered", pa.list_(pa.int64())),
        ("turns", pa.list_(_TURN)),
        ("notes", pa.string()),
    ]
    return pa.schema(fields)


@dataclass(frozen=True)
class _Thread:
    """A thread and its result; ``told`` are the rows of its first and last times, if any."""

    rows: list[int]
    senders: int
    bad_times: int
    told: tuple[int | None, int | None]
    prediction: ConversationPrediction


def judge(
    bucket: pa.Table, grouping: Grouping, detector: ConversationDetector, me: str | None
) -> Iterator[tuple[pa.Table, int]]:
    """Yield the rows of some threads of a bucket, and their number of messages.

    Each prediction is limited in messages and bytes, except for a larger single thread.
    """
    codes = numbers(one_array(bucket["code"]))
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    ends = np.append(starts[1:], len(codes))
    for first, after in _batches(bucket, starts, ends):
        start, end = int(starts[first]), int(ends[after - 1])
        some = bucket.slice(start, end - start)
        borders = [*(starts[first:after] - start).tolist(), end - start]
        yield _rows(some, borders, grouping, detector, me), end - start


def _batches(
    bucket: pa.Table, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> Iterator[tuple[int, int]]:
    """Yield the first thread of each batch and the one after its last."""
    if not len(starts):
        return
    lengths = pc.fill_null(pc.binary_length(one_array(bucket["text"])), 0).cast(pa.int64())
    sizes = np.concatenate([[0], np.cumsum(numbers(lengths))])
    first = 0
    while first < len(starts):
        begin = starts[first]
        fit = min(
            np.searchsorted(ends, begin + _BATCH_MESSAGES, "right"),
            np.searchsorted(sizes[ends], sizes[begin] + _BATCH_BYTES, "right"),
        )
        after = max(first + 1, int(fit))
        yield first, after
        first = after


def _rows(
    messages: pa.Table,
    borders: Sequence[int],
    grouping: Grouping,
    detector: ConversationDetector,
    me: str | None,
) -> pa.Table:
    texts = messages["text"].to_pylist()
    rows = messages["row"].to_pylist()
    senders = messages["sender"].to_pylist() if grouping.sender is not None else [None] * len(rows)
    times = instants(one_array(messages["time"])) if grouping.time is not None else None
    seconds = [None] * len(rows) if times is None else _seconds(times)
    turns = [
        {"text": text, "sender": sender, "time": second}
        for text, sender, second in zip(texts, senders, seconds, strict=True)
    ]
    spans = list(zip(borders, borders[1:], strict=False))
    predictions = detector.predict_conversations(
        [turns[start:end] for start, end in spans], me=None if me is None else me.strip()
    )
    threads = [
        _Thread(
            rows[start:end],
            len({sender for sender in senders[start:end] if sender is not None}),
            0 if times is None else int(times.bad[start:end].sum()),
            (None, None) if times is None else _told(times, start, end),
            prediction,
        )
        for (start, end), prediction in zip(spans, predictions, strict=True)
    ]
    names = one_array(messages["thread"]).take(number_array(np.array(borders[:-1], np.int64)))
    found = {"thread": names} | _columns(threads)
    if grouping.time is not None:
        values = one_array(messages["time"])
        for place, name in enumerate(("first_time", "last_time")):
            told = plain_array([thread.told[place] for thread in threads], pa.int64())
            found[name] = values.take(told)
    schema = thread_schema(grouping)
    return pa.Table.from_arrays([found[name] for name in schema.names], schema=schema)


def _columns(threads: Sequence[_Thread]) -> dict[str, pa.Array]:
    found = [thread.prediction for thread in threads]
    integers: dict[str, list[int | None]] = {
        "crossed_row": [_crossed_row(thread) for thread in threads],
        "crossed_turn": [prediction.crossed_turn for prediction in found],
        "messages": [len(thread.rows) for thread in threads],
        "judged": [sum(t.scam_probability is not None for t in p.turns) for p in found],
        "senders": [thread.senders for thread in threads],
        "bad_times": [thread.bad_times for thread in threads],
        "first_row": [min(thread.rows) for thread in threads],
    }
    texts: dict[str, list[str | None]] = {
        "decision": [prediction.decision.value for prediction in found],
        "suspect": [prediction.suspect for prediction in found],
        "notes": ["; ".join(prediction.notes) or None for prediction in found],
    }
    kinds = [[(k.kind.value, k.probability) for k in prediction.kinds] for prediction in found]
    turns = [[(t.rows[turn.position], turn.risk) for turn in t.prediction.turns] for t in threads]
    mattered = [[t.rows[p] for p in t.prediction.turns_that_mattered] for t in threads]
    flat = number_array(np.array([row for rows in mattered for row in rows], np.int64))
    return {
        **{name: plain_array(values, pa.int64()) for name, values in integers.items()},
        **{name: plain_array(values, pa.string()) for name, values in texts.items()},
        "needs_context": plain_array([p.needs_context for p in found], pa.bool_()),
        "risk": plain_array([p.risk for p in found], pa.float64()),
        "kinds": _structs(kinds, _KIND),
        "turns": _structs(turns, _TURN),
        "turns_that_mattered": list_array(mattered, flat, pa.list_(pa.int64())),
    }


def _structs(rows: Sequence[Sequence[tuple[Any, Any]]], kind: pa.StructType) -> pa.Array:
    pairs = [pair for row in rows for pair in row]
    fields = list(kind)
    arrays = [plain_array([p[place] for p in pairs], f.type) for place, f in enumerate(fields)]
    return list_array(rows, pa.StructArray.from_arrays(arrays, fields=fields), pa.list_(kind))


def _crossed_row(thread: _Thread) -> int | None:
    position = thread.prediction.crossed_at
    return None if position is None else thread.rows[position]


def _seconds(times: Instants) -> list[float | None]:
    """Return seconds since 1970, None if unknown."""
    pairs = zip((times.micros / 1e6).tolist(), times.known.tolist(), strict=True)
    return [second if known else None for second, known in pairs]


def _told(times: Instants, start: int, end: int) -> tuple[int | None, int | None]:
    """Return the indices of the earliest and the latest known time, of equal ones the first."""
    places = start + np.flatnonzero(times.known[start:end])
    if not len(places):
        return None, None
    micros = times.micros[places]
    return int(places[micros.argmin()]), int(places[micros.argmax()])
