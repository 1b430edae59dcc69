"""Store the messages of threads in row order until all of a thread can be read together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.dumps.columns import Column, Grouping
from scamdetect.dumps.rows import Rows
from scamdetect.frames.arrow import as_text, number_array, plain_array, readable, wide


class MessageWriter:
    """Write those rows that are in a thread to an open file, as one Arrow stream.

    ``me`` is the sender on the own side, if any. ``messages``, ``bytes`` and ``own`` count the
    messages written, their size in memory, and those of the own side. A row whose thread is null,
    empty text or not a number is in no thread.
    """

    def __init__(self, file: IO[bytes], grouping: Grouping, me: str | None) -> None:
        assert grouping.thread is not None
        self._grouping, self._thread = grouping, grouping.thread
        self._me = None if me is None else me.strip()
        self._schema = _schema(grouping, self._thread)
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        self._stream = pa.ipc.new_stream(file, self._schema, options=options)
        self.messages = self.bytes = self.own = 0

    def write(self, rows: Rows, texts: Sequence[Any], first_row: int) -> None:
        """Write rows with these texts, starting at row ``first_row`` of the dump."""
        grouping = self._grouping
        names = grouping.values(rows, self._thread)
        columns: dict[str, pa.Array] = {
            "thread": names.cast(wide(names.type)),
            "row": number_array(np.arange(first_row, first_row + len(rows))),
            "text": plain_array([plain_text(text) for text in texts], pa.string()),
        }
        if grouping.sender is not None:
            columns["sender"] = plain_array(
                sender_names(grouping, rows, grouping.sender), pa.string()
            )
        if grouping.time is not None:
            times = grouping.values(rows, grouping.time)
            columns["time"] = times.cast(wide(times.type))
        arrays = [columns[name] for name in self._schema.names]
        found = pa.RecordBatch.from_arrays(arrays, schema=self._schema).filter(_named(names))
        if not found.num_rows:
            return
        self._stream.write_batch(found)
        self.messages += found.num_rows
        self.bytes += found.nbytes
        if self._me is not None:
            self.own += pc.sum(pc.equal(found["sender"], self._me)).as_py() or 0

    def close(self) -> None:
        """End the stream; the file stays open."""
        self._stream.close()


def _schema(grouping: Grouping, thread: Column) -> pa.Schema:
    fields = [("thread", wide(thread.kind)), ("row", pa.int64()), ("text", pa.string())]
    if grouping.sender is not None:
        fields.append(("sender", pa.string()))
    if grouping.time is not None:
        fields.append(("time", wide(grouping.time.kind)))
    return pa.schema(fields)


def plain_text(text: object) -> str | None:
    """Return the text as valid UTF-8, or None if it is not text."""
    if not isinstance(text, str):
        return None
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates, which the normaliser treats the same
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def sender_names(grouping: Grouping, rows: Rows, column: Column) -> list[str | None]:
    """Return the names of senders as text without surrounding blanks; a blank one is null."""
    values = grouping.values(rows, column)
    names = readable(values.cast(pa.large_string()) if pa.types.is_integer(values.type) else values)
    return [None if name is None else name.strip() or None for name in names]


def _named(threads: pa.Array) -> pa.Array:
    """Return which values name a thread."""
    known = threads.is_valid()
    if pa.types.is_floating(threads.type):
        numbers = as_text(pa.chunked_array([threads]))
        return pc.and_(known, pc.not_equal(numbers, "nan").combine_chunks().fill_null(False))
    if pa.types.is_string(threads.type) or pa.types.is_large_string(threads.type):
        return pc.and_(known, pc.greater(pc.binary_length(threads), 0).fill_null(False))
    return known
