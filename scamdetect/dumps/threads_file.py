"""Merge the judged threads of all buckets into one file, in the format of a job's destination."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.dumps.columns import Grouping
from scamdetect.dumps.formats import DELIMITERS, Format
from scamdetect.dumps.tally import ThreadCounts
from scamdetect.dumps.thread_rows import thread_schema
from scamdetect.dumps.writers import write_tables
from scamdetect.frames.arrow import number_array, numbers, one_array, plain_array, valid
from scamdetect.labels import Decision

_CHUNK = 256  # threads that are read together
_SLICE_THREADS = 1 << 16
_SLICE_MESSAGES = 1 << 18
_KEYS = ("decision", "needs_context", "risk", "first_row", "messages")


def save_judged(file: IO[bytes], threads: pa.Table) -> None:
    """Write the judged threads of a bucket in their final order; raise OSError."""
    threads = threads.take(number_array(_order(threads))).combine_chunks()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(file, threads.schema, options=options) as out:
        out.write_table(threads, max_chunksize=_CHUNK)


def write_threads(
    file: IO[bytes],
    kind: Format,
    judged: Sequence[Path],
    grouping: Grouping,
    *,
    csv_delimiter: str = ",",
    spreadsheet_safe: bool = False,
) -> ThreadCounts:
    """Write the threads, flagged first, then riskiest, then earliest; return how many there are.

    ``judged`` are the files of the buckets. Parquet keeps the types of the input columns; CSV and
    TSV hold lists as text such as ``12:0.031;15:0.410``. Raises OSError.
    """
    of_buckets = [_keys(path) for path in judged]
    write_tables(
        file,
        kind,
        _slices(judged, of_buckets, grouping, flat=kind in DELIMITERS),
        what="the threads",
        csv_delimiter=csv_delimiter,
        spreadsheet_safe=spreadsheet_safe,
    )
    keys = pa.concat_tables(of_buckets)
    decisions = keys["decision"]
    return ThreadCounts(
        threads=keys.num_rows,
        flagged=_count(pc.equal(decisions, Decision.FLAG.value)),
        review=_count(pc.equal(decisions, Decision.REVIEW.value)),
        needs_context=_count(keys["needs_context"]),
        messages=pc.sum(keys["messages"]).as_py() or 0,
    )


def _keys(path: Path) -> pa.Table:
    """Return what decides the order of the threads of a bucket, and what is counted."""
    with path.open("rb") as file:
        schema = pa.ipc.open_file(file).schema
        fields = [schema.get_field_index(name) for name in _KEYS]
        options = pa.ipc.IpcReadOptions(included_fields=fields)
        table = pa.ipc.open_file(file, options=options).read_all()
    return table.select(_KEYS)


def _order(threads: pa.Table) -> NDArray[np.int64]:
    """Return the places of the threads in their final order."""
    flagged = pc.equal(threads["decision"], Decision.FLAG.value).cast(pa.int64())
    risk = one_array(threads["risk"])
    risks = np.where(valid(risk), numbers(risk), -1)
    keys = numbers(one_array(threads["first_row"])), -risks, -numbers(one_array(flagged))
    order: NDArray[np.int64] = np.lexsort(keys)
    return order


def _slices(
    judged: Sequence[Path], of_buckets: Sequence[pa.Table], grouping: Grouping, *, flat: bool
) -> Iterator[pa.Table]:
    """Yield the final rows in their order, some at a time, at first none.

    The threads of each bucket are in that order already, so that a slice needs of each a run that
    begins where that of the slice before ended.
    """
    yield _final(thread_schema(grouping).empty_table(), grouping, flat=flat)
    keys = pa.concat_tables(of_buckets)
    bucket_of = np.repeat(np.arange(len(judged)), [table.num_rows for table in of_buckets])
    order = _order(keys)
    read = np.zeros(len(judged), np.int64)
    for start, end in _cuts(numbers(one_array(keys["messages"]))[order]):
        buckets = bucket_of[order[start:end]]
        some = np.bincount(buckets, minlength=len(judged))
        runs = [
            _run(judged[number], int(read[number]), int(read[number] + some[number]))
            for number in np.flatnonzero(some).tolist()
        ]
        read += some
        # Row by row of the slice, its place in the runs, which are in the order of the buckets.
        places = np.empty(len(buckets), np.int64)
        places[np.argsort(buckets, kind="stable")] = np.arange(len(buckets))
        yield _final(pa.concat_tables(runs).take(number_array(places)), grouping, flat=flat)


def _cuts(messages: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield the borders of slices bounded in threads and, but for a larger thread, in messages."""
    ends = np.cumsum(messages)
    start = 0
    while start < len(messages):
        before = ends[start - 1] if start else 0
        fit = int(np.searchsorted(ends, before + _SLICE_MESSAGES, "right"))
        end = min(max(start + 1, fit), start + _SLICE_THREADS)
        yield start, end
        start = end


def _run(path: Path, start: int, end: int) -> pa.Table:
    """Return the threads of a bucket between two places."""
    first = start // _CHUNK
    with path.open("rb") as file, pa.ipc.open_file(file) as reader:
        chunks = [reader.get_batch(number) for number in range(first, -(-end // _CHUNK))]
    return pa.Table.from_batches(chunks).slice(start - first * _CHUNK, end - start)


def _final(threads: pa.Table, grouping: Grouping, *, flat: bool) -> pa.Table:
    """Return the threads with the types and the name of the input, ``flat`` without lists."""
    thread, time = grouping.thread, grouping.time
    assert thread is not None
    columns = {name: threads[name] for name in threads.column_names}
    columns["thread"] = columns["thread"].cast(thread.kind)
    if time is not None:
        columns |= {n: columns[n].cast(time.kind) for n in ("first_time", "last_time")}
    if flat:
        columns["kinds"] = _texts(columns["kinds"], lambda k: f"{k['kind']}:{k['probability']:.2f}")
        columns["turns"] = _texts(columns["turns"], _turn)
        columns["turns_that_mattered"] = _texts(columns["turns_that_mattered"], str)
    title = "thread" if thread.name in columns else thread.name
    return pa.Table.from_arrays(list(columns.values()), names=[title, *list(columns)[1:]])


def _turn(turn: dict[str, Any]) -> str:
    return f"{turn['row']}:" + ("" if turn["risk"] is None else f"{turn['risk']:.3f}")


def _texts(lists: pa.ChunkedArray, shown: Any) -> pa.Array:  # noqa: ANN401
    texts = (";".join(map(shown, items)) for items in lists.to_pylist())
    return plain_array([text or None for text in texts], pa.string())


def _count(flags: pa.ChunkedArray) -> int:
    return int(pc.sum(flags).as_py() or 0)
