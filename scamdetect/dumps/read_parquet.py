"""Read Parquet in batches of bounded size, with its types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.dumps.batch import BATCH_BYTES, BATCH_ROWS, Batch, Dump
from scamdetect.dumps.text import open_bytes
from scamdetect.errors import InputError
from scamdetect.system.os_errors import unreadable

if TYPE_CHECKING:
    from scamdetect.dumps.remote import RemoteFile

_BUFFER_BYTES = 1 << 20


def open_parquet(path: Path | RemoteFile) -> Dump:
    """Open a Parquet file; raise InputError if it is damaged."""
    with _opened(path) as file:
        schema, metadata = file.schema_arrow, file.metadata
        groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
        size = sum(group.total_byte_size for group in groups)
        total = metadata.num_rows
    if len(set(schema.names)) < len(schema.names):
        raise InputError(f"{path}: several columns have the same name; rename all but one")
    batch_rows = max(1, min(BATCH_ROWS, BATCH_BYTES * total // max(size, 1)))

    def batches() -> Iterator[Batch]:
        done = 0
        with _opened(path) as file:
            for batch in file.iter_batches(batch_rows):
                done += batch.num_rows
                yield Batch(pa.Table.from_batches([batch]), (), done / total)

    return Dump(schema, batches)


@contextmanager
def _opened(path: Path | RemoteFile) -> Iterator[pq.ParquetFile]:
    try:
        with open_bytes(path, unpack=False) as stream:
            # Read piece by piece: bytes that are fetched before would be kept until the end.
            with pq.ParquetFile(stream, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
                yield file
    except (pa.ArrowException, OSError) as problem:
        if isinstance(problem, OSError) and problem.errno is not None:
            raise unreadable(Path(str(path)), problem) from problem
        # The text of the library may quote a value.
        raise InputError(
            f"{path}: not a complete Parquet file ({type(problem).__name__}); copy or export it "
            "again"
        ) from None
