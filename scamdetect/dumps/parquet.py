"""Read Parquet in batches, with its types and metadata."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scamdetect.dumps.batches import BATCH_BYTES, BATCH_ROWS, Batch, Dump
from scamdetect.dumps.formats import is_remote
from scamdetect.dumps.rows import ArrowRows, TextPath, find_text, schema_members
from scamdetect.errors import InputError
from scamdetect.system.files import check_regular
from scamdetect.system.os_errors import of_system, unreadable

_BUFFER_BYTES = 1 << 20


def open_parquet(
    path: Path, text_column: str, overwrite_columns: bool, text_required: bool = True
) -> Dump:
    """Open a Parquet file; raise InputError if it is damaged or has no text column.

    Without ``text_required`` the column may be missing or of another type.
    """
    with _opened(path) as file:
        schema = file.schema_arrow
        total, batch_rows = file.metadata.num_rows, _batch_rows(file.metadata)
    text_path, kept = find_text_in(
        schema, text_column, overwrite_columns, str(path), required=text_required
    )
    kept_schema = pa.schema([f for f in schema if f.name in kept], metadata=schema.metadata)

    def batches() -> Iterator[Batch]:
        done = 0
        with _opened(path) as file:
            for batch in file.iter_batches(batch_rows):
                done += batch.num_rows
                table = pa.Table.from_batches([batch])
                yield Batch(ArrowRows(str(path), text_path, kept, table), (), done / total)

    has_text = text_column in schema.names or text_column in schema_members(schema)
    return Dump(kept, kept_schema, batches, has_text=has_text)


def read_schema(path: Path) -> pa.Schema:
    """Return the schema of a Parquet file; raise InputError if it is damaged."""
    with _opened(path) as file:
        return file.schema_arrow


def read_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Yield these columns of a Parquet file in batches; raise InputError if it is damaged."""
    with _opened(path) as file:
        for batch in file.iter_batches(_batch_rows(file.metadata), columns=list(columns)):
            yield pa.Table.from_batches([batch])


def _batch_rows(file: pq.FileMetaData) -> int:
    groups = [file.row_group(number) for number in range(file.num_row_groups)]
    size = sum(group.total_byte_size for group in groups)
    return int(max(1, min(BATCH_ROWS, BATCH_BYTES * file.num_rows // max(size, 1))))


def find_text_in(
    schema: pa.Schema, text_column: str, overwrite_columns: bool, where: str, required: bool = True
) -> tuple[TextPath, tuple[str, ...]]:
    """Return the path to the text in tables of this schema and the names of the columns to keep.

    Raises InputError, with ``where``, as ``find_text`` does and, if ``required``, for a column that
    is not text.
    """
    members = schema_members(schema)
    text_path, kept = find_text(
        text_column,
        schema.names,
        members,
        overwrite_columns=overwrite_columns,
        where=where,
        required=required,
    )
    if required:
        nested = len(text_path) > 1
        _check_text(
            where, text_column, members[text_column] if nested else schema.field(text_column).type
        )
    return text_path, kept


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with ExitStack() as files:
            if not is_remote(path):
                check_regular(path)
            # Arrow accepts neither paths that are not UTF-8 nor URLs.
            source = files.enter_context(path.open("rb"))
            # Read piece by piece: pre-buffered bytes would be kept until the end.
            yield files.enter_context(
                pq.ParquetFile(source, pre_buffer=False, buffer_size=_BUFFER_BYTES)
            )
    except (pa.ArrowException, OSError) as problem:
        if of_system(problem):
            raise unreadable(path, problem) from problem
        cause = str(problem).partition("\n")[0]
        raise InputError(
            f"{path}: not a complete Parquet file ({cause}); copy or export it again"
        ) from problem


def _check_text(where: str, name: str, column: pa.DataType) -> None:
    kind = column.value_type if pa.types.is_dictionary(column) else column
    if not (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_null(kind)
    ):
        raise InputError(
            f"{where}: column {name!r} holds {column}, not text; "
            "name the text column with --text-column"
        )
