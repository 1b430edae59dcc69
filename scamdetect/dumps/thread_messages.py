"""The messages of threads, kept beside the parts until all of a thread can be read together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scamdetect.dumps.columns import Column, Grouping
from scamdetect.dumps.rows import Rows
from scamdetect.errors import InputError
from scamdetect.frames.arrow import as_text, number_array, plain_array, readable, wide
from scamdetect.system.files import open_regular

WriteMessages = Callable[[Rows, Sequence[Any], int], None]


@dataclass(frozen=True)
class Extent:
    """How many messages are in threads, how many bytes they take, how many are of the own side."""

    messages: int
    bytes: int
    own: int


@contextmanager
def message_writer(file: IO[bytes] | None, grouping: Grouping) -> Iterator[WriteMessages]:
    """Give a function that keeps those of some rows that are in a thread.

    It takes the rows, their texts and the place of the first row in the dump. Without a file it
    does nothing. A row whose thread is null, an empty text or no number is in no thread.
    """
    thread = grouping.thread
    if file is None or thread is None:
        yield lambda rows, texts, first_row: None
        return
    schema = _schema(grouping, thread)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    stream = pa.ipc.new_stream(file, schema, options=options)

    def write(rows: Rows, texts: Sequence[Any], first_row: int) -> None:
        names = grouping.values(rows, thread)
        columns: dict[str, pa.Array] = {
            "thread": names.cast(wide(names.type)),
            "row": number_array(np.arange(first_row, first_row + len(rows))),
            "text": plain_array([_text(text) for text in texts], pa.string()),
        }
        if grouping.sender is not None:
            columns["sender"] = plain_array(_senders(grouping, rows, grouping.sender), pa.string())
        if grouping.time is not None:
            times = grouping.values(rows, grouping.time)
            columns["time"] = times.cast(wide(times.type))
        batch = pa.RecordBatch.from_arrays([columns[n] for n in schema.names], schema=schema)
        found = batch.filter(_named(names))
        if found.num_rows:
            stream.write_batch(found)

    yield write
    stream.close()


def extent(parts: Iterable[Path], me: str | None) -> Extent:
    """Return how much the parts hold; ``me`` is the sender that is the own side, if any.

    Raises InputError on a damaged part.
    """
    messages = size = own = 0
    name = None if me is None else me.strip()
    for batch in (batch for path in parts for batch in read_messages(path)):
        messages += batch.num_rows
        size += batch.nbytes
        if name is not None:
            own += pc.sum(pc.equal(batch["sender"], name)).as_py() or 0
    return Extent(messages, size, own)


def read_messages(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the messages of a file, which holds one stream after another.

    Raises InputError where it is damaged.
    """
    with open_regular(path) as file:
        try:
            while file.peek(1):
                with pa.ipc.open_stream(file) as stream:
                    yield from stream
        except pa.ArrowInvalid as problem:
            raise InputError(f"{path}: damaged; begin anew with --overwrite") from problem


def _schema(grouping: Grouping, thread: Column) -> pa.Schema:
    fields = [("thread", wide(thread.kind)), ("row", pa.int64()), ("text", pa.string())]
    if grouping.sender is not None:
        fields.append(("sender", pa.string()))
    if grouping.time is not None:
        fields.append(("time", wide(grouping.time.kind)))
    return pa.schema(fields)


def _text(text: object) -> str | None:
    """Return the text as UTF-8 can hold it, None for what is no text."""
    if not isinstance(text, str):
        return None
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates, of which the normaliser makes the same
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _senders(grouping: Grouping, rows: Rows, column: Column) -> list[str | None]:
    """Return the names of senders as text without blanks around them; a blank one is nobody's."""
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
