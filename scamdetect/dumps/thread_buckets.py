"""Divide the messages of a dump into buckets that fit into memory, each with whole threads."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scamdetect.dumps.thread_messages import read_messages
from scamdetect.frames.arrow import as_text, number_array, numbers, one_array, wide
from scamdetect.system.files import OWNER, append

BUCKET_BYTES = 4 << 20  # some 30,000 messages: a kill costs at most one bucket, as it does one part
_MOST_BUCKETS = 4096  # past 16 GiB of messages buckets grow instead
_HELD_BYTES = 16 << 20


def bucket_count(size: int) -> int:
    """Return into how many buckets messages of so many bytes are divided."""
    return min(max(1, -(-size // BUCKET_BYTES)), _MOST_BUCKETS)


def divide(parts: Iterable[Path], buckets: Sequence[Path | None]) -> list[int]:
    """Append the messages of the parts to the files of their buckets; those of None are left out.

    Returns how many messages are in each, also in those left out. The files are not there before.
    Raises OSError, InputError on a damaged part.
    """
    counts = np.zeros(len(buckets), np.int64)
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in (batch for path in parts for batch in read_messages(path)):
        held.append(batch)
        size += batch.nbytes
        if size >= _HELD_BYTES:
            counts += _append(held, buckets)
            held, size = [], 0
    if held:
        counts += _append(held, buckets)
    found: list[int] = counts.tolist()
    return found


def read_bucket(path: Path) -> pa.Table:
    """Return the messages of a bucket, thread by thread, and ``code``, a number for each thread.

    Threads are in the order of their first rows, and so are the messages of each. Raises InputError
    where the file is damaged.
    """
    batches = list(read_messages(path)) if path.exists() else []
    if not batches:
        return pa.table({"code": number_array(np.empty(0, np.int64))})
    table = pa.Table.from_batches(batches)
    table = table.cast(pa.schema([(f.name, wide(f.type)) for f in table.schema]))
    found = pc.dictionary_encode(one_array(table["thread"]))
    codes = numbers(found.indices.cast(pa.int64()))
    order = np.argsort(codes, kind="stable")
    sorted_table = table.take(number_array(order)).combine_chunks()
    return sorted_table.append_column("code", number_array(codes[order]))


def _append(held: list[pa.RecordBatch], buckets: Sequence[Path | None]) -> NDArray[np.int64]:
    """Append messages to their buckets and return how many each gets."""
    table = pa.Table.from_batches(held)
    places = _buckets(table["thread"], len(buckets))
    order = np.argsort(places, kind="stable")
    ends = np.searchsorted(places[order], np.arange(len(buckets) + 1))
    table = table.take(number_array(order))
    for number, path in enumerate(buckets):
        start, end = int(ends[number]), int(ends[number + 1])
        if path is None or start == end:
            continue
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with (
            append(path, OWNER) as file,
            pa.ipc.new_stream(file, table.schema, options=options) as out,
        ):
            out.write_table(table.slice(start, end - start).combine_chunks())
    return np.diff(ends)


def _buckets(threads: pa.ChunkedArray, count: int) -> NDArray[np.int64]:
    """Return the bucket of each thread, which its name alone decides."""
    found = pc.dictionary_encode(one_array(threads))
    hashes = [zlib.crc32(name) % count for name in _raw(found.dictionary)]
    places: NDArray[np.int64] = np.array(hashes, np.int64)[numbers(found.indices.cast(pa.int64()))]
    return places


def _raw(names: pa.Array) -> list[bytes]:
    kind = names.type
    if not (pa.types.is_large_string(kind) or _is_binary(kind)):
        names = as_text(pa.chunked_array([names])).combine_chunks()
    raw: list[bytes] = names.cast(pa.large_binary()).to_pylist()
    return raw


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))
